"""The windows of a sync, in halves where they are too large, and the bookmark behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from fake_calls import ALL, DAY, HOUR, SPAN, START, FakeCalls, SyncLog, at, windows
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_callexports.errors import StreamFailed, Unreadable, WindowTooLarge
from tap_callexports.progress.stats import COMPLETE
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import parse_instant
from tap_callexports.windows import Window

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("workers", [1, 3])
def test_windows_are_closed_in_order_with_the_bookmark_behind_them(workers: int) -> None:
    calls = FakeCalls(max_concurrency=workers)
    log = SyncLog(calls).run()
    first, second, third, last = at(24, 48, 72, 96)
    assert log == [
        [0, 1], [2, 3], first, [4, 5], [6, 7], second,
        [8, 9], [10, 11], third, [12, 13], [14, 15], last,
    ]  # fmt: skip
    assert sorted(calls.requested, key=lambda window: window.start) == windows(0, 24, 48, 72, 96)
    assert (log.stats.windows, log.stats.rows, log.stats.reached) == (4, 16, last)
    assert (log.stats.bookmark, log.stats.next_from) == (last, last)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_fails_leaves_the_bookmark_at_the_last_window_before_it(workers: int) -> None:
    calls = FakeCalls(max_concurrency=workers)

    def read(window: Window) -> Iterator[Batch]:
        responses = calls.inside(window)
        yield next(responses)
        if window.start == START + 2 * DAY:
            raise StreamFailed("no more")
        yield from responses

    calls.read = read
    log = SyncLog(calls)
    with pytest.raises(StreamFailed, match="no more"):
        log.run()
    assert log.ids == ALL[:10]
    assert log.bookmarks == at(24, 48)
    assert [log.stats.next_from] == at(48)


def test_a_window_that_is_too_large_is_read_in_halves() -> None:
    calls = FakeCalls()
    calls.read = calls.up_to(13 * HOUR)
    log = SyncLog(calls).run()
    assert calls.requested[:3] == [*windows(0, 24), *windows(0, 12, 24)]
    assert len(calls.requested) == 3 * 4
    assert log.ids == ALL
    assert log.bookmarks == at(*range(12, 97, 12))


def test_halves_that_are_too_large_are_read_in_halves_the_earlier_one_first() -> None:
    calls = FakeCalls()
    calls.read = calls.up_to(6 * HOUR)
    log = SyncLog(calls).run()
    first, second = windows(0, 12), windows(12, 24)
    assert calls.requested[:7] == [
        *windows(0, 24), *first, *windows(0, 6, 12), *second, *windows(12, 18, 24)
    ]  # fmt: skip
    assert log[:4] == [[0], *at(6), [1], *at(12)]
    assert log.ids == ALL


def test_a_second_that_is_too_large_fails_with_its_time_and_nothing_behind_it_is_read() -> None:
    calls = FakeCalls()
    full = Window(START + 30 * HOUR, START + 30 * HOUR + SECOND)

    def read(window: Window) -> Iterator[Batch]:
        if window.start <= full.start < window.end:
            raise WindowTooLarge("too many rows")
        yield from calls.inside(window)

    calls.read = read
    log = SyncLog(calls)
    with pytest.raises(StreamFailed) as caught:
        log.run()
    text = f"Test (test_calls): too many rows; {full} cannot be split further"
    assert str(caught.value) == text
    assert log.ids == ALL[:5]
    assert log.bookmarks[-1] == full.start


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_however_windows_end_each_row_comes_once_and_no_bookmark_passes_one_that_did_not(
    seed: int,
    hasty: bool,  # noqa: FBT001 - drawn
) -> None:
    """Hasty servers give rows before a window turns out too large."""
    dice = Random(seed)
    calls = FakeCalls(*(dice.randrange(4 * 86_400) * SECOND for _ in range(dice.randrange(1, 40))))

    def read(window: Window) -> Iterator[Batch]:
        chance = dice.random() if window.length > HOUR else 1.0
        responses = list(calls.inside(window))
        if chance < 0.4:
            yield from responses[: dice.randrange(len(responses) + 1) if hasty else 0]
            raise WindowTooLarge("too many rows")
        yield from responses

    calls.read = read
    log = SyncLog(calls).run()
    assert sorted(log.ids) == [row["id"] for row in calls.rows]
    assert log.bookmarks == sorted(set(log.bookmarks))
    assert log.bookmarks[-1] == SPAN.end
    missing = {row["id"]: parse_instant(row["at"]) for row in calls.rows}
    for event in log:
        if isinstance(event, datetime):
            assert all(event <= time for time in missing.values())
            continue
        for number in event:
            del missing[number]


@pytest.mark.parametrize(("lookback_hours", "start"), [(0, 48), (12, 36), (999, 0)])
def test_a_run_reads_on_from_the_bookmark_and_back_by_the_lookback(
    lookback_hours: int, start: int
) -> None:
    calls = FakeCalls(lookback_hours=lookback_hours)
    log = SyncLog(calls, *at(48)).run()
    assert calls.requested[0].start == START + start * HOUR
    assert log.ids == ALL[start // 6 :]
    # None is written that lies before it.
    assert log.bookmarks[0] >= START + 2 * DAY
    assert log.bookmarks[-1] == SPAN.end


def test_a_run_that_has_nothing_new_to_read_requests_nothing() -> None:
    calls = FakeCalls()
    assert SyncLog(calls, SPAN.end).run() == []
    assert calls.requested == []


def test_a_connection_test_requests_a_week_once_and_moves_no_bookmark() -> None:
    calls = FakeCalls(connection_test=True)
    log = SyncLog(calls, *at(48)).run()
    assert log.bookmarks == []
    assert calls.requested == [Window(SPAN.end - 7 * DAY, SPAN.end)]
    assert log.stats.outcome == COMPLETE


@pytest.mark.parametrize("answered", [0, 1])
def test_a_connection_test_splits_nothing_and_one_response_is_enough(answered: int) -> None:
    calls = FakeCalls(connection_test=True)

    def read(_: Window) -> Iterator[Batch]:
        calls.provider.client.responses += answered
        raise WindowTooLarge("too many rows")

    calls.read = read
    log = SyncLog(calls)
    if answered:
        log.run()
    else:
        with pytest.raises(StreamFailed, match=r"Test \(test_calls\): too many rows"):
            log.run()
    assert calls.requested == [Window(SPAN.end - 7 * DAY, SPAN.end)]


def test_a_stream_without_a_time_range_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCalls, "windowed", False)
    calls = FakeCalls(skip_unreadable=True)
    assert SyncLog(calls).run().ids == ALL
    calls.read = calls.up_to(DAY)
    with pytest.raises(StreamFailed, match="too many rows"):
        SyncLog(calls).run()

    def unreadable(_: Window) -> Iterator[Batch]:
        raise Unreadable("500")

    calls.read = unreadable
    with pytest.raises(StreamFailed, match="500; this list is read as a whole and cannot be split"):
        SyncLog(calls).run()
    assert calls.requested == [SPAN] * 3
