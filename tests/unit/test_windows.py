"""Windows: cutting, splitting and pacing a span."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.cap import Cap
from tap_callexports.windows import (
    MONTH,
    QUIET,
    CappedPlanner,
    ClosedWindow,
    Planner,
    Window,
    plan,
    span_of,
    step_after,
)

UTC = timezone.utc
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
START = datetime(2024, 5, 1, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
LENGTHS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=5000))


def lengths(planner: Planner, *rows: int) -> list[timedelta]:
    """Lengths of the windows of a plan, each closed with so many rows."""
    found = []
    for count in rows:
        window = planner.next_window()
        assert window is not None
        found.append(window.length)
        planner.learn(ClosedWindow(window, count, 1))
    return found


@pytest.mark.parametrize("cap", [None, Cap(5000)])
def test_the_first_window_is_read_alone(cap: Cap | None) -> None:
    planner = plan(Window(START, START + 20 * DAY), DAY, cap=cap)
    first = planner.next_window()
    assert first is not None
    assert planner.next_window() is None
    planner.learn(ClosedWindow(first, 10, 1))
    assert planner.next_window() is not None


@given(
    span=st.builds(
        lambda start, length: Window(start, start + length, {"form_id": "7"}, HOUR),
        INSTANTS,
        LENGTHS,
    ),
    rows=st.lists(st.integers(0, 30_000), max_size=50),
    workers=st.integers(1, 5),
    limit=st.sampled_from([None, 1, 40, 5000, 100_000]),
)
def test_a_plan_covers_its_span_without_gap_or_overlap(
    span: Window, rows: list[int], workers: int, limit: int | None
) -> None:
    planner, counts, at = plan(span, DAY, cap=Cap(limit) if limit else None), iter(rows), span.start
    waiting: list[Window] = []
    for _ in range(200):  # busy days for ever: the rest is more of the same
        while len(waiting) < workers and (window := planner.next_window()):
            assert window.start == at < window.end
            assert (window.only, window.granule) == (span.only, HOUR)
            at = window.end
            waiting.append(window)
        if not waiting:
            assert at == span.end
            return
        planner.learn(ClosedWindow(waiting.pop(0), next(counts, 0), 1))


@pytest.mark.parametrize(
    ("length", "rows", "step"),
    [
        # Grows at most fourfold,
        (DAY, 1, 4 * DAY),
        (DAY, 400, 2 * DAY),
        # aims at 800 of 1,000 rows, in whole seconds,
        (DAY, 800, DAY),
        (DAY, 1600, DAY / 2),
        (7 * SECOND, 1000, 5 * SECOND),
        # and is no longer than a month with calls, a year without,
        (20 * DAY, 1, MONTH),
        (80 * DAY, 0, 320 * DAY),
        (100 * DAY, 0, QUIET),
        # and no shorter than a second.
        (SECOND, 10**6, SECOND),
        (SECOND / 8, 0, SECOND),
    ],
)
def test_the_length_of_a_window_follows_from_the_rows_of_the_one_before(
    length: timedelta, rows: int, step: timedelta
) -> None:
    assert step_after(length, rows, 1000) == step


@pytest.mark.parametrize(("rows", "days"), [(0, 4), (4, 25), (10, 10), (50, 4), (400, 2)])
def test_after_the_first_window_few_expected_rows_are_read_in_a_long_one(
    rows: int, days: int
) -> None:
    planner = Planner(Window(START, START + 100 * DAY), target_rows=1000)
    assert lengths(planner, rows, rows)[:2] == [DAY, days * DAY]


def test_a_plan_aims_at_its_target_with_and_without_a_cap() -> None:
    span = Window(START, START + 100 * DAY)
    assert lengths(plan(span, HOUR, target_rows=1000), 1600, 0) == [HOUR, HOUR / 2]
    assert lengths(plan(span, HOUR), 32_000, 0) == [HOUR, HOUR / 2]
    assert type(plan(span, HOUR)) is Planner
    capped = plan(span, HOUR, target_rows=1000, cap=Cap(5000, 5000, 5000))
    assert isinstance(capped, CappedPlanner)
    assert lengths(capped, 1500, 0) == [HOUR, HOUR / 2]


@given(start=INSTANTS, length=LENGTHS, granule=st.sampled_from([SECOND, timedelta(minutes=1), DAY]))
def test_halves_make_up_the_window_and_splitting_ends_at_one_granule(
    start: datetime, length: timedelta, granule: timedelta
) -> None:
    window = Window(start, start + length, {"form_id": "7"}, granule)
    halves = window.split()
    if halves is None:
        assert length <= granule
        return
    first, second = halves
    assert (first.start, first.end, second.end) == (window.start, second.start, window.end)
    assert first.length % granule == timedelta(0)
    assert first.length >= granule
    assert abs(first.length - second.length) <= 2 * granule
    assert {(half.only is window.only, half.granule) for half in halves} == {(True, granule)}


def test_a_scan_cannot_be_split_and_windows_are_the_same_if_their_times_are() -> None:
    assert Window(START, START + DAY, scan=True).split() is None
    assert Window(START, START + DAY, {"a": 1}, HOUR) == Window(START, START + DAY)
    assert str(Window(START, START + HOUR)) == (
        "2024-05-01T00:00:00.000000Z to 2024-05-01T01:00:00.000000Z"
    )


def day(number: int) -> datetime:
    """A day of the year 2024."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)


#: Bookmark, as_of, days of lookback, and where the span begins; it could go from day 10 to day 100.
SPANS: list[tuple[datetime | None, datetime | None, int, datetime | None]] = [
    (None, None, 3, day(10)),
    # Incremental runs: the lookback counts from when the last run read.
    (day(90), day(90), 3, day(87)),
    (day(90), day(90), 0, day(90)),
    (day(90), day(90), 80, day(10)),
    (day(90), day(90), 85, day(10)),
    # An interrupted backfill resumes at the bookmark, near its end within the lookback.
    (day(40), day(99), 3, day(40)),
    (day(97), day(99), 3, day(96)),
    # A state of an older version does not say when it was read.
    (day(90), None, 3, day(87)),
    # A bookmark at or after the end.
    (day(100), day(100), 3, day(97)),
    (day(100), day(100), 0, None),
    (day(200), None, 150, day(50)),
    (day(5), day(99), 3, day(10)),
]


@pytest.mark.parametrize(("bookmark", "as_of", "lookback", "start"), SPANS)
def test_where_a_span_begins(
    bookmark: datetime | None, as_of: datetime | None, lookback: int, start: datetime | None
) -> None:
    span = span_of(
        start_date=day(10),
        end=day(100),
        bookmark=bookmark,
        as_of=as_of,
        lookback=timedelta(days=lookback),
    )
    assert span == (Window(start, day(100)) if start else None)


def test_a_lookback_longer_than_the_calendar_begins_at_the_start_date() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    span = span_of(
        start_date=first, end=day(1), bookmark=first, as_of=first, lookback=timedelta(days=400)
    )
    assert span == Window(first, day(1))


def test_a_plan_ends_with_the_calendar() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    window = Planner(Window(last - HOUR, last)).next_window()
    assert window == Window(last - HOUR, last)
