"""Periods that hold more than a provider gives: split, or named each time, never cut short."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from inprocess import Place, Ran
from one_stream import (
    DAY,
    HOUR,
    NOON,
    assert_complete,
    assert_safe,
    empty,
    options,
    run,
)
from seam import limits
from support import assert_table_is, upserted

from sandbox.instants import MICROSECOND, MILLISECOND, SECOND, UTC, text

LISTS = ("twin24_incoming_calls", "twin24_calls")
#: Whether the ends of a period belong to it, the longest page, and how calls are counted.
_SERVERS = [("[]", 7, "int"), ("[)", 1, "text"), ("(]", 1000, "absent"), ("()", 4, "int")]
_WINDOW = re.compile(r"(\d{4}-\S+Z) to (\d{4}-\S+Z) cannot be split further")


def traffic(kind: str, amount: int, burst: int) -> list[datetime]:
    """Instants of calls: even, or in bursts of a second, of an instant, or at seams."""
    dice = random.Random(f"{kind} {amount} {burst}")
    whole = [NOON + step * HOUR for step in range(-60, 60)]
    if kind == "even":
        return [NOON + step * 61 * SECOND for step in range(amount)]
    if kind == "bursts":
        seconds = [
            dice.choice(whole) + dice.randrange(3600) * SECOND for _ in range(amount // burst)
        ]
        return [at + dice.randrange(1000) * MILLISECOND for at in seconds for _ in range(burst)]
    if kind == "instants":
        seconds = dice.sample(whole, amount // burst)
        return [at for at in seconds for _ in range(burst)]
    # The first and the last millisecond of days and hours.
    edges = [at + shift for at in whole for shift in (-MILLISECOND, 0 * SECOND)]
    return dice.sample(edges, min(amount, len(edges)))


def most_within(moments: list[datetime], span: timedelta) -> int:
    """The most of these that lie in any stretch of time so long, its ends included."""
    moments, most, first = sorted(moments), 0, 0
    for last, at in enumerate(moments):
        while at - moments[first] > span:
            first += 1
        most = max(most, last - first + 1)
    return most


def assert_named_and_safe(ran: Ran, place: Place, stream: str, limit: int) -> None:
    """It failed in one line, with a second that is too full, and a bookmark before it."""
    assert ran.code == 1
    (line,) = ran.complaints
    found = _WINDOW.search(line)
    assert found, line
    start, end = (datetime.fromisoformat(told.replace("Z", "+00:00")) for told in found.groups())
    assert end - start <= SECOND
    crowd = [row for row in place.api.of(stream).rows if start - SECOND <= row.at <= end + SECOND]
    assert len(crowd) >= limit, line
    assert (ran.bookmark(stream) or "") <= text(start)
    assert_safe(ran, place, stream)


@pytest.mark.covers(1, 2, 4, 33, 34)
@pytest.mark.parametrize("kind", ["even", "bursts", "instants", "seams"])
@pytest.mark.parametrize("ceiling", [2, 3, 10, 60])
@pytest.mark.parametrize("stream", LISTS)
def test_a_period_over_the_ceiling_is_complete_or_named(
    stream: str, ceiling: int, kind: str
) -> None:
    outcomes = set()
    for ends, clamp, count in _SERVERS:
        with empty(stream) as place:
            server = options(place)
            server.ceiling, server.range_ends = ceiling, ends
            server.limit_max, server.count = clamp, count
            moments = traffic(kind, 16 if ceiling <= 3 else 90, max(ceiling // 2, 1))
            place.api.of(stream).add_at(*moments)
            ran = run(place, stream, max_records=ceiling, page_size=9)
            # What a window of one second asks for, its ends included, is three seconds.
            if most_within(moments, 3 * SECOND) < ceiling:
                assert ran.code == 0, ran.complaints
            if ran.code == 0:
                assert_complete(ran, place, stream)
            else:
                assert_named_and_safe(ran, place, stream, ceiling)
            outcomes.add(ran.code)
    assert 0 in outcomes or ceiling == 2


@pytest.mark.covers(3, 33)
@pytest.mark.parametrize("count", ["int", "text", "absent"])
@pytest.mark.parametrize("ceiling", [1, 2, 25])
@pytest.mark.parametrize("stream", LISTS)
def test_an_instant_over_the_ceiling_is_named_in_each_run_until_the_ceiling_is_raised(
    stream: str, ceiling: int, count: str
) -> None:
    with empty(stream) as place:
        server = options(place)
        server.ceiling, server.count = ceiling, count
        handle = place.api.of(stream)
        if ceiling > 1:
            handle.add_at(*(NOON - step * HOUR for step in range(5, 50, 3)))
        handle.add_at(*[NOON] * ceiling)
        handle.add_at(*(NOON + step * HOUR for step in range(5, 50, 3)))
        first = run(place, stream, max_records=ceiling)
        assert_named_and_safe(first, place, stream, ceiling)
        assert first.bookmark(stream) is not None
        second = run(place, stream, first.state, max_records=ceiling)
        assert second.complaints == first.complaints
        assert second.bookmark(stream) == first.bookmark(stream)
        server.ceiling = 10 * ceiling + 100
        third = run(place, stream, second.state, max_records=server.ceiling)
        assert third.code == 0, third.complaints
        table = upserted(upserted(first.table(stream), second, stream), third, stream)
        assert_table_is(table, place.api.truth(stream))


@pytest.fixture
def small_pages() -> Iterator[int]:
    """Pages of Burki's list hold ten calls."""
    with limits(PAGE=10):
        yield 10


@pytest.mark.covers(32, 33, 56)
@pytest.mark.parametrize("shape", ["items", "array"])
@pytest.mark.parametrize("kind", ["even", "bursts", "instants", "seams"])
def test_a_page_that_is_full_is_split_or_named(small_pages: int, kind: str, shape: str) -> None:
    stream, full = "burki_call_list", 0
    for burst in (2, small_pages - 1, small_pages, small_pages + 1):
        for count in ("right", "missing"):
            with empty(stream, window_rows=small_pages) as place:
                server = options(place)
                server.list_shape, server.count = shape, count
                server.list_limit_max = small_pages
                moments = traffic(kind, 80, burst)
                place.api.of(stream).add_at(*moments)
                ran = run(place, stream)
                if most_within(moments, SECOND) < small_pages:
                    assert_complete(ran, place, stream)
                else:
                    full += 1
                    assert_named_and_safe(ran, place, stream, small_pages)
                    again = run(place, stream, ran.state)
                    assert again.complaints == ran.complaints
                    assert again.bookmark(stream) == ran.bookmark(stream)
    assert (full > 0) == (kind in {"bursts", "instants"})


@pytest.mark.covers(3, 32, 33)
@pytest.mark.parametrize("rows", [999, 1000])
def test_a_second_with_a_whole_page_of_calls_fails_and_one_call_less_does_not(rows: int) -> None:
    stream = "burki_call_list"
    with empty(stream) as place:
        place.api.of(stream).add_at(NOON - DAY, NOON + DAY)
        place.api.of(stream).add_at(*(NOON + step * MILLISECOND for step in range(rows)))
        ran = run(place, stream)
        if rows < 1000:
            assert_complete(ran, place, stream)
        else:
            assert_named_and_safe(ran, place, stream, rows)
            assert len(ran.table(stream)) == 1


@pytest.mark.covers(33, 56)
@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("kind", ["even", "bursts", "instants", "seams"])
@limits(LARGEST_FILE=8)
def test_a_file_of_too_many_calls_is_asked_in_parts_and_a_full_second_in_one(
    kind: str, form: str
) -> None:
    for burst in (3, 8, 9, 20):
        with empty("burki_calls") as place:
            moments = traffic(kind, 80, burst)
            place.api.of("burki_calls").add_at(*moments)
            ran = run(place, "burki_calls", format=form)
            assert_complete(ran, place, "burki_calls")
            assert ran.wire is not None
            files = [sent for sent in ran.wire.sent if "/calls/export" in sent.url]
            assert len(files) >= len(moments) / max(8, most_within(moments, SECOND))


@pytest.fixture(params=[True, False], ids=["ends inside", "ends outside"])
def anunzi(request: pytest.FixtureRequest) -> Iterator[Place]:
    with empty("anunzi_calls", window_rows=50) as place:
        options(place).bt_inclusive = request.param
        yield place


@pytest.mark.covers(16, 18, 24)
@pytest.mark.parametrize(
    ("page", "instant"),
    [
        *((page, NOON + 123 * MILLISECOND) for page in (1, 2, 7, 1000)),
        *((page, datetime(2024, 5, 9, tzinfo=UTC)) for page in (1, 7)),
    ],
)
def test_ties_over_the_ends_of_pages_and_windows_come_once(
    anunzi: Place, instant: datetime, page: int
) -> None:
    rows = 2500 if page == 1000 else 40
    around = (-SECOND, -MILLISECOND, MILLISECOND, SECOND)
    anunzi.api.add_at(*[instant] * rows, *(instant + shift for shift in around))
    # Ties where windows meet: bookmarks are the ends of windows.
    seams = {state for ran in [run(anunzi, "anunzi_calls")] for state in _bookmarks(ran)}
    for seam in sorted(seams)[:-1]:
        at = datetime.fromisoformat(seam.replace("Z", "+00:00"))
        anunzi.api.add_at(*[at - MILLISECOND, at, at + MILLISECOND] * 3)
    ran = run(anunzi, "anunzi_calls", page_size=page)
    assert len(seams) > 2
    assert len(ran.table("anunzi_calls")) == rows + 4 + 9 * (len(seams) - 1)
    assert_complete(ran, anunzi, "anunzi_calls")


@pytest.mark.covers(13, 16)
@pytest.mark.parametrize("refusal", [400, 404, 422])
def test_ties_on_a_page_whose_cursor_is_dropped_come_once_or_fail(
    anunzi: Place, refusal: int
) -> None:
    server = options(anunzi)
    server.cursor_refusal_status = refusal
    for ties in (2, 5, 12):
        server.cursor_ttl_pages = 2
        for step in range(12):
            anunzi.api.add_at(*[NOON + ties * HOUR + step * SECOND] * ties)
        ran = run(anunzi, "anunzi_calls", page_size=4)
        if ties < 4:
            assert_complete(ran, anunzi, "anunzi_calls")
        elif ran.code:
            (line,) = ran.complaints
            assert "refused its own pagination_key" in line
            assert_safe(ran, anunzi, "anunzi_calls")
        else:
            assert_complete(ran, anunzi, "anunzi_calls")


def _bookmarks(ran: Ran) -> Iterator[str]:
    for state in ran.states:
        if value := state["bookmarks"]["anunzi_calls"].get("replication_key_value"):
            yield value


def test_the_measure_of_crowds_is_right() -> None:
    moments = [NOON, NOON, NOON + SECOND, NOON + SECOND + MICROSECOND, NOON + 5 * SECOND]
    assert most_within(moments, SECOND) == 3
    assert most_within(moments, 0 * SECOND) == 2
    assert most_within(moments, HOUR) == 5
