"""Twin24's dialogue without a server: what ends a list, and what is asked for next."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from tap_callexports.providers.twin24.paginator import (
    ListToken,
    OffsetPaginator,
    SessionPage,
    session_page,
)

from sandbox.instants import UTC
from tap_callexports.errors import TransientFailure
from tap_callexports.http.paginators import PaginationError
from tap_callexports.http.response import Response
from tap_callexports.records.rows import Rows

FIRST = ListToken(datetime(2024, 5, 9, tzinfo=UTC), datetime(2024, 5, 10, tzinfo=UTC), company=7)
COUNTS = pytest.mark.parametrize("count", [60, None])


def page(first: int, rows: int, count: int | None) -> SessionPage:
    """An answer of calls with ids one after the other."""
    return SessionPage(Rows([{"callId": first + row} for row in range(rows)]), count)


def offsets(*answers: SessionPage) -> list[int]:
    """Where the pages begin that are asked for, of a dialogue that ends with these answers."""
    dialogue, asked = OffsetPaginator(FIRST, "callId"), []
    for answer in answers:
        assert not dialogue.finished
        asked.append(dialogue.current_value.offset)
        dialogue.advance(answer)
    assert dialogue.finished
    return asked


def test_the_count_ends_it_without_another_page() -> None:
    assert offsets(page(0, 20, 60), page(20, 20, 60), page(40, 20, 60)) == [0, 20, 40]


def test_without_a_count_an_empty_page_ends_it_and_a_short_one_does_not() -> None:
    answers = page(0, 20, None), page(20, 3, None), page(23, 20, None), page(43, 0, None)
    assert offsets(*answers) == [0, 20, 23, 43]


def test_an_empty_page_ends_it_whatever_the_count_says() -> None:
    assert offsets(page(0, 20, 60), page(20, 0, 60)) == [0, 20]


@COUNTS
def test_a_period_without_calls_is_one_page(count: int | None) -> None:
    assert offsets(page(0, 0, count and 0)) == [0]


@pytest.mark.covers(34)
def test_fewer_rows_than_asked_for_move_it_on_by_as_many() -> None:
    assert offsets(page(0, 7, 11), page(7, 1, 11), page(8, 3, 11)) == [0, 7, 8]


def test_the_newest_count_is_the_one_that_ends_it() -> None:
    assert offsets(page(0, 20, 40), page(20, 20, 41), page(40, 1, 41)) == [0, 20, 40]
    assert offsets(page(0, 20, 60), page(20, 20, 40)) == [0, 20]
    assert offsets(page(0, 20, None), page(20, 20, 40)) == [0, 20]


@pytest.mark.covers(35)
@COUNTS
@pytest.mark.parametrize("repeated", [0, 20])
def test_a_page_like_the_one_before_it_is_an_error(count: int | None, repeated: int) -> None:
    dialogue = OffsetPaginator(FIRST, "callId")
    for first in range(0, repeated + 1, 20):
        dialogue.advance(page(first, 20, count))
    with pytest.raises(PaginationError, match="the same page twice: it ignores offset"):
        dialogue.advance(page(repeated, 20, count))


def test_a_page_that_repeats_is_an_error_where_the_count_would_end_it() -> None:
    dialogue = OffsetPaginator(FIRST, "callId")
    dialogue.advance(page(0, 20, 40))
    with pytest.raises(PaginationError, match="the same page twice"):
        dialogue.advance(page(0, 20, 40))


def test_pages_that_share_calls_are_not_the_same() -> None:
    assert offsets(page(0, 20, 60), page(1, 20, 60), page(21, 20, 60)) == [0, 20, 40]


def test_every_page_is_of_the_same_period_and_company() -> None:
    dialogue = OffsetPaginator(FIRST, "callId")
    dialogue.advance(page(0, 20, 60))
    assert dialogue.current_value == ListToken(FIRST.start, FIRST.end, offset=20, company=7)


@pytest.mark.parametrize(
    ("count", "read"),
    [
        (0, 0), (12, 12), ("12", 12), (" 12 ", 12), ("0", 0), (None, None), ("", None),
        ("many", None), ("-1", None), ("1.0", None), ("1,000", None), ("٣", None), (12.0, None),
        (True, None), ([12], None), ("9" * 18, 10**18 - 1), ("9" * 19, None),
    ],
)  # fmt: skip
def test_a_count_is_a_whole_number_or_its_digits(count: object, read: int | None) -> None:
    answer = session_page(reply({"items": [{"callId": 1}], "count": count}))
    assert answer.count == read
    assert type(answer.count) is type(read)
    assert len(answer.items) == 1


def test_an_answer_without_a_count_has_none() -> None:
    assert session_page(reply({"items": [{"callId": 1}]})).count is None


@pytest.mark.parametrize("items", [[], None])
def test_a_list_of_nothing_may_be_null(items: object) -> None:
    answer = session_page(reply({"items": items, "count": 0}))
    assert (list(answer.items), answer.count) == ([], 0)


@pytest.mark.parametrize(
    "body", [{}, {"count": 3}, {"items": 5}, {"items": {}}, {"items": [1]}, [], "text", None]
)
def test_an_answer_without_its_list_is_asked_for_again(body: object) -> None:
    with pytest.raises(TransientFailure, match="200 with no list 'items' of calls"):
        session_page(reply(body))


def test_what_the_server_says_in_place_of_a_list_is_told() -> None:
    with pytest.raises(TransientFailure, match=r"of calls \(try later\)"):
        session_page(reply({"message": "try later"}))


def reply(body: object) -> Response:
    return Response(200, {}, json.dumps(body).encode())
