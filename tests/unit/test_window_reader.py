"""Reading a planned window: in halves, with few tries, and without what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from fake_calls import ALL, DAY, HOUR, SECOND, SPAN, START, Days, FakeCalls, SyncLog, at, windows
from seam import limits

from tap_callexports.compat import override
from tap_callexports.errors import KeyMissing, StreamFailed, Unreadable
from tap_callexports.http.traffic import current_traffic
from tap_callexports.progress.stats import Stats
from tap_callexports.records.batch import Batch
from tap_callexports.window_reader import WindowReader
from tap_callexports.windows import ClosedWindow, Planner, Window

#: A second that cannot be read.
BAD = Window(START + 30 * HOUR, START + 30 * HOUR + SECOND)


def spoilt(calls: FakeCalls, *, failure: Exception | None = None) -> FakeCalls:
    """Calls of which one second cannot be read."""

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        if window.start <= BAD.start < window.end:
            raise failure or Unreadable("Test (test_calls): 500; gave up after 8 tries")

    calls.read = read
    return calls


def test_a_window_that_cannot_be_read_is_read_in_halves_and_fails_at_a_second() -> None:
    calls = spoilt(FakeCalls())
    log = SyncLog(calls)
    with pytest.raises(Unreadable) as caught:
        log.run()
    assert str(caught.value) == (
        f"Test (test_calls): 500; gave up after 8 tries; {BAD} cannot be split further"
    )
    # The responses before the failure of a window were emitted; the bookmark stays before it.
    assert log.ids == ALL[:8]
    assert log.bookmarks[-1] == BAD.start


def test_parts_of_a_window_that_cannot_be_read_are_tried_less_often() -> None:
    calls = FakeCalls()
    few: dict[Window, bool] = {}

    def read(window: Window) -> Iterator[Batch]:
        few[window] = current_traffic().few_tries
        if window.start == START + DAY and window.length > 12 * HOUR:
            raise Unreadable("500")
        yield from calls.inside(window)

    calls.read = read
    assert SyncLog(calls).run().ids == ALL
    halves = windows(24, 36, 48)
    assert few == {window: window in halves for window in (*windows(0, 24, 48, 72, 96), *halves)}


def test_halves_of_a_window_that_is_too_large_have_all_their_tries() -> None:
    calls = FakeCalls()
    few: set[bool] = set()
    inside = calls.up_to(12 * HOUR)

    def read(window: Window) -> Iterator[Batch]:
        few.add(current_traffic().few_tries)
        return inside(window)

    calls.read = read
    assert SyncLog(calls).run().ids == ALL
    assert few == {False}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_second_that_cannot_be_read_is_skipped_if_others_can(
    workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    calls = spoilt(FakeCalls(skip_unreadable=True, max_concurrency=workers))
    log = SyncLog(calls).run()
    # The call of that second is in no response that was whole.
    assert log.ids == [*ALL[:5], *ALL[6:]]
    assert log.bookmarks[-1] == SPAN.end
    assert BAD.end in log.bookmarks
    assert len(log.stats.skipped) == 1
    assert log.stats.duplicates == 0
    assert (
        f"test_calls: 1 window or call could not be read; skipped as on_unreadable says: {BAD}"
    ) in caplog.messages


def test_a_second_that_can_be_read_the_last_time_is_not_skipped() -> None:
    calls, tries = FakeCalls(skip_unreadable=True), 0

    def read(window: Window) -> Iterator[Batch]:
        nonlocal tries
        if window.start <= BAD.start < window.end:
            tries += window == BAD
            if tries < 2:
                raise Unreadable("500")
        yield from calls.inside(window)

    calls.read = read
    log = SyncLog(calls).run()
    assert (log.ids, log.stats.skipped) == (ALL, [])


def test_nothing_is_skipped_while_nothing_can_be_read() -> None:
    calls = FakeCalls(skip_unreadable=True)

    def down(_: Window) -> Iterator[Batch]:
        raise Unreadable("500")

    calls.read = down
    log = SyncLog(calls)
    with pytest.raises(Unreadable, match="cannot be split further, and nothing else can be read"):
        log.run()
    assert log == []
    # Seconds near and far were tried, inside the span.
    assert {SECOND, *(each.length for each in calls.requested[-4:])} == {SECOND}
    assert all(SPAN.start <= each.start < SPAN.end for each in calls.requested)


def test_a_failure_that_is_not_of_the_window_is_neither_split_nor_skipped() -> None:
    calls = spoilt(FakeCalls(skip_unreadable=True), failure=StreamFailed("402"))
    with pytest.raises(StreamFailed, match=r"^402$"):
        SyncLog(calls).run()
    assert calls.requested == windows(0, 24, 48)


def test_of_a_window_that_may_be_skipped_no_row_is_emitted_before_all_have_come() -> None:
    calls = FakeCalls(skip_unreadable=True)
    failed: list[Window] = []

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        if window.start == START and not failed:
            failed.append(window)
            raise Unreadable("500")

    calls.read = read
    log = SyncLog(calls).run()
    assert (log.ids, log.stats.duplicates) == (ALL, 0)


@limits(MAX_ROWS=3)
def test_rows_that_are_too_many_to_be_held_back_split_their_window() -> None:
    calls = FakeCalls(skip_unreadable=True)
    assert SyncLog(calls).run().ids == ALL
    assert calls.requested[:3] == [*windows(0, 24), *windows(0, 12, 24)]


@pytest.mark.parametrize("others", [False, True])
def test_rows_without_a_key_are_split_off_only_where_others_have_theirs(*, others: bool) -> None:
    """Where no row has its key, it may be another list than the one requested."""
    calls = FakeCalls(3 * DAY, skip_unreadable=True)

    def read(window: Window) -> Iterator[Batch]:
        if window.start == START:
            raise KeyMissing("1 row without id", others=others)
        yield from calls.inside(window)

    calls.read = read
    log = SyncLog(calls)
    if others:
        assert (log.run().ids, len(log.stats.skipped)) == ([0], 1)
    else:
        with pytest.raises(KeyMissing, match="1 row without id"):
            log.run()
        assert calls.requested == windows(0, 24)


def test_a_connection_test_skips_nothing() -> None:
    calls = FakeCalls(skip_unreadable=True, connection_test=True)

    def read(_: Window) -> Iterator[Batch]:
        raise Unreadable("500")

    calls.read = read
    with pytest.raises(Unreadable, match=r"^500$"):
        SyncLog(calls).run()
    assert len(calls.requested) == 1


# Windows read ahead.


def reader(calls: FakeCalls) -> WindowReader:
    return WindowReader(calls, SPAN, Stats("test_calls"))


def ends(calls: FakeCalls, planner: Planner) -> list[datetime]:
    """Ends of the windows of a plan, as they are closed."""
    events = reader(calls).read_ahead(planner)
    return [event.window.end for event in events if isinstance(event, ClosedWindow)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_plan_may_wait_for_the_windows_under_way(workers: int) -> None:
    class InPairs(Planner):
        """Gives out two windows, and the next two when both are closed."""

        given = closed = 0

        @override
        def next_window(self) -> Window | None:
            if self.given == self.closed + 2 or (self.given > self.closed and self.given % 2 == 0):
                return None
            window = super().next_window()
            self.given += window is not None
            return window

        @override
        def learn(self, closed: ClosedWindow) -> None:
            self.closed += 1

    calls = FakeCalls(max_concurrency=workers)
    hours = range(6, 97, 6)
    assert ends(calls, InPairs(SPAN, first_step=6 * HOUR)) == at(*hours)


@pytest.mark.parametrize("workers", [1, 4])
def test_no_window_is_begun_after_the_end_has_become_earlier(workers: int) -> None:
    calls = FakeCalls(max_concurrency=workers)

    def read(window: Window) -> Iterator[Batch]:
        if window.start == START:
            calls.provider._compare_clocks(START + DAY, SPAN.end)
        yield from calls.inside(window)

    calls.read = read
    closed = ends(calls, Days(SPAN, first_step=6 * HOUR))
    assert closed == at(6, 12, 18, 24)
    assert len(calls.requested) <= 3 + workers


def test_what_is_split_or_skipped_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    SyncLog(spoilt(FakeCalls(skip_unreadable=True))).run()
    (day,) = windows(24, 48)
    failure = "Test (test_calls): 500; gave up after 8 tries"
    assert f"{failure}; splitting window {day}" in caplog.messages
    assert f"{failure}; skipping {BAD}" in caplog.messages
