"""Changes the code line by line, and says which changes no test in tests/unit notices.

`make mutants` runs it: mutmut on the modules below, in a copy of the repository in `.cache`. Changes
that were not noticed are printed with their difference. Fails if a module is below the least share.
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
#: The least share of changes that a test has to notice, for each module.
LEAST = 0.9
#: mutmut's exit codes for a change that no test noticed, and that no test reaches.
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
            name, call = node.name, ast.unparse(decorator)
            assignment = f"{' ' * node.col_offset}{name} = {call}({name})"
            after.setdefault(node.end_lineno or 0, []).append(assignment)
            lines[decorator.lineno - 1] = ""
    for number in sorted(after, reverse=True):
        lines[number:number] = after[number]
    return "\n".join(lines)


def copy_repository() -> None:
    """Make a new copy of what the tests need."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
    shutil.copy(ROOT / "pyproject.toml", COPY)
    for module in MODULES:
        file = COPY / "tap_callexports" / f"{module}.py"
        file.write_text(apply_decorators_by_assignment(file.read_text("utf-8")), "utf-8")


def results(module: str) -> dict[str, bool]:
    """The changes of a module by mutmut's names, and whether a test noticed them."""
    file = COPY / "mutants" / "tap_callexports" / f"{module}.py.meta"
    codes = json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    return {name: code not in (SURVIVED, NO_TESTS, None) for name, code in codes.items()}


def main() -> None:
    """Run mutmut and print its results."""
    mutmut = Path(sys.executable).with_name("mutmut")
    copy_repository()
    command = [mutmut, "run", "--max-children", "2"]
    with (COPY / "log").open("w") as log:
        code = subprocess.run(command, cwd=COPY, stdout=log, stderr=log, check=False).returncode
    if code:
        sys.exit(f"mutmut failed with {code}, see {COPY / 'log'}")
    poor = []
    for module in MODULES:
        found = results(module)
        for name, noticed in found.items():
            if not noticed:
                subprocess.run([mutmut, "show", name], cwd=COPY, check=True)
        if sum(found.values()) < LEAST * len(found):
            poor.append(module)
    for module in MODULES:
        found = results(module)
        noticed = sum(found.values())
        print(f"{module:20}{noticed:5} of {len(found):4} noticed, {noticed / len(found):6.1%}")
    if poor:
        sys.exit(f"below {LEAST:.0%}: {', '.join(poor)}")


if __name__ == "__main__":
    main()
