"""Windows: cutting, splitting and pacing a span."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.windows import (
    FIRST_STEP,
    MONTH,
    QUIET,
    TARGET_ROWS,
    ClosedWindow,
    Planner,
    Window,
    span_of,
    step_after,
)

UTC = timezone.utc
INSTANTS = st.datetimes(
    min_value=datetime(2001, 1, 1), max_value=datetime(2060, 1, 1), timezones=st.just(UTC)
)
LENGTHS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=5000))


@given(start=INSTANTS, length=LENGTHS, rows=st.lists(st.integers(0, 10**6), max_size=50))
def test_a_plan_covers_its_span_without_gap_or_overlap(
    start: datetime, length: timedelta, rows: list[int]
) -> None:
    span = Window(start, start + length)
    planner = Planner(span)
    counts = iter(rows)
    at = span.start
    windows = 0
    while window := planner.next_window():
        assert window.start == at < window.end
        at = window.end
        windows += 1
        planner.learn(ClosedWindow(window, next(counts, 0), 1))
        if windows > 200:  # busy days for ever: the rest is more of the same
            return
    assert at == span.end


def test_the_first_window_is_small_and_quiet_years_cost_few_windows() -> None:
    span = Window(datetime(2015, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    planner, windows = Planner(span), []
    while window := planner.next_window():
        windows.append(window)
        planner.learn(ClosedWindow(window, 0, 1))
    assert windows[0].length == FIRST_STEP
    assert len(windows) <= 20
    assert max(window.length for window in windows) <= QUIET


@given(length=LENGTHS, rows=st.integers(1, 10**7))
def test_a_window_after_calls_aims_at_the_target_and_at_no_more_than_a_month(
    length: timedelta, rows: int
) -> None:
    step = step_after(length, rows)
    assert timedelta(seconds=1) <= step <= MONTH
    if step > timedelta(seconds=1):
        assert rows * (step / length) <= TARGET_ROWS


@given(start=INSTANTS, length=LENGTHS)
def test_halves_make_up_the_window_and_splitting_ends_at_one_second(
    start: datetime, length: timedelta
) -> None:
    window = Window(start, start + length)
    halves = window.split()
    if halves is None:
        assert length <= timedelta(seconds=1)
        return
    first, second = halves
    assert (first.start, first.end, second.end) == (window.start, second.start, window.end)
    assert first.length >= timedelta(seconds=1)
    assert second.length > timedelta(0)


def test_ten_years_split_down_to_a_second_in_few_steps() -> None:
    window: Window | None = Window(
        datetime(2016, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    )
    steps = 0
    while window and (halves := window.split()):
        window, steps = halves[1], steps + 1
    assert steps < 40


def day(number: int) -> datetime:
    """A day of the year 2024."""
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)


#: Bookmark, as_of, days of lookback, and where the span begins; it could go from day 10 to day 100.
SPANS: list[tuple[datetime | None, datetime | None, int, datetime | None]] = [
    (None, None, 3, day(10)),
    # Incremental runs: the lookback counts from when the last run read.
    (day(90), day(90), 3, day(87)),
    (day(90), day(90), 0, day(90)),
    (day(90), day(90), 85, day(10)),
    # An interrupted backfill resumes at the bookmark, near its end within the lookback.
    (day(40), day(99), 3, day(40)),
    (day(97), day(99), 3, day(96)),
    # A state of an older version does not say when it was read.
    (day(90), None, 3, day(87)),
    (day(12), None, 3, day(10)),
    # A bookmark at or after the end.
    (day(100), day(100), 3, day(97)),
    (day(100), day(100), 0, None),
    (day(200), day(200), 3, None),
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


@given(
    start=INSTANTS,
    end=INSTANTS,
    bookmark=st.none() | INSTANTS,
    as_of=st.none() | INSTANTS,
    lookback=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
)
def test_a_span_goes_back_to_what_was_not_read_yet_and_to_what_may_have_changed(
    start: datetime,
    end: datetime,
    bookmark: datetime | None,
    as_of: datetime | None,
    lookback: timedelta,
) -> None:
    span = span_of(start_date=start, end=end, bookmark=bookmark, as_of=as_of, lookback=lookback)
    wanted = start
    if bookmark is not None:
        wanted = max(start, min(bookmark, (as_of or bookmark) - lookback))
    assert span == (Window(wanted, end) if wanted < end else None)


def test_a_lookback_longer_than_the_calendar_begins_at_the_start_date() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    span = span_of(
        start_date=first, end=day(1), bookmark=first, as_of=first, lookback=timedelta(days=400)
    )
    assert span == Window(first, day(1))
