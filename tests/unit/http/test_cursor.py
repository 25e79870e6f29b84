"""Cursors: followed to the end, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import pytest

from tap_callexports.http.paginators import (
    EMPTY_PAGES,
    CursorPage,
    CursorPaginator,
    CursorToken,
    PaginationError,
)
from tap_callexports.records.rows import Rows


@dataclass(frozen=True, slots=True)
class Token(CursorToken):
    """A page of the calls of a day."""

    day: int


def paginator() -> CursorPaginator[Token]:
    return CursorPaginator(Token(9), "next_key", key="call_id")


def page(*rows: object, more: object = True, cursor: object = None) -> CursorPage:
    """An answer with rows of these ids."""
    return CursorPage(Rows([{"call_id": row} for row in rows]), more, cursor)


def test_a_dialogue_goes_from_cursor_to_cursor_and_ends_where_there_is_no_more() -> None:
    dialogue, asked = paginator(), []
    for answer in (page(1, cursor="a"), page(2, cursor="b"), page(3, more=False)):
        assert not dialogue.finished
        asked.append(dialogue.current_value)
        dialogue.advance(answer)
    assert asked == [Token(9), Token(9, cursor="a"), Token(9, cursor="b")]
    assert dialogue.finished


@pytest.mark.parametrize("cursor", [None, "", "a", 5])
def test_a_cursor_on_the_last_page_is_not_looked_at(cursor: object) -> None:
    dialogue = paginator()
    dialogue.advance(page(1, cursor="a"))
    dialogue.advance(page(2, more=False, cursor=cursor))
    assert dialogue.finished


@pytest.mark.covers(10)
@pytest.mark.parametrize("cursor", [None, "", 0, 5, True, 1.5, ["a"], {"key": "a"}])
def test_more_without_a_cursor_that_is_a_text_is_an_error(cursor: object) -> None:
    with pytest.raises(PaginationError, match="says there is more, but gives no next_key"):
        paginator().advance(page(1, cursor=cursor))


@pytest.mark.parametrize("more", [False, "false", "False", " FALSE ", 0, "0"])
@pytest.mark.parametrize("cursor", [None, "a", "new"])
def test_a_no_in_any_form_ends_the_pagination_whatever_the_cursor_is(
    more: object, cursor: object
) -> None:
    dialogue = paginator()
    dialogue.advance(page(1, cursor="a"))
    dialogue.advance(page(2, more=more, cursor=cursor))
    assert dialogue.finished


NOT_A_NO = [True, "true", "TRUE", 1, "1", None, "", "yes", 2, {}, []]


@pytest.mark.parametrize("more", NOT_A_NO)
def test_a_new_cursor_is_followed_unless_there_is_a_no(more: object) -> None:
    dialogue = paginator()
    dialogue.advance(page(1, more=more, cursor="a"))
    assert not dialogue.finished
    assert dialogue.current_value.cursor == "a"


@pytest.mark.parametrize("more", NOT_A_NO)
def test_a_cursor_seen_before_is_an_error_unless_there_is_a_no(more: object) -> None:
    dialogue = paginator()
    dialogue.advance(page(1, cursor="a"))
    with pytest.raises(PaginationError, match="gave the same next_key twice"):
        dialogue.advance(page(2, more=more, cursor="a"))


@pytest.mark.parametrize("more", [True, "true", "True", 1, "1"])
@pytest.mark.parametrize("cursor", [None, "", False])
def test_a_yes_without_a_cursor_is_an_error(more: object, cursor: object) -> None:
    with pytest.raises(PaginationError, match="says there is more, but gives no next_key"):
        paginator().advance(page(1, more=more, cursor=cursor))


@pytest.mark.parametrize("more", [None, "", "yes", 2, {}])
@pytest.mark.parametrize("cursor", [None, "", False])
def test_no_cursor_is_the_end_where_nothing_says_that_there_is_more(
    more: object, cursor: object
) -> None:
    dialogue = paginator()
    dialogue.advance(page(1, more=more, cursor=cursor))
    assert dialogue.finished


def test_a_cursor_that_is_not_a_text_is_not_taken_for_the_end() -> None:
    with pytest.raises(PaginationError, match="gives no next_key"):
        paginator().advance(page(1, more=None, cursor=17))


def test_a_cursor_that_comes_again_is_an_error_that_names_it() -> None:
    dialogue = paginator()
    dialogue.advance(page(1, cursor="a"))
    with pytest.raises(PaginationError, match="gave the same next_key twice"):
        dialogue.advance(page(2, cursor="a"))


@pytest.mark.covers(11)
@pytest.mark.parametrize("circle", ["A", "AB", "ABC", "ABCDEFG"])
def test_a_circle_of_cursors_of_any_length_ends(circle: str) -> None:
    _read(page(number, cursor=cursor) for number, cursor in enumerate(cycle(circle)))


@pytest.mark.covers(11)
def test_a_page_that_comes_again_under_a_new_cursor_ends_the_dialogue() -> None:
    _read(page("c1", "c2", cursor=str(number)) for number in range(100))


def test_the_same_page_twice_is_the_end_where_there_is_no_more() -> None:
    dialogue = paginator()
    dialogue.advance(page(1, 2, cursor="a"))
    dialogue.advance(page(1, 2, more=False))
    assert dialogue.finished


def test_pages_that_share_rows_are_not_the_same() -> None:
    dialogue = paginator()
    for number, rows in enumerate([(1, 2), (2, 3), (3, 2), (2,)]):
        dialogue.advance(page(*rows, cursor=str(number)))
    assert dialogue.current_value.cursor == "3"


@pytest.mark.covers(12)
@pytest.mark.parametrize("with_rows_between", [False, True])
def test_so_many_empty_pages_may_come_in_a_row_and_no_more(*, with_rows_between: bool) -> None:
    dialogue = paginator()
    if with_rows_between:
        for number in range(EMPTY_PAGES):
            dialogue.advance(page(cursor=f"before {number}"))
        dialogue.advance(page(1, cursor="rows"))
    for number in range(EMPTY_PAGES):
        dialogue.advance(page(cursor=str(number)))
    assert dialogue.current_value.cursor == str(EMPTY_PAGES - 1)
    with pytest.raises(PaginationError, match=f"{EMPTY_PAGES + 1} answers without a row"):
        dialogue.advance(page(cursor="one more"))


def test_an_empty_page_is_the_end_where_there_is_no_more_however_many_came_before() -> None:
    dialogue = paginator()
    for number in range(EMPTY_PAGES):
        dialogue.advance(page(cursor=str(number)))
    dialogue.advance(page(more=False))
    assert dialogue.finished


def _read(pages: Iterator[CursorPage]) -> None:
    """Read pages that have no end, until that is noticed."""
    dialogue = paginator()

    def read() -> None:
        for _, answer in zip(range(50), pages, strict=False):
            dialogue.advance(answer)

    with pytest.raises(PaginationError, match="twice"):
        read()
