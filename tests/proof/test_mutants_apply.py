"""The planted bugs still fit the code, and name tests that exist. `python -m mutants` runs them."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from mutants.planted import ROOT, Mutant, planted

FEWEST = 60
MUTANTS = planted()


def test_there_are_many_and_each_breaks_something_else() -> None:
    assert len(MUTANTS) >= FEWEST
    assert len({mutant.breaks for mutant in MUTANTS}) == len(MUTANTS)
    # The same change under two names would count twice.
    changes = {mutant.path.read_text("utf-8").partition("\n--- ")[2] for mutant in MUTANTS}
    assert len(changes) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_still_fits_the_code(mutant: Mutant) -> None:
    assert mutant.apply(ROOT, check=True)
    changed = re.findall(r"^\+\+\+ b/(.*)$", mutant.path.read_text("utf-8"), re.MULTILINE)
    assert all(name.startswith(("tap_callexports/", "orchestrate/")) for name in changed)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_names_tests_that_exist(mutant: Mutant) -> None:
    for place in _places(mutant):
        file, _, function = place.partition("::")
        assert not function or function in _functions(file), place
        assert _functions(file), place
    streams = [file.stem for file in (ROOT / "tests" / "snapshots").iterdir()]
    assert all(any(word in stream for stream in streams) for word in _words(mutant))


@cache
def _functions(file: str) -> set[str]:
    """The tests of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def _places(mutant: Mutant) -> list[str]:
    """Files, or single tests in them."""
    return [name for name in mutant.tests if name.startswith("tests/")]


def _words(mutant: Mutant) -> list[str]:
    """What `-k` asks for: parts of names of streams, with "or" between them."""
    if "-k" not in mutant.tests:
        assert mutant.tests == tuple(_places(mutant))
        return []
    *places, option, words = mutant.tests
    assert (option, places) == ("-k", _places(mutant))
    return words.split(" or ")
