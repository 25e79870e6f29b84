"""Every failure of the catalogue that applies is proved by a test that names it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CATALOGUE = TESTS.parent / "docs" / "failures.md"


def rows() -> Iterator[tuple[int, str]]:
    """Number and answer of each row."""
    for line in CATALOGUE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (\d+) \| .+ \| (.+) \|$", line):
            yield int(match[1]), match[2]


ROWS = dict(rows())
NOT = "Does not apply"
APPLICABLE = [number for number, answer in ROWS.items() if not answer.startswith(NOT)]


def marks_in(file: Path) -> Iterator[tuple[int, str]]:
    """Numbers that tests of a file cover, with the name of what is marked."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.covers"):
            for number in node.args:
                assert isinstance(number, ast.Constant), f"{file}: covers() takes plain numbers"
                assert isinstance(number.value, int)
                yield number.value, f"{file.relative_to(TESTS)}:{node.lineno}"


def covered() -> dict[int, list[str]]:
    """Where each number is covered."""
    found = defaultdict(list)
    for file in TESTS.rglob("test_*.py"):
        for number, place in marks_in(file):
            found[number].append(place)
    return found


COVERED = covered()


def test_the_catalogue_can_be_read() -> None:
    assert len(ROWS) > 110
    assert len(list(rows())) == len(ROWS), "a number stands twice"
    assert list(ROWS) == sorted(ROWS)


@pytest.mark.parametrize("number", APPLICABLE)
def test_a_failure_that_applies_is_covered(number: int) -> None:
    assert COVERED.get(number), f"no test is marked with covers({number})"


def test_no_test_claims_a_failure_that_is_not_in_the_catalogue() -> None:
    assert {n: places for n, places in COVERED.items() if n not in ROWS} == {}


def test_what_does_not_apply_says_why() -> None:
    reasons = [answer for answer in ROWS.values() if answer.startswith(NOT)]
    assert reasons
    assert [reason for reason in reasons if not re.match(rf"{NOT}( yet)?: .{{15,}}", reason)] == []
