"""Paginators: which page is requested next, which rows may be emitted, and where reading ends."""

from __future__ import annotations

import doctest
from collections.abc import Hashable, Iterable
from itertools import cycle, islice, product
from types import ModuleType
from typing import Any, TypeVar

import pytest
from support import batch_of

from tap_callexports.cap import Cap
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http import capped_page, paginators
from tap_callexports.http.capped_page import CappedPage
from tap_callexports.http.paginators import (
    MAX_EMPTY_PAGES,
    MAX_READS,
    CursorPaginator,
    OffsetPaginator,
    Page,
    PaginationError,
    Paginator,
    SinglePage,
    count_of,
)
from tap_callexports.records.batch import Batch

TToken = TypeVar("TToken")
KEYS = ("id",)
NO_CURSOR = "the server says there are more rows, but sends no next_key"


def page(*ids: Hashable, **fields: object) -> Page:
    """A page with rows of these ids."""
    return Page(batch_of([{"id": each} for each in ids]), **fields)


def more(*ids: Hashable, cursor: object = None, has_more: object = True) -> Page:
    """A page that is not the last one."""
    return page(*ids, cursor=cursor, has_more=has_more)


def part(first: int, rows: int, count: object) -> Page:
    """A page of rows with ids one after the other."""
    return page(*range(first, first + rows), count=count)


def ids_of(batches: Iterable[Batch]) -> list[Hashable]:
    """The ids of the rows that may be emitted."""
    return [each for batch in batches for each in batch["id"]]


def tokens(paginator: Paginator[TToken], *pages: Page) -> list[TToken]:
    """Tokens of the pages that are requested, until the pagination ends, as it must, with them."""
    requested = []
    for each in pages:
        assert paginator.finished is False
        requested.append(paginator.token)
        paginator.advance(each)
    assert paginator.finished is True
    return requested


def by_cursor() -> CursorPaginator:
    return CursorPaginator("next_key", keys=KEYS)


def by_offset(max_rows: int = 1000) -> OffsetPaginator:
    return OffsetPaginator(keys=KEYS, max_rows=max_rows)


@pytest.mark.parametrize("module", [paginators, capped_page])
def test_the_worked_examples_are_right(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > result.failed == 0


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0), (12, 12), ("12", 12), (" 12 ", 12), ("0", 0), (None, None), ("", None),
        ("many", None), ("-1", None), (-1, None), ("1.0", None), ("1,000", None), ("٣", None),
        (12.0, None), (True, None), (False, None), ([12], None), ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
    ],
)  # fmt: skip
def test_a_count_is_a_whole_number_or_its_digits(value: object, count: int | None) -> None:
    assert count_of(value) == count
    assert type(count_of(value)) is type(count)


# Cursors.


def test_a_cursor_is_followed_until_there_is_no_more_and_each_page_emitted_at_once() -> None:
    pages = more(1, 2, cursor="a"), more(cursor="b"), page(3, has_more=False)
    assert tokens(by_cursor(), *pages) == [None, "a", "b"]
    cursor = by_cursor()
    assert [ids_of(cursor.advance(each)) for each in pages] == [[1, 2], [], [3]]


NO: list[object] = [False, "false", " FALSE ", 0, "0"]
YES: list[object] = [True, " true ", "True", 1, "1"]
UNKNOWN: list[object] = [None, "", "yes", 2, {}, []]
NONE: list[object] = [None, "", False]


@pytest.mark.parametrize(
    ("has_more", "cursor", "following"),
    [
        # A no is the end whatever the cursor is.
        *product(NO, [*NONE, "a", 5], [None]),
        *product([*YES, *UNKNOWN], ["a"], ["a"]),
        # Without a word no cursor is the end, and another thing than a text is an error.
        *product(UNKNOWN, NONE, [None]),
        *product(UNKNOWN, [17], [NO_CURSOR]),
        *product(YES, [*NONE, 0, 5, True, 1.5, ["a"]], [NO_CURSOR]),
    ],
)
def test_a_cursor_is_followed_unless_there_is_a_no(
    has_more: object, cursor: object, following: str | None
) -> None:
    reading, found = by_cursor(), None
    try:
        reading.advance(more(1, has_more=has_more, cursor=cursor))
        found = None if reading.finished else reading.token
    except PaginationError as error:
        found = str(error)
    assert found == following


def test_a_cursor_or_a_page_that_comes_again_is_an_error() -> None:
    cursor = by_cursor()
    cursor.advance(more(1, 2, cursor="a"))
    cursor.advance(more(3, cursor="b"))
    with pytest.raises(PaginationError, match=r"^the server sent the same next_key twice$"):
        cursor.advance(more(4, cursor="a"))
    with pytest.raises(PaginationError, match=r"^the server sent the same page twice: it ignor"):
        cursor.advance(more(4, cursor="c"))


def test_pages_that_share_rows_are_not_the_same() -> None:
    cursor = by_cursor()
    for number, ids in enumerate([(1, 2), (2, 3), (3, 2), (2,)]):
        cursor.advance(more(*ids, cursor=str(number)))
    assert cursor.token == "3"


def test_so_many_empty_pages_may_come_in_a_row_and_no_more() -> None:
    cursor = by_cursor()
    for number in range(MAX_EMPTY_PAGES):
        cursor.advance(more(cursor=f"before {number}"))
    cursor.advance(more(1, cursor="rows"))
    for number in range(MAX_EMPTY_PAGES):
        cursor.advance(more(cursor=str(number)))
    words = f"^{MAX_EMPTY_PAGES + 1} responses without a row, and the server says there are more$"
    with pytest.raises(PaginationError, match=words):
        cursor.advance(more(cursor="one more"))
    assert ids_of(cursor.advance(page(has_more=False))) == []


# Offsets.


@pytest.mark.parametrize(
    ("pages", "requested"),
    [
        pytest.param([part(0, 20, 40), part(20, 20, 40)], [0, 20], id="the count ends it"),
        pytest.param([part(0, 7, 8), part(7, 1, 8)], [0, 7], id="fewer rows than requested"),
        pytest.param([part(0, 0, 0)], [0], id="a count of nothing"),
        pytest.param([part(0, 0, None)], [0], id="nothing"),
        pytest.param(
            [part(0, 20, None), part(20, 3, None), part(23, 0, None)],
            [0, 20, 23],
            id="without a count an empty page ends it, and a short one does not",
        ),
        pytest.param([part(0, 20, None), part(20, 20, 30)], [0, 20], id="a count of one page only"),
    ],
)
def test_an_offset_advances_by_the_rows_received(pages: list[Page], requested: list[int]) -> None:
    assert tokens(by_offset(), *pages) == requested


def test_the_rows_of_a_window_may_be_emitted_at_its_end() -> None:
    offset = by_offset()
    assert offset.advance(part(0, 20, 25)) == []
    assert ids_of(offset.advance(part(20, 5, 25))) == list(range(25))


@pytest.mark.parametrize("count", [60, 40, None])
@pytest.mark.parametrize("repeated", [0, 20])
def test_a_page_like_the_one_before_it_is_an_error(count: int | None, repeated: int) -> None:
    offset = by_offset()
    for first in range(0, repeated + 1, 20):
        offset.advance(part(first, 20, count and count + repeated))
    words = "^the server sent the same page twice: it ignores offset$"
    with pytest.raises(PaginationError, match=words):
        offset.advance(part(repeated, 20, count and count + repeated))


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([part(0, 20, 40), part(19, 20, 40)], id="a row twice, another one never"),
        pytest.param([part(0, 20, 60), part(20, 0, 60)], id="an empty page before the count"),
        pytest.param([part(0, 20, 40), part(20, 20, 41), part(40, 1, 41)], id="a count that grew"),
        pytest.param([part(0, 20, 60), part(20, 20, 40)], id="a count that shrank"),
        pytest.param([part(0, 20, 10)], id="more rows than counted"),
    ],
)
def test_a_window_whose_rows_do_not_match_its_count_is_read_again(pages: list[Page]) -> None:
    offset = by_offset()
    for each in pages:
        assert offset.advance(each) == []
    assert (offset.token, offset.finished) == (0, False)
    # The page that was read first is none that comes twice.
    assert ids_of(offset.advance(part(0, 20, 20))) == list(range(20))


def test_a_window_that_never_matches_its_count_is_too_large() -> None:
    offset = by_offset()
    for _ in range(MAX_READS - 1):
        offset.advance(part(0, 20, 40))
        offset.advance(part(19, 20, 40))
    offset.advance(part(0, 20, 40))
    with pytest.raises(WindowTooLarge, match=r"^39 distinct rows read where 40 are counted$"):
        offset.advance(part(19, 20, 40))


@pytest.mark.parametrize("count", [40, "40", 41])
def test_a_window_of_as_many_rows_as_may_be_is_too_large_at_its_first_page(count: object) -> None:
    with pytest.raises(WindowTooLarge, match=rf"^{count} rows counted, 40 is the most for one per"):
        by_offset(40).advance(part(0, 20, count))


@pytest.mark.parametrize("count", [None, 30])
def test_a_window_of_as_many_rows_without_a_count_is_too_large(count: int | None) -> None:
    """Also where only some pages have none, and where the pages would never end."""
    offset = by_offset(40)
    offset.advance(part(0, 20, None))
    with pytest.raises(WindowTooLarge, match=r"^40 rows or more$"):
        offset.advance(part(20, 20, count))
    counted = by_offset(40)
    assert tokens(counted, part(0, 39, 39)) == [0]


# Capped responses.


def capped(last: str | None = None, advice: str = "") -> CappedPage[str]:
    return CappedPage("first", last, cap=Cap(3), keys=KEYS, advice=advice)


@pytest.mark.parametrize("last", [None, "last"])
def test_a_response_below_the_cap_is_all_there_is(last: str | None) -> None:
    reading = capped(last)
    assert ids_of(reading.advance(page(1, 2))) == [1, 2]
    assert reading.finished is True


@pytest.mark.parametrize("advice", ["", "ask for more"])
def test_a_full_response_is_too_large(advice: str) -> None:
    with pytest.raises(WindowTooLarge, match=r"^a response of 3 rows, which may have been cut$"):
        capped(advice=advice).advance(page(1, 2, 3))


def test_the_limit_that_the_server_names_counts_and_is_learned() -> None:
    cap = Cap(3)
    reading = CappedPage("first", cap=cap, keys=KEYS)
    assert ids_of(reading.advance(page(1, 2, 3, limit="5"))) == [1, 2, 3]
    assert (cap.limit, cap.longest) == (5, 3)


def test_a_page_that_was_too_much_for_the_server_is_noted_in_the_cap() -> None:
    cap = Cap(5000)
    cap.is_complete(3000, 5000)
    CappedPage("first", cap=cap, keys=KEYS).note_overload()
    assert cap.wanted == 3000


def test_a_window_that_cannot_be_split_is_requested_in_a_second_way() -> None:
    reading = capped("last")
    assert reading.advance(page(1, 2, 3)) == []
    assert (reading.token, reading.finished) == ("last", False)
    assert ids_of(reading.advance(page(1, 2, 3, 4, limit=10))) == [1, 2, 3, 4]
    assert reading.finished is True


def test_two_full_responses_are_complete_where_they_overlap_in_opposite_orders() -> None:
    reading = capped("last")
    reading.advance(page(1, 2, 3))
    assert ids_of(reading.advance(page(4, 3, 2))) == [1, 2, 3, 4, 3, 2]
    assert reading.finished is True


@pytest.mark.parametrize(
    ("second", "complete"), [(3, True), (6, True), (10, False), (100, False), (101, True)]
)
def test_a_second_request_with_a_higher_limit_teaches_nothing_of_the_usual_one(
    second: int, *, complete: bool
) -> None:
    cap = Cap(3)
    reading = CappedPage(
        3, limit := 10 if second <= 10 else 1000, last_limit=limit, cap=cap, keys=KEYS
    )
    assert reading.advance(page(*range(3))) == []
    assert reading.token == limit
    if complete:
        assert len(reading.advance(page(*range(second)))[0]) == second
    else:
        with pytest.raises(WindowTooLarge, match=f"a response of {second} rows"):
            reading.advance(page(*range(second)))
    assert cap == Cap(3, 3, 3)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param((5, 4, 3), id="one shared row"),
        pytest.param((6, 5, 4), id="nothing shared"),
        pytest.param((1, 2, 3), id="the same order"),
        pytest.param((4, 2, 3), id="ties in the same order"),
    ],
)
@pytest.mark.parametrize("advice", ["", "ask the provider"])
def test_two_full_responses_that_prove_nothing_are_too_large(
    second: tuple[int, ...], advice: str
) -> None:
    reading = CappedPage("first", "last", cap=Cap(3), keys=KEYS, advice=advice)
    assert reading.token == "first"
    reading.advance(page(1, 2, 3))
    end = f"; {advice}" if advice else ""
    with pytest.raises(WindowTooLarge, match=rf"may have been cut{end}$"):
        reading.advance(page(*second))


# One response.


@pytest.mark.parametrize(
    ("options", "pages", "requested"),
    [
        pytest.param({}, [page(1, 2)], [0], id="no count"),
        pytest.param({"count": 1}, [page(1, 2)], [0], id="rows that came since the count"),
        pytest.param({"count": 2}, [page(1), page(1, 2)], [0, 1], id="until all are there"),
        pytest.param(
            {"read_twice": True},
            [page(1), page(1, 2), page(3, 4)],
            [0, 1, 2],
            id="until two responses have the same length",
        ),
    ],
)
def test_a_single_response_is_read_until_it_is_complete(
    options: dict[str, Any], pages: list[Page], requested: list[int]
) -> None:
    assert tokens(SinglePage(**options), *pages) == requested
    single = SinglePage(**options)
    emitted = [ids_of(single.advance(each)) for each in pages]
    assert emitted == [[]] * (len(pages) - 1) + [pages[-1].rows["id"]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 9}, "^2 rows read where 9 are counted$"),
        ({"read_twice": True}, "^2 rows read, and 1 before$"),
    ],
)
def test_a_single_response_that_is_never_complete_is_too_large(
    options: dict[str, Any], words: str
) -> None:
    single = SinglePage(**options)
    for rows in islice(cycle([2, 1]), MAX_READS - 1):
        assert single.advance(page(*range(rows))) == []
    with pytest.raises(WindowTooLarge, match=words):
        single.advance(page(1, 2))
