"""Which rows a sync emits: each once, none from outside its window, the rest by a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fake_calls import ALL, DAY, HOUR, SPAN, START, FakeCalls, SyncLog, at, windows

from tap_callexports.errors import FilterIgnored, Unreadable, WindowTooLarge
from tap_callexports.records.batch import Batch
from tap_callexports.windows import Window


@pytest.mark.parametrize("emitted", [1, 3])
def test_rows_that_were_emitted_before_a_window_was_split_come_once(emitted: int) -> None:
    calls = FakeCalls(*(number * HOUR / 2 for number in range(4 * 48)))

    def read(window: Window) -> Iterator[Batch]:
        for number, batch in enumerate(calls.inside(window)):
            if number == emitted and window.length > 3 * HOUR:
                raise WindowTooLarge("too many rows")
            yield batch

    calls.read = read
    log = SyncLog(calls).run()
    assert sorted(log.ids) == list(range(4 * 48))
    assert log.bookmarks == at(*range(3, 97, 3))
    # Of each day seven windows are split, and each of them had given so many responses of two rows.
    assert log.stats.duplicates == 4 * 7 * 2 * emitted


def test_rows_outside_a_window_are_left_out_and_counted() -> None:
    calls = FakeCalls(-HOUR, 0 * DAY, DAY - timedelta(microseconds=1), DAY, 4 * DAY)
    calls.read = calls.everything
    log = SyncLog(calls).run()
    first, *others = at(24, 48, 72, 96)
    assert log == [[1, 2], first, [3], *others]
    # Five rows in each of four windows, and three are where they belong.
    assert log.stats.outside == 4 * 5 - 3
    assert log.stats.duplicates == 0


def test_rows_without_a_time_are_not_outside_and_come_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls()
    calls.rows.append({"id": 99, "at": None})

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        yield calls.batch(calls.rows[-1:])

    calls.read = read
    log = SyncLog(calls).run()
    assert log.ids == [0, 1, 2, 3, 99, *ALL[4:]]
    assert (log.stats.outside, log.stats.duplicates) == (0, 3)
    # They tell nothing of how many rows a window holds.
    assert sum(line.endswith("Z: 4 rows") for line in caplog.messages) == 4


def test_values_that_do_not_fit_are_counted_once_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = FakeCalls()
    for row in calls.rows[:3]:
        row["seconds"] = "long"

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        yield from calls.inside(window)

    calls.read = read
    log = SyncLog(calls).run()
    assert (log.stats.duplicates, log.stats.invalid_values) == (16, {"seconds": 3})
    assert "3 invalid values in column seconds, kept in extra" in caplog.text


@pytest.mark.covers(14)
@pytest.mark.parametrize("emitted", [0, 1, 2])
def test_where_the_filter_is_ignored_the_rest_is_read_as_one_scan(
    caplog: pytest.LogCaptureFixture, emitted: int
) -> None:
    calls = FakeCalls()

    def read(window: Window) -> Iterator[Batch]:
        responses = list(calls.inside(window))
        if window.start < START + 2 * DAY:
            yield from responses
        else:
            yield from responses[:emitted]
            yield from ignored(window)

    calls.read = read
    log = SyncLog(calls).run()
    assert calls.requested == windows(0, 24, 48, 72)
    assert calls.scanned == windows(48, 96)
    assert log.ids == ALL
    assert (log.stats.outside, log.stats.duplicates) == (8, 2 * emitted)
    assert log.bookmarks == at(24, 48, 96)
    assert "ignores the time range; reading the rest as one scan" in caplog.text


@pytest.mark.covers(14)
def test_a_scan_is_never_split_and_its_failure_ends_the_stream_and_nothing_else() -> None:
    calls = FakeCalls()
    first = calls.up_to(DAY)
    calls.read = lambda window: first(window) if window.start == START else ignored(window)
    calls.read_all = calls.up_to(DAY)
    log = SyncLog(calls)
    (rest,) = windows(24, 96)
    with pytest.raises(Unreadable) as caught:
        log.run()
    why = "the server does not apply the time range, so it cannot be split"
    assert str(caught.value) == f"Test (test_calls): too many rows; {why}"
    assert calls.scanned == [rest]
    assert log == [[0, 1], [2, 3], *at(24)]


@pytest.mark.covers(14)
def test_a_scan_that_cannot_be_read_is_not_skipped() -> None:
    calls = FakeCalls(skip_unreadable=True)
    calls.read = ignored

    def unreadable(_: Window) -> Iterator[Batch]:
        raise Unreadable("500")

    calls.read_all = unreadable
    log = SyncLog(calls)
    with pytest.raises(Unreadable, match="500"):
        log.run()
    assert (calls.scanned, log) == ([SPAN], [])


def ignored(_: Window) -> Iterator[Batch]:
    """The response of a server that ignores the range."""
    raise FilterIgnored("Test (test_calls): the server ignores the time range")
