"""Changes the code, change by change, and tells which of them no test in tests/unit notices.

`make mutants` runs it: mutmut on the modules below, in a copy of the repository in .cache/mutants.
Changes that are not noticed are printed. Fails if a module is below the least share.
"""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".cache" / "mutants"
#: What the tests need, beside the tap.
FOLDERS = ("tap_callexports", "tests", "sandbox", "demo", "benchmarks")
MODULES = (
    "windows", "cap", "sync", "window_reader", "singer/state", "records/dedupe", "records/codec",
    "http/paginators", "http/capped_page",
)  # fmt: skip
#: The tests that are run, those that reach the changed function.
TESTS = (
    "records/test_codec.py", "records/test_dedupe.py", "records/test_exclusions.py",
    "http/test_paginators.py", "singer/test_state.py", "test_cap.py", "test_windows.py",
    "test_capped_windows.py", "test_window_reader.py", "test_sync.py", "test_stream.py",
)  # fmt: skip
#: mutmut's settings. A change that makes tests take five times as long counts as noticed.
SETTINGS = {
    "source_paths": ["tap_callexports"],
    "only_mutate": [f"tap_callexports/{module}.py" for module in MODULES],
    "also_copy": ["benchmarks", "demo", "sandbox"],
    "pytest_add_cli_args_test_selection": [f"tests/unit/{test}" for test in TESTS],
    "pytest_add_cli_args": [
        "--override-ini=addopts=",
        "--hypothesis-profile=mutants",
        "--timeout=120",
    ],
    "timeout_multiplier": ["5"],
    "timeout_constant": ["5"],
    "track_dependencies": ["false"],
    "use_git_change_detection": ["false"],
}
#: The least share of changes that a test has to notice, for each module.
LEAST = 0.88
#: mutmut's exit codes for a change that no test notices, and that no test reaches.
SURVIVED, NO_TESTS = 0, 33


def apply_decorators_by_assignment(source: str) -> str:
    """Replace decorators of functions by assignments after them: mutmut skips decorated functions.

    >>> print(apply_decorators_by_assignment("@property\\ndef name(self):\\n    return 1"))
    <BLANKLINE>
    def name(self):
        return 1
    name = property(name)
    """
    lines = source.splitlines()
    after: dict[int, list[str]] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in reversed(node.decorator_list):
            assignment = f"{node.name} = {ast.unparse(decorator)}({node.name})"
            indented = " " * node.col_offset + assignment
            after.setdefault(node.end_lineno or 0, []).append(indented)
            lines[decorator.lineno - 1] = ""
    for number in sorted(after, reverse=True):
        lines[number:number] = after[number]
    return "\n".join(lines)


def copy_repository() -> None:
    """Make a new copy of what the tests need, with mutmut's settings."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(ROOT / folder, COPY / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", COPY)
    settings = [f"{name} =\n  " + "\n  ".join(values) for name, values in SETTINGS.items()]
    (COPY / "setup.cfg").write_text("\n".join(["[mutmut]", *settings, ""]), "utf-8")
    for module in MODULES:
        file = COPY / "tap_callexports" / f"{module}.py"
        file.write_text(apply_decorators_by_assignment(file.read_text("utf-8")), "utf-8")


def results(module: str) -> dict[str, bool]:
    """The changes of a module by mutmut's names, and whether a test noticed them."""
    file = COPY / "mutants" / "tap_callexports" / f"{module}.py.meta"
    codes = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    return {name: code not in {SURVIVED, NO_TESTS, None} for name, code in codes.items()}


def main() -> None:
    """Run mutmut and print its results."""
    mutmut = Path(sys.executable).with_name("mutmut")
    copy_repository()
    command = [str(mutmut), "run", "--max-children", "2"]
    with (COPY / "log").open("w") as log:
        code = subprocess.run(command, cwd=COPY, stdout=log, stderr=log, check=False).returncode
    if code:
        sys.exit(f"mutmut failed with {code}, see {COPY / 'log'}")
    report(mutmut)


def report(mutmut: Path) -> None:
    """Print what was not noticed, and the share of each module that was."""
    found = {module: results(module) for module in MODULES}
    for changes in found.values():
        for name in (name for name, noticed in changes.items() if not noticed):
            subprocess.run([mutmut, "show", name], cwd=COPY, check=True)
    poor = []
    for module, changes in found.items():
        noticed, share = sum(changes.values()), sum(changes.values()) / len(changes)
        print(f"{module:20}{noticed:5} of {len(changes):4} noticed, {share:6.1%}")
        poor += [module] * (share < LEAST)
    if poor:
        sys.exit(f"below {LEAST:.0%}: {', '.join(poor)}")


if __name__ == "__main__":
    main()
