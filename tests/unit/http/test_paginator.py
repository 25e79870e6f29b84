"""Any dialogue ends: at its last page, or where it is led back to one that was read."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.compat import override
from tap_callexports.http.paginators import PaginationError, Paginator


class Next(Paginator[Hashable, Sequence[Hashable]]):
    """Pages of nothing but the token of the next one; the last is empty."""

    def __init__(self, start_value: Hashable) -> None:
        super().__init__(start_value)
        self.calls: list[str] = []

    @override
    def has_more(self, page: Sequence[Hashable]) -> bool:
        self.calls.append("has_more")
        return bool(page)

    @override
    def get_next(self, page: Sequence[Hashable]) -> Hashable:
        self.calls.append("get_next")
        return page[0]


def asked(dialogue: Next, pages: Sequence[Sequence[Hashable]]) -> list[Hashable]:
    """Tokens of the pages that are asked for, until the dialogue ends or the pages do."""
    tokens = []
    for page in pages:
        if dialogue.finished:
            break
        tokens.append(dialogue.current_value)
        dialogue.advance(page)
    return tokens


def test_it_begins_with_its_first_token_and_is_not_over() -> None:
    dialogue = Next(7)
    assert dialogue.current_value == 7
    assert not dialogue.finished


def test_the_last_page_ends_it_and_no_further_one_is_named() -> None:
    dialogue = Next("a")
    assert asked(dialogue, [["b"], ["c"], [], ["d"]]) == ["a", "b", "c"]
    assert dialogue.finished
    assert dialogue.current_value == "c"
    assert dialogue.calls == ["has_more", "get_next"] * 2 + ["has_more"]


@pytest.mark.parametrize("token", [0, "", None, False])
def test_no_token_means_the_end_by_itself(token: Hashable) -> None:
    dialogue = Next("a")
    dialogue.advance([token])
    assert not dialogue.finished
    assert dialogue.current_value == token
    dialogue.advance(["b"])
    assert dialogue.current_value == "b"


@pytest.mark.covers(11)
@given(st.integers(0, 40), st.integers(1, 40))
def test_a_circle_of_any_length_ends_it_before_a_page_is_read_again(
    before: int, length: int
) -> None:
    """The way into the circle is `before` pages long."""
    dialogue = Next(0)
    pages = [*([number] for number in range(1, before + length)), [before]]
    with pytest.raises(PaginationError, match="leads back to a page that was read already"):
        asked(dialogue, pages)
    assert dialogue.calls.count("has_more") == len(pages)


@given(st.lists(st.integers(0, 30), max_size=40))
def test_no_page_is_asked_for_twice_and_none_is_left_out(path: list[int]) -> None:
    dialogue, pages = Next(0), [*([token] for token in path), []]
    new = len(dict.fromkeys([0, *path])) == len(path) + 1
    if new:
        assert asked(dialogue, pages) == [0, *path]
        assert dialogue.finished
    else:
        with pytest.raises(PaginationError):
            asked(dialogue, pages)
        assert not dialogue.finished


def test_a_server_that_leads_back_is_told_in_the_words_of_its_dialogue() -> None:
    dialogue = Next("a")
    dialogue.led_back = "the server gave the same key twice"
    with pytest.raises(PaginationError) as caught:
        dialogue.advance(["a"])
    assert str(caught.value) == "the server gave the same key twice"
