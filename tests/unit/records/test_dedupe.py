"""Duplicates: told wherever they can meet, and forgotten where they cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.records.dedupe import Dedupe


def test_a_row_that_comes_again_unchanged_is_a_duplicate_and_a_changed_one_is_not() -> None:
    dedupe = Dedupe()
    assert dedupe.among(["a", "b"], [1, 1]) == []
    assert dedupe.among(["c", "b", "a", "b", "c"], [1, 1, 2, 2, 1]) == [1, 4]
    with pytest.raises(ValueError, match="zip"):
        dedupe.among(["a"], [])


@pytest.mark.parametrize("within", [None, 1, 50])
def test_only_the_window_before_is_remembered(within: int | None) -> None:
    dedupe = Dedupe(within)
    assert dedupe.among([1], [0]) == []
    for _ in range(4):
        dedupe.next_window()
        assert dedupe.among([1], [0]) == [0], "window after window"
    for _ in range(2):
        dedupe.next_window()
    assert dedupe.among([1], [0]) == []


class OneByOne:
    """Rows in the order they are received, each compared with those before it."""

    def __init__(self, within: int | None) -> None:
        self.within = within
        self.now: dict[int, int] = {}
        self.before: dict[int, int] = {}

    def is_duplicate(self, key: int, content: int) -> bool:
        seen = self.now.get(key, self.before.get(key))
        self.now[key] = content
        if self.within is not None and len(self.now) > self.within:
            self.next_window()
        return seen == content

    def next_window(self) -> None:
        self.before, self.now = self.now, {}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2))) | st.none(), max_size=9),
    st.none() | st.integers(1, 12),
)
def test_many_rows_at_once_are_told_as_one_by_one(
    responses: list[list[tuple[int, int]] | None], within: int | None
) -> None:
    together, single = Dedupe(within), OneByOne(within)
    for rows in responses:
        if rows is None:
            together.next_window()
            single.next_window()
            continue
        wanted = [number for number, row in enumerate(rows) if single.is_duplicate(*row)]
        assert together.among([key for key, _ in rows], [content for _, content in rows]) == wanted
