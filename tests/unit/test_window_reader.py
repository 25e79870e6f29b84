"""Reading a planned window: in halves, with few tries, and without what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from fake_calls import ALL, DAY, HOUR, SECOND, SPAN, START, FakeCalls, SyncLog, at, windows
from seam import limits

from tap_callexports.cap import Cap
from tap_callexports.errors import KeyMissing, StreamFailed, Unreadable, WindowTooLarge
from tap_callexports.http.traffic import current_traffic
from tap_callexports.progress.stats import Stats
from tap_callexports.records.batch import Batch
from tap_callexports.window_reader import WindowReader
from tap_callexports.windows import CappedPlanner, ClosedWindow, Planner, Window

#: A second that cannot be read.
BAD = Window(START + 30 * HOUR, START + 30 * HOUR + SECOND)
GAVE_UP = Unreadable("Test (test_calls): 500; gave up after 8 tries")


def has_bad(window: Window) -> bool:
    return window.start <= BAD.start < window.end


def spoilt(failure: Exception = GAVE_UP, **options: object) -> FakeCalls:
    """Calls of which one second cannot be read, after the responses before it."""
    return FakeCalls(**options).failing(failure, has_bad, after=None)


def fails(calls: FakeCalls, words: str) -> SyncLog:
    log = SyncLog(calls)
    with pytest.raises(StreamFailed, match=words):
        log.run()
    return log


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (GAVE_UP, str(GAVE_UP)),
        (WindowTooLarge("too many rows"), "Test (test_calls): too many rows"),
    ],
)
def test_a_window_that_cannot_be_read_is_read_in_halves_and_fails_at_a_second(
    failure: Exception, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = SyncLog(spoilt(failure))
    with pytest.raises(Unreadable) as caught:
        log.run()
    assert str(caught.value) == f"{words}; {BAD} cannot be split further"
    # The responses before the failure of a window were emitted; the bookmark stays before it.
    assert log.ids == ALL[:8]
    assert log.bookmarks[-1] == BAD.start
    assert f"{words}; splitting window {windows(24, 48)[0]}" in caplog.messages


def test_halves_that_are_too_large_are_read_in_halves_the_earlier_one_first() -> None:
    calls = FakeCalls().up_to(6 * HOUR)
    log = SyncLog(calls).run()
    first, second = windows(0, 12), windows(12, 24)
    assert calls.requested[:7] == [
        *windows(0, 24), *first, *windows(0, 6, 12), *second, *windows(12, 18, 24)
    ]  # fmt: skip
    assert log[:4] == [[0], *at(6), [1], *at(12)]
    assert log.ids == ALL


@pytest.mark.parametrize("workers", [1, 3])
def test_a_second_that_cannot_be_read_is_skipped_if_others_can(
    workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    calls = spoilt(skip_unreadable=True, max_concurrency=workers)
    log = SyncLog(calls).run()
    # The call of that second is in no response that was whole.
    assert log.ids == [*ALL[:5], *ALL[6:]]
    assert log.bookmarks[-1] == SPAN.end
    assert BAD.end in log.bookmarks
    assert (log.stats.skipped, log.stats.duplicates) == ([str(BAD)], 0)
    assert f"{GAVE_UP}; skipping {BAD}" in caplog.messages
    assert (
        f"test_calls: 1 window or call could not be read; skipped (on_unreadable: skip): {BAD}"
    ) in caplog.messages
    assert calls.requested.count(BAD) == 2


def test_a_second_that_can_be_read_the_last_time_is_not_skipped() -> None:
    tries: list[Window] = []

    def fails_once(window: Window) -> bool:
        tries.extend([window] * (window == BAD))
        return has_bad(window) and len(tries) < 2

    calls = FakeCalls(skip_unreadable=True).failing(GAVE_UP, fails_once)
    log = SyncLog(calls).run()
    assert (log.ids, log.stats.skipped) == (ALL, [])


def test_nothing_is_skipped_while_nothing_can_be_read() -> None:
    calls = FakeCalls(skip_unreadable=True).failing(Unreadable("500"))
    assert fails(calls, "^500; .* cannot be split further, and no other second can be read$") == []


@pytest.mark.parametrize("failure", [StreamFailed("402"), KeyMissing("402", others=False)])
def test_a_failure_that_is_not_of_the_window_is_neither_split_nor_skipped(
    failure: StreamFailed,
) -> None:
    calls = FakeCalls(3 * DAY, skip_unreadable=True).failing(failure)
    fails(calls, "^402$")
    assert calls.requested == windows(0, 24)


@pytest.mark.parametrize("others", [False, True])
def test_rows_without_a_key_are_split_off_only_where_others_have_theirs(*, others: bool) -> None:
    """Where no row has its key, it may be another list than the one requested."""
    calls = FakeCalls(0 * DAY, 3 * DAY, skip_unreadable=True)
    missing = KeyMissing("1 row without id", others=others)
    bad = START if others else START + DAY
    log = SyncLog(calls.failing(missing, lambda window: window.start <= bad < window.end)).run()
    assert len(log.stats.skipped) == 1
    assert log.ids == ([1] if others else [0, 1])


def test_of_a_window_that_may_be_skipped_no_row_is_emitted_before_all_have_come() -> None:
    failed: list[Window] = []

    def first_time(window: Window) -> bool:
        failed.append(window)
        return len(failed) == 1

    calls = FakeCalls(skip_unreadable=True).failing(GAVE_UP, first_time, after=None)
    log = SyncLog(calls).run()
    assert (log.ids, log.stats.duplicates) == (ALL, 0)


@pytest.mark.parametrize(("rows", "requested"), [(3, [24, 12, 12]), (4, [24, 24, 24])])
def test_rows_that_are_too_many_to_be_held_back_split_their_window(
    rows: int, requested: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    calls = FakeCalls(skip_unreadable=True)
    caplog.set_level(logging.INFO)
    with limits(MAX_ROWS=rows):
        assert SyncLog(calls).run().ids == ALL
    assert any("test_calls): over 3 rows; split" in line for line in caplog.messages) is (rows == 3)
    assert [window.length / HOUR for window in calls.requested[:3]] == requested


@limits(MAX_ROWS=3)
def test_a_second_with_too_many_rows_to_be_held_back_is_read_all_the_same() -> None:
    calls = FakeCalls(*[0 * DAY] * 5, skip_unreadable=True)
    assert SyncLog(calls).run().ids == list(range(5))


# Windows read ahead.


def reader(calls: FakeCalls) -> WindowReader:
    return WindowReader(calls, SPAN, Stats("test_calls"))


def ends(calls: FakeCalls, planner: Planner) -> list[datetime]:
    """Ends of the windows of a plan, as they are closed."""
    events = reader(calls).read_ahead(planner)
    return [event.window.end for event in events if isinstance(event, ClosedWindow)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_plan_may_wait_for_the_windows_under_way(workers: int) -> None:
    """As one of capped responses does until it knows the cap."""
    planner = CappedPlanner(SPAN, first_step=6 * HOUR, cap=Cap(1))
    closed = ends(FakeCalls(max_concurrency=workers), planner)
    assert closed == sorted(closed)
    assert closed[-1] == SPAN.end


@pytest.mark.parametrize("emitted", [0, 1])
def test_a_closed_window_counts_its_rows_and_requests(emitted: int) -> None:
    calls = FakeCalls(*(number * HOUR for number in range(24)))
    calls.failing(GAVE_UP, lambda window: window.length > 12 * HOUR, after=emitted)
    before = calls.read

    def read(window: Window) -> Iterator[Batch]:
        current_traffic().sent(again=False)
        current_traffic().sent(again=window.start > START)
        return before(window)

    calls.read = read
    (day,) = windows(0, 24)
    closed = [event for event in reader(calls).read(day) if isinstance(event, ClosedWindow)]
    first, second = windows(0, 12, 24)
    assert closed == [
        ClosedWindow(first, 12, 2, 0, whole=not emitted),
        ClosedWindow(second, 12, 2, 1, whole=True),
    ]
    assert [event.whole for event in closed] == [not emitted, True]


def test_a_skipped_window_is_closed_without_rows_and_tried_less_often() -> None:
    calls, few = spoilt(WindowTooLarge("rows"), skip_unreadable=True), []
    before = calls.read

    def read(window: Window) -> Iterator[Batch]:
        few.append(current_traffic().few_tries)
        current_traffic().sent(again=False)
        return before(window)

    calls.read = read
    both = Window(BAD.start, BAD.end + SECOND)
    closed = [event for event in reader(calls).read(both) if isinstance(event, ClosedWindow)]
    rest = Window(BAD.end, both.end)
    assert closed == [
        ClosedWindow(BAD, 0, 1, whole=False, skipped=True),
        ClosedWindow(rest, 0, 1),
    ]
    # The two seconds, the one that cannot be read, one near it, the last try, and the rest.
    assert few == [False, False, True, True, False]


def test_a_window_behind_the_end_is_not_read() -> None:
    calls = FakeCalls()
    assert list(reader(calls).read(Window(SPAN.end, SPAN.end + HOUR))) == []
    assert list(reader(calls).read(Window(SPAN.end + HOUR, SPAN.end + DAY))) == []
    assert calls.requested == []


@pytest.mark.parametrize(
    ("second", "tried"),
    [
        (2 * DAY, [-5, 5, -60, 60, -3600, 3600, -86_400, 86_400]),
        (5 * SECOND, [-5, 5, 60, 3600, 86_400]),
        (4 * DAY - 5 * SECOND, [-5, -60, -3600, -86_400]),
    ],
)
def test_seconds_near_and_far_inside_the_span_are_tried(
    second: timedelta, tried: list[int]
) -> None:
    calls = FakeCalls().failing(GAVE_UP)
    unread = Window(START + second, START + second + SECOND)
    assert not reader(calls)._others_can_be_read(unread)
    assert calls.requested == [
        Window(unread.start + seconds * SECOND, unread.end + seconds * SECOND) for seconds in tried
    ]
