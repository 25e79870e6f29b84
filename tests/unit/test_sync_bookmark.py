"""Bookmark and `as_of` of a sync: what is read again, and what a wrong clock changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from fake_calls import DAY, HOUR, SPAN, START, FakeCalls, SyncLog, at, windows

from tap_callexports.errors import StreamFailed
from tap_callexports.records.batch import Batch
from tap_callexports.windows import Planner, Window

NOW = SPAN.end


def failing_from(calls: FakeCalls, start: datetime) -> FakeCalls:
    """FakeCalls whose windows fail from one on."""

    def read(window: Window) -> Iterator[Batch]:
        if window.start >= start:
            raise StreamFailed("no more")
        return calls.inside(window)

    calls.read = read
    return calls


def with_clock_off(calls: FakeCalls, off: timedelta) -> FakeCalls:
    """FakeCalls whose first response says that this machine's clock is off."""
    told = False

    def read(window: Window) -> Iterator[Batch]:
        nonlocal told
        if not told:
            told = True
            calls.provider._compare_clocks(NOW - off, NOW)
        yield from calls.inside(window)

    calls.read = read
    return calls


def test_an_interrupted_backfill_resumes_at_its_bookmark() -> None:
    """All of it is older than the lookback."""
    calls = FakeCalls(lookback_hours=1)
    log = SyncLog(failing_from(calls, START + DAY))
    with pytest.raises(StreamFailed):
        log.run()
    assert log.pairs == [(START + DAY, NOW)]

    calls.requested.clear()
    calls.read = calls.inside
    assert SyncLog(calls, *log.pairs[-1]).run().bookmarks == at(48, 72, 96)
    assert calls.requested == windows(24, 48, 72, 96)


def test_a_run_that_dies_inside_the_lookback_leaves_the_pair_as_it_was() -> None:
    calls = FakeCalls(lookback_hours=48)
    before = at(72, 72)
    log = SyncLog(failing_from(calls, START + 2 * DAY), *before)
    with pytest.raises(StreamFailed):
        log.run()
    assert calls.requested == windows(24, 48, 72)
    assert log.pairs == []

    calls.requested.clear()
    calls.read = calls.inside
    assert SyncLog(calls, *before).run().pairs == [(START + 3 * DAY, NOW), (NOW, NOW)]
    assert calls.requested == windows(24, 48, 72, 96)


def test_a_complete_run_over_a_range_that_was_read_before_renews_as_of() -> None:
    calls = FakeCalls(lookback_hours=12)
    log = SyncLog(calls, NOW, NOW - HOUR).run()
    assert calls.requested == [Window(NOW - 13 * HOUR, NOW)]
    assert log.pairs == [(NOW, NOW)]


def test_a_run_with_nothing_to_read_leaves_the_pair_as_it_was() -> None:
    calls = FakeCalls()
    assert SyncLog(calls, NOW, NOW).run().pairs == []
    assert calls.requested == []


@pytest.mark.covers(70)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_clock_that_is_ahead_moves_no_bookmark_past_the_servers_time(workers: int) -> None:
    calls = with_clock_off(FakeCalls(max_concurrency=workers), 40 * HOUR)
    log = SyncLog(calls).run()
    assert log.pairs[-1] == (NOW - 40 * HOUR, NOW - 40 * HOUR)
    assert log.bookmarks == at(24, 48, 56)
    # Windows that were under way when the first response came are read, and no others are begun.
    assert len(calls.requested) == 3
    if workers == 1:
        assert calls.requested == windows(0, 24, 48, 56)


@pytest.mark.covers(70)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_server_time_before_the_bookmark_is_nothing_to_do(workers: int) -> None:
    calls = with_clock_off(FakeCalls(max_concurrency=workers), 4000 * DAY)
    assert SyncLog(calls, *at(48, 48)).run().pairs == []
    assert len(calls.requested) <= workers


@pytest.mark.covers(70)
def test_a_clock_that_is_behind_is_kept_and_lowers_no_right_bookmark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = with_clock_off(FakeCalls(lookback_hours=6), -10 * HOUR)
    right = NOW + 5 * HOUR
    assert SyncLog(calls, right, right).run().pairs == []
    assert calls.requested == [Window(NOW - 6 * HOUR, NOW)]
    assert [line for line in caplog.messages if "lowered" in line] == []


@pytest.mark.covers(72)
@pytest.mark.parametrize(
    ("bookmark", "as_of", "lowered", "start"),
    [
        (NOW + 99 * DAY, NOW + 99 * DAY, (NOW, NOW), NOW - 6 * HOUR),
        (NOW + 99 * DAY, None, (NOW, None), NOW - 6 * HOUR),
        (NOW - 9 * HOUR, NOW + 99 * DAY, (NOW - 9 * HOUR, NOW), NOW - 9 * HOUR),
    ],
)
def test_a_bookmark_in_the_future_counts_as_now_and_is_lowered_once(
    bookmark: datetime,
    as_of: datetime | None,
    lowered: tuple[datetime, datetime | None],
    start: datetime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = FakeCalls(lookback_hours=6)
    log = SyncLog(calls, bookmark, as_of).run()
    assert calls.requested[0].start == start
    assert log.pairs == [lowered, (NOW, NOW)] if lowered != (NOW, NOW) else [lowered]
    assert sum("lowered" in line for line in caplog.messages) == 1

    caplog.clear()
    SyncLog(calls, *log.pairs[-1]).run()
    assert caplog.messages == []


def test_without_a_lookback_a_second_is_read_to_lower_a_bookmark_in_the_future() -> None:
    calls = FakeCalls()
    assert SyncLog(calls, NOW + DAY, NOW + DAY).run().pairs == [(NOW, NOW)]
    assert calls.requested == [Window(NOW - timedelta(seconds=1), NOW)]

    behind = with_clock_off(FakeCalls(), -2 * DAY)
    assert SyncLog(behind, NOW + DAY, NOW + DAY).run().pairs == []


def test_what_is_read_again_is_read_in_one_window_by_an_idle_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[timedelta] = []
    days = FakeCalls.planner

    def planner(calls: FakeCalls, span: Window, first_step: timedelta) -> Planner:
        steps.append(first_step)
        return days(calls, span, first_step)

    monkeypatch.setattr(FakeCalls, "planner", planner)
    calls = FakeCalls(lookback_hours=48)
    for bookmark in ((NOW, NOW), (START + DAY, NOW), (None, None), (NOW + 99 * DAY, None)):
        SyncLog(calls, *bookmark).run()
    assert steps == [3 * DAY, 2 * DAY - DAY, DAY, 3 * DAY]


def test_the_next_run_begins_where_the_summary_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls(lookback_hours=12)
    log = SyncLog(failing_from(calls, START + 2 * DAY))
    with pytest.raises(StreamFailed):
        log.run()
    assert log.stats.next_from == START + 2 * DAY
    calls.requested.clear()
    calls.read = calls.inside
    log = SyncLog(calls, *log.pairs[-1]).run()
    assert calls.requested[0].start == START + 2 * DAY
    assert log.stats.next_from == NOW - 12 * HOUR
