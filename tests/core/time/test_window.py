"""Windows: cutting, splitting and pacing a span."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.core.time.window import (
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


DAY = datetime(2024, 5, 10, tzinfo=UTC)


def test_a_span_without_a_bookmark_begins_at_the_start_date() -> None:
    span = span_of(
        start_date=DAY, end=DAY + timedelta(days=1), bookmark=None, lookback=timedelta(days=3)
    )
    assert span == Window(DAY, DAY + timedelta(days=1))


@given(
    start=INSTANTS,
    end=INSTANTS,
    bookmark=st.none() | INSTANTS,
    lookback=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
)
def test_a_span_never_begins_before_the_start_date_nor_after_the_lookback(
    start: datetime, end: datetime, bookmark: datetime | None, lookback: timedelta
) -> None:
    span = span_of(start_date=start, end=end, bookmark=bookmark, lookback=lookback)
    if span is None:
        return
    assert start <= span.start < span.end == end
    if bookmark is not None and bookmark - lookback > start:
        assert span.start <= bookmark - lookback


def test_nothing_is_left_to_read_when_the_span_is_empty() -> None:
    assert span_of(start_date=DAY, end=DAY, bookmark=None, lookback=timedelta(0)) is None
    assert span_of(start_date=DAY, end=DAY, bookmark=DAY, lookback=timedelta(1)) is None
