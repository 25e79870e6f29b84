"""Paginators: which page is requested next, which rows may be emitted, and where reading ends."""

from __future__ import annotations

import doctest
from collections.abc import Hashable, Iterable, Iterator
from itertools import cycle, islice
from types import ModuleType
from typing import Any, TypeVar

import pytest
from batch_of import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

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
PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
KEYS = ("id",)


def page(*ids: Hashable, **fields: object) -> Page:
    """A page with rows of these ids."""
    return Page(batch_of([{"id": each} for each in ids]), **fields)


def ids_of(batches: Iterable[Batch]) -> list[Hashable]:
    """The ids of the rows that may be emitted."""
    return [each for batch in batches for each in batch["id"]]


def tokens(paginator: Paginator[TToken], pages: Iterable[Page]) -> list[TToken]:
    """Tokens of the pages that are requested, until the pagination ends, as it must, with them."""
    requested = []
    for each in pages:
        assert not paginator.finished
        requested.append(paginator.token)
        paginator.advance(each)
    assert paginator.finished
    return requested


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


def by_cursor() -> CursorPaginator:
    return CursorPaginator("next_key", keys=KEYS)


def more(*ids: Hashable, cursor: object = None, has_more: object = True) -> Page:
    """A page that is not the last one."""
    return page(*ids, cursor=cursor, has_more=has_more)


def test_a_cursor_is_followed_until_there_is_no_more() -> None:
    pages = more(1, cursor="a"), more(2, cursor="b"), page(3, has_more=False)
    assert tokens(by_cursor(), pages) == [None, "a", "b"]


def test_the_rows_of_each_page_may_be_emitted_at_once() -> None:
    cursor = by_cursor()
    assert ids_of(cursor.advance(more(1, 2, cursor="a"))) == [1, 2]
    assert ids_of(cursor.advance(more(cursor="b"))) == []
    assert ids_of(cursor.advance(page(3, has_more=False))) == [3]


@pytest.mark.parametrize("cursor", [None, "", "a", 5])
def test_a_cursor_on_the_last_page_is_not_looked_at(cursor: object) -> None:
    pages = more(1, cursor="a"), page(2, has_more=False, cursor=cursor)
    assert tokens(by_cursor(), pages) == [None, "a"]


@pytest.mark.covers(10)
@pytest.mark.parametrize("cursor", [None, "", 0, 5, True, 1.5, ["a"], {"key": "a"}])
def test_more_without_a_cursor_that_is_a_text_is_an_error(cursor: object) -> None:
    with pytest.raises(PaginationError, match="there are more rows, but sends no next_key"):
        by_cursor().advance(more(1, cursor=cursor))


@pytest.mark.parametrize("no", [False, "false", "False", " FALSE ", 0, "0"])
@pytest.mark.parametrize("cursor", [None, "a", "new"])
def test_a_no_in_any_form_is_the_end_whatever_the_cursor_is(no: object, cursor: object) -> None:
    pages = more(1, cursor="a"), page(2, has_more=no, cursor=cursor)
    assert tokens(by_cursor(), pages) == [None, "a"]


NOT_A_NO = [True, "true", "TRUE", 1, "1", None, "", "yes", 2, {}, []]


@pytest.mark.parametrize("has_more", NOT_A_NO)
def test_a_new_cursor_is_followed_unless_there_is_a_no(has_more: object) -> None:
    cursor = by_cursor()
    cursor.advance(more(1, has_more=has_more, cursor="a"))
    assert (cursor.token, cursor.finished) == ("a", False)


@pytest.mark.parametrize("has_more", NOT_A_NO)
def test_a_cursor_seen_before_is_an_error_unless_there_is_a_no(has_more: object) -> None:
    cursor = by_cursor()
    cursor.advance(more(1, cursor="a"))
    with pytest.raises(PaginationError, match="sent the same next_key twice"):
        cursor.advance(more(2, has_more=has_more, cursor="a"))


@pytest.mark.parametrize("yes", [True, "true", "True", 1, "1"])
@pytest.mark.parametrize("cursor", [None, "", False])
def test_a_yes_without_a_cursor_is_an_error(yes: object, cursor: object) -> None:
    with pytest.raises(PaginationError, match="there are more rows, but sends no next_key"):
        by_cursor().advance(more(1, has_more=yes, cursor=cursor))


@pytest.mark.parametrize("has_more", [None, "", "yes", 2, {}])
@pytest.mark.parametrize("cursor", [None, "", False])
def test_no_cursor_is_the_end_where_nothing_says_that_there_is_more(
    has_more: object, cursor: object
) -> None:
    assert tokens(by_cursor(), [more(1, has_more=has_more, cursor=cursor)]) == [None]


def test_a_cursor_that_is_not_a_text_is_not_taken_for_the_end() -> None:
    with pytest.raises(PaginationError, match="sends no next_key"):
        by_cursor().advance(more(1, has_more=None, cursor=17))


@pytest.mark.covers(11)
@pytest.mark.parametrize("circle", ["A", "AB", "ABC", "ABCDEFG"])
def test_a_circle_of_cursors_of_any_length_ends(circle: str) -> None:
    read_to_an_error(more(number, cursor=cursor) for number, cursor in enumerate(cycle(circle)))


@pytest.mark.covers(11)
@given(st.integers(0, 40), st.integers(1, 40))
def test_a_circle_ends_before_a_page_of_it_is_requested_again(before: int, length: int) -> None:
    """The way into the circle is `before` pages long."""
    numbers = [*range(before + length), before]
    cursor = by_cursor()
    for number in numbers[:-1]:
        cursor.advance(more(number, cursor=str(number)))
    with pytest.raises(PaginationError, match="sent the same next_key twice"):
        cursor.advance(more("last", cursor=str(numbers[-1])))


@pytest.mark.covers(11)
def test_a_page_that_comes_again_under_a_new_cursor_is_an_error() -> None:
    read_to_an_error(more("c1", "c2", cursor=str(number)) for number in range(100))


def test_the_same_page_twice_is_the_end_where_there_is_no_more() -> None:
    pages = more(1, 2, cursor="a"), page(1, 2, has_more=False)
    assert tokens(by_cursor(), pages) == [None, "a"]


def test_pages_that_share_rows_are_not_the_same() -> None:
    cursor = by_cursor()
    for number, ids in enumerate([(1, 2), (2, 3), (3, 2), (2,)]):
        cursor.advance(more(*ids, cursor=str(number)))
    assert cursor.token == "3"


@pytest.mark.covers(12)
@pytest.mark.parametrize("with_rows_between", [False, True])
def test_so_many_empty_pages_may_come_in_a_row_and_no_more(*, with_rows_between: bool) -> None:
    cursor = by_cursor()
    if with_rows_between:
        for number in range(MAX_EMPTY_PAGES):
            cursor.advance(more(cursor=f"before {number}"))
        cursor.advance(more(1, cursor="rows"))
    for number in range(MAX_EMPTY_PAGES):
        cursor.advance(more(cursor=str(number)))
    assert cursor.token == str(MAX_EMPTY_PAGES - 1)
    with pytest.raises(PaginationError, match=f"{MAX_EMPTY_PAGES + 1} responses without a row"):
        cursor.advance(more(cursor="one more"))


def test_an_empty_page_is_the_end_where_there_is_no_more_however_many_came_before() -> None:
    empty = [more(cursor=str(number)) for number in range(MAX_EMPTY_PAGES)]
    assert len(tokens(by_cursor(), [*empty, page(has_more=False)])) == MAX_EMPTY_PAGES + 1


def read_to_an_error(pages: Iterator[Page]) -> None:
    """Read pages that have no end, until that is noticed."""
    cursor = by_cursor()

    def read() -> None:
        for each in islice(pages, 50):
            cursor.advance(each)

    with pytest.raises(PaginationError, match="twice"):
        read()


# Offsets.

COUNTS = pytest.mark.parametrize("count", [60, None])


def by_offset(max_rows: int = 1000) -> OffsetPaginator:
    return OffsetPaginator(keys=KEYS, max_rows=max_rows)


def part(first: int, rows: int, count: object) -> Page:
    """A page of rows with ids one after the other."""
    return page(*range(first, first + rows), count=count)


def test_the_count_ends_it_without_another_page() -> None:
    pages = part(0, 20, 60), part(20, 20, 60), part(40, 20, 60)
    assert tokens(by_offset(), pages) == [0, 20, 40]


def test_the_rows_of_a_window_may_be_emitted_at_its_end() -> None:
    offset = by_offset()
    assert offset.advance(part(0, 20, 25)) == []
    assert ids_of(offset.advance(part(20, 5, 25))) == list(range(25))


def test_without_a_count_an_empty_page_ends_it_and_a_short_one_does_not() -> None:
    pages = part(0, 20, None), part(20, 3, None), part(23, 20, None), part(43, 0, None)
    assert tokens(by_offset(), pages) == [0, 20, 23, 43]


@COUNTS
def test_a_window_without_rows_is_one_page(count: int | None) -> None:
    assert tokens(by_offset(), [part(0, 0, count and 0)]) == [0]


@pytest.mark.covers(34)
def test_fewer_rows_than_requested_advance_it_by_as_many() -> None:
    pages = part(0, 7, 11), part(7, 1, 11), part(8, 3, 11)
    assert tokens(by_offset(), pages) == [0, 7, 8]


@pytest.mark.covers(35)
@COUNTS
@pytest.mark.parametrize("repeated", [0, 20])
def test_a_page_like_the_one_before_it_is_an_error(count: int | None, repeated: int) -> None:
    offset = by_offset()
    for first in range(0, repeated + 1, 20):
        offset.advance(part(first, 20, count))
    with pytest.raises(PaginationError, match="the same page twice: it ignores offset"):
        offset.advance(part(repeated, 20, count))


def test_a_page_that_repeats_is_an_error_where_the_count_would_end_it() -> None:
    offset = by_offset()
    offset.advance(part(0, 20, 40))
    with pytest.raises(PaginationError, match="the same page twice"):
        offset.advance(part(0, 20, 40))


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
    with pytest.raises(WindowTooLarge, match="39 distinct rows read where 40 are counted"):
        offset.advance(part(19, 20, 40))


def test_a_count_of_one_page_only_proves_nothing() -> None:
    pages = part(0, 20, None), part(20, 20, 30)
    assert tokens(by_offset(), pages) == [0, 20]


@pytest.mark.parametrize("count", [40, "40", 41])
def test_a_window_that_counts_as_many_rows_as_may_be_is_too_large_at_its_first_page(
    count: object,
) -> None:
    with pytest.raises(WindowTooLarge, match="rows counted, 40 is the most for one period"):
        by_offset(40).advance(part(0, 20, count))


@pytest.mark.parametrize("count", [None, 30])
def test_a_window_of_as_many_rows_without_a_count_is_too_large(count: int | None) -> None:
    """Also where only some pages have none, and where the pages would never end."""
    offset = by_offset(40)
    offset.advance(part(0, 20, None))
    with pytest.raises(WindowTooLarge, match="40 rows or more"):
        offset.advance(part(20, 20, count))


# Capped responses.


def capped(last: str | None = None, advice: str = "") -> CappedPage[str]:
    return CappedPage("first", last, cap=Cap(3), keys=KEYS, advice=advice)


@pytest.mark.parametrize("last", [None, "last"])
def test_a_response_below_the_cap_is_all_there_is(last: str | None) -> None:
    reading = capped(last)
    assert ids_of(reading.advance(page(1, 2))) == [1, 2]
    assert reading.finished


def test_a_full_response_is_too_large() -> None:
    with pytest.raises(WindowTooLarge, match=r"a response of 3 rows, which may have been cut$"):
        capped(advice="ask for more").advance(page(1, 2, 3))


def test_the_limit_that_the_server_names_counts_and_is_learned() -> None:
    cap = Cap(3)
    reading = CappedPage("first", cap=cap, keys=KEYS)
    assert ids_of(reading.advance(page(1, 2, 3, limit="5"))) == [1, 2, 3]
    assert (cap.limit, cap.longest) == (5, 3)


def test_a_page_that_was_too_much_for_the_server_is_noted_in_the_cap() -> None:
    cap = Cap(5000)
    cap.is_complete(3000, 5000)
    assert cap.wanted > 3000
    CappedPage("first", cap=cap, keys=KEYS).note_overload()
    assert cap.wanted == 3000


def test_a_window_that_cannot_be_split_is_requested_in_a_second_way() -> None:
    reading = capped("last")
    assert reading.advance(page(1, 2, 3)) == []
    assert (reading.token, reading.finished) == ("last", False)
    assert ids_of(reading.advance(page(1, 2, 3, 4, limit=10))) == [1, 2, 3, 4]
    assert reading.finished


def test_two_full_responses_are_complete_where_they_overlap_in_opposite_orders() -> None:
    reading = capped("last")
    reading.advance(page(1, 2, 3))
    assert set(ids_of(reading.advance(page(4, 3, 2)))) == {1, 2, 3, 4}
    assert reading.finished


@pytest.mark.parametrize(
    "second",
    [
        pytest.param((5, 4, 3), id="one shared row"),
        pytest.param((6, 5, 4), id="nothing shared"),
        pytest.param((1, 2, 3), id="the same order"),
        pytest.param((4, 2, 3), id="ties in the same order"),
    ],
)
def test_two_full_responses_that_prove_nothing_are_too_large(second: tuple[int, ...]) -> None:
    reading = capped("last", "ask the provider for more")
    reading.advance(page(1, 2, 3))
    with pytest.raises(WindowTooLarge, match=r"may have been cut; ask the provider for more$"):
        reading.advance(page(*second))


@PROPERTY
@given(
    times=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    limit=st.integers(1, 20),
    ties=st.sampled_from(["reversed", "in the same order"]),
)
def test_whatever_ties_a_server_has_no_row_is_lost_silently(
    times: list[int], limit: int, ties: str
) -> None:
    calls = sorted((time, number) for number, time in enumerate(times))
    newest = calls[::-1]
    if ties != "reversed":
        newest = sorted(calls, key=lambda call: call[0], reverse=True)
    reading = CappedPage("first", "last", cap=Cap(limit), keys=KEYS)
    read: list[Hashable] = []
    try:
        for order in (calls, newest):
            if not reading.finished:
                read = ids_of(reading.advance(page(*(number for _, number in order[:limit]))))
    except WindowTooLarge:
        # Nothing is refused that could be proved: two shared rows in opposite orders are enough.
        assert ties != "reversed" or 2 * min(limit, len(calls)) - len(calls) < 2
    else:
        assert set(read) == set(range(len(calls)))


# One response.


def test_a_single_response_without_a_count_is_complete_as_it_is() -> None:
    assert tokens(SinglePage(), [page(1, 2)]) == [0]


def test_a_single_response_is_read_again_until_it_has_as_many_rows_as_are_counted() -> None:
    single = SinglePage(3)
    assert single.advance(page(1, 2)) == []
    assert not single.finished
    assert ids_of(single.advance(page(1, 2, 3))) == [1, 2, 3]
    assert single.finished


def test_more_rows_than_are_counted_are_rows_that_came_in_between() -> None:
    assert tokens(SinglePage(1), [page(1, 2)]) == [0]


def test_a_single_response_that_always_lacks_rows_is_too_large() -> None:
    single = SinglePage(3)
    for _ in range(MAX_READS - 1):
        single.advance(page(1, 2))
    with pytest.raises(WindowTooLarge, match="2 rows read where 3 are counted"):
        single.advance(page(1, 2))


def test_a_response_whose_end_cannot_be_told_is_read_until_two_have_the_same_length() -> None:
    single = SinglePage(read_twice=True)
    assert single.advance(page(1)) == []
    assert single.advance(page(1, 2)) == []
    assert ids_of(single.advance(page(1, 2))) == [1, 2]
    assert single.finished


def test_responses_that_never_have_the_same_length_are_too_large() -> None:
    single = SinglePage(read_twice=True)
    for number in range(MAX_READS - 1):
        single.advance(page(*range(number)))
    with pytest.raises(WindowTooLarge, match="3 rows read, and 1 before"):
        single.advance(page(*range(MAX_READS)))


@pytest.mark.parametrize("options", [{"count": 2}, {"read_twice": True}])
def test_each_time_a_response_is_read_again_has_a_token_of_its_own(options: Any) -> None:
    paginator = SinglePage(**options)
    paginator.advance(page(1))
    assert paginator.token == 1
