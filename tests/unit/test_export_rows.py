"""Which rows an export hands over: each once, none from outside, the rest by a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from story import ALL, DAY, HOUR, SPAN, START, Calls, Story, at, windows

from tap_callexports.errors import FilterIgnored, StreamFailed, WindowTooLarge
from tap_callexports.records.batch import Batch
from tap_callexports.windows import Window


@pytest.mark.parametrize("handed_over", [1, 3])
def test_rows_that_were_handed_over_before_a_window_was_split_come_once(handed_over: int) -> None:
    calls = Calls(*(number * HOUR / 2 for number in range(4 * 48)))

    def read(window: Window) -> Iterator[Batch]:
        for number, batch in enumerate(calls.inside(window)):
            if number == handed_over and window.length > 3 * HOUR:
                raise WindowTooLarge("too many rows")
            yield batch

    calls.read = read
    story = Story(calls).told()
    assert sorted(story.ids) == list(range(4 * 48))
    assert story.bookmarks == at(*range(3, 97, 3))
    # Of each day seven windows are split, and each of them had given so many answers of two rows.
    assert story.stats.duplicates == 4 * 7 * 2 * handed_over


def test_rows_outside_a_window_are_left_out_and_counted() -> None:
    calls = Calls(-HOUR, 0 * DAY, DAY - timedelta(microseconds=1), DAY, 4 * DAY)
    calls.read = calls.everything
    story = Story(calls).told()
    first, *others = at(24, 48, 72, 96)
    assert story == [[1, 2], first, [3], *others]
    # Five rows in each of four windows, and three are where they belong.
    assert story.stats.outside == 4 * 5 - 3
    assert story.stats.duplicates == 0


def test_rows_without_a_time_are_not_outside_and_come_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    calls = Calls()
    calls.rows.append({"id": 99, "at": None})

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        yield calls.batch(calls.rows[-1:])

    calls.read = read
    story = Story(calls).told()
    assert story.ids == [0, 1, 2, 3, 99, *ALL[4:]]
    assert (story.stats.outside, story.stats.duplicates) == (0, 3)
    # They tell nothing of how many rows a window holds.
    assert caplog.text.count(": 4 rows, 0 requests") == 4


def test_values_that_do_not_fit_are_counted_once_and_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = Calls()
    for row in calls.rows[:3]:
        row["seconds"] = "long"

    def read(window: Window) -> Iterator[Batch]:
        yield from calls.inside(window)
        yield from calls.inside(window)

    calls.read = read
    story = Story(calls).told()
    story.export.report()
    assert (story.stats.duplicates, story.stats.invalid_values) == (16, {"seconds": 3})
    assert "3 invalid values in column seconds, kept in extra" in caplog.text


@pytest.mark.covers(14)
@pytest.mark.parametrize("handed_over", [0, 1, 2])
def test_where_the_filter_is_ignored_the_rest_is_read_as_one_scan(
    caplog: pytest.LogCaptureFixture, handed_over: int
) -> None:
    calls = Calls()

    def read(window: Window) -> Iterator[Batch]:
        answers = list(calls.inside(window))
        if window.start < START + 2 * DAY:
            yield from answers
        else:
            yield from answers[:handed_over]
            yield from ignored(window)

    calls.read = read
    story = Story(calls).told()
    assert calls.asked == windows(0, 24, 48, 72)
    assert calls.scanned == windows(48, 96)
    assert story.ids == ALL
    assert (story.stats.outside, story.stats.duplicates) == (8, 2 * handed_over)
    assert story.bookmarks == at(24, 48, 96)
    assert "ignores the time range; reading the rest as one scan" in caplog.text


@pytest.mark.covers(14)
def test_a_scan_that_is_too_large_is_read_in_halves() -> None:
    calls = Calls()
    calls.read, calls.read_all = ignored, calls.up_to(2 * DAY)
    story = Story(calls).told()
    assert calls.asked == windows(0, 24)
    assert calls.scanned == [SPAN, *windows(0, 48, 96)]
    assert story.ids == ALL
    assert story.bookmarks == at(48, 96)


@pytest.mark.covers(14)
def test_a_filter_that_a_scan_finds_ignored_too_ends_the_stream_and_nothing_else() -> None:
    calls = Calls()
    first = calls.up_to(DAY)
    calls.read = lambda window: first(window) if window.start == START else ignored(window)
    calls.read_all = ignored
    story = Story(calls)
    with pytest.raises(StreamFailed) as caught:
        story.told()
    assert type(caught.value) is StreamFailed
    assert str(caught.value) == (
        "Lonely (test_calls): the server ignores the time range, nor can everything be read at once"
    )
    assert calls.scanned == windows(24, 96)
    assert story == [[0, 1], [2, 3], *at(24)]


def ignored(_: Window) -> Iterator[Batch]:
    """The answer of a server that ignores the range."""
    raise FilterIgnored("Lonely (test_calls): the server ignores the time range")
