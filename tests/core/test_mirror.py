"""Who opens a module of core finds its tests at the same place of this folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import assert_listed

import tap_callexports.core

TESTS = Path(__file__).parent
CORE = Path(tap_callexports.core.__file__).parent
#: Modules whose tests need a run or a process, and where those are.
ELSEWHERE = {
    "command.py": ("test_cli.py", "test_cli_run.py"),
    "details.py": ("providers/test_call_details.py", "providers/test_call_details_gone.py"),
    "endpoint.py": ("core/test_export_windows.py", "providers/test_seams.py"),
    "parts.py": ("core/test_export_windows.py", "proof/test_unreadable.py"),
    "errors.py": ("core/http/test_policy.py", "core/test_export_windows.py"),
    "provider.py": ("fifth_provider/test_fifth_provider.py",),
    "stream.py": ("contract/test_contract_variants.py", "test_connection_test.py"),
    "tap.py": ("test_signals.py", "test_cli_run.py"),
    "progress/terminal.py": ("test_progress_cli.py",),
    "singer/input.py": ("test_cli_input.py",),
}


def modules() -> Iterator[str]:
    """Modules in which something is defined."""
    for file in sorted(CORE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        if any(isinstance(node, (ast.ClassDef, ast.FunctionDef)) for node in tree.body):
            yield file.relative_to(CORE).as_posix()


MODULES = tuple(modules())


def files_of(module: str) -> set[Path]:
    """The files with a module's tests: `test_reply.py`, `test_reply_headers.py`."""
    path = TESTS / module
    names = (f"test_{path.stem}.py", f"test_{path.stem}_*.py")
    return {file for name in names for file in path.parent.glob(name)}


def test_every_file_of_tests_is_where_its_module_is() -> None:
    there = {*TESTS.rglob("test_*.py")} - {Path(__file__)}
    assert there
    lost = there.difference(*map(files_of, MODULES))
    assert sorted(path.relative_to(TESTS).as_posix() for path in lost) == []


def test_every_module_has_tests_at_its_place_or_is_listed_with_others() -> None:
    without = [module for module in MODULES if not files_of(module)]
    assert_listed(without, ELSEWHERE, "ELSEWHERE of tests/core/test_mirror.py")


@pytest.mark.parametrize("module", ELSEWHERE)
def test_the_other_places_of_a_module_are_there(module: str) -> None:
    assert [place for place in ELSEWHERE[module] if not (TESTS.parent / place).is_file()] == []
