"""The loop around an endpoint: windows, halves and parts, and the bookmark behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from story import ALL, DAY, HOUR, SPAN, START, Calls, Story, at, windows

from tap_callexports.errors import StreamFailed, WindowTooLarge
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import parse_instant
from tap_callexports.windows import Window

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("workers", [1, 3])
def test_windows_are_closed_in_order_with_the_bookmark_behind_them(workers: int) -> None:
    calls = Calls(max_concurrency=workers)
    story = Story(calls).told()
    first, second, third, last = at(24, 48, 72, 96)
    assert story == [
        [0, 1], [2, 3], first, [4, 5], [6, 7], second,
        [8, 9], [10, 11], third, [12, 13], [14, 15], last,
    ]  # fmt: skip
    assert sorted(calls.asked, key=lambda window: window.start) == windows(0, 24, 48, 72, 96)
    assert (story.stats.windows, story.stats.rows, story.stats.reached) == (4, 16, last)
    assert (story.stats.bookmark, story.stats.next_from) == (last, last)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_fails_leaves_the_bookmark_at_the_last_window_before_it(workers: int) -> None:
    calls = Calls(max_concurrency=workers)

    def read(window: Window) -> Iterator[Batch]:
        answers = calls.inside(window)
        yield next(answers)
        if window.start == START + 2 * DAY:
            raise StreamFailed("no more")
        yield from answers

    calls.read = read
    story = Story(calls)
    with pytest.raises(StreamFailed, match="no more"):
        story.told()
    assert story.ids == ALL[:10]
    assert story.bookmarks == at(24, 48)
    assert [story.stats.next_from] == at(48)


def test_a_window_that_is_too_large_is_read_in_halves() -> None:
    calls = Calls()
    calls.read = calls.up_to(13 * HOUR)
    story = Story(calls).told()
    assert calls.asked[:3] == [*windows(0, 24), *windows(0, 12, 24)]
    assert len(calls.asked) == 3 * 4
    assert story.ids == ALL
    assert story.bookmarks == at(*range(12, 97, 12))


def test_halves_that_are_too_large_are_read_in_halves_the_earlier_one_first() -> None:
    calls = Calls()
    calls.read = calls.up_to(6 * HOUR)
    story = Story(calls).told()
    first, second = windows(0, 12), windows(12, 24)
    assert calls.asked[:7] == [
        *windows(0, 24), *first, *windows(0, 6, 12), *second, *windows(12, 18, 24)
    ]  # fmt: skip
    assert story[:4] == [[0], *at(6), [1], *at(12)]
    assert story.ids == ALL


def test_a_second_that_is_too_large_fails_with_its_time_and_nothing_behind_it_is_read() -> None:
    calls = Calls()
    full = Window(START + 30 * HOUR, START + 30 * HOUR + SECOND)

    def read(window: Window) -> Iterator[Batch]:
        if window.start <= full.start < window.end:
            raise WindowTooLarge("too many rows")
        yield from calls.inside(window)

    calls.read = read
    story = Story(calls)
    with pytest.raises(StreamFailed) as caught:
        story.told()
    told = f"Lonely (test_calls): too many rows; {full} cannot be split further"
    assert str(caught.value) == told
    assert story.ids == ALL[:5]
    assert story.bookmarks[-1] == full.start


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.booleans())
def test_however_windows_end_each_row_comes_once_and_no_bookmark_passes_one_that_did_not(
    seed: int,
    hasty: bool,  # noqa: FBT001 - drawn
) -> None:
    """Hasty servers give rows before a window turns out too large."""
    dice = Random(seed)
    calls = Calls(*(dice.randrange(4 * 86_400) * SECOND for _ in range(dice.randrange(1, 40))))

    def read(window: Window) -> Iterator[Batch]:
        chance = dice.random() if window.length > HOUR else 1.0
        answers = list(calls.inside(window))
        if chance < 0.4:
            yield from answers[: dice.randrange(len(answers) + 1) if hasty else 0]
            raise WindowTooLarge("too many rows")
        yield from answers

    calls.read = read
    story = Story(calls).told()
    assert sorted(story.ids) == [row["id"] for row in calls.rows]
    assert story.bookmarks == sorted(set(story.bookmarks))
    assert story.bookmarks[-1] == SPAN.end
    missing = {row["id"]: parse_instant(row["at"]) for row in calls.rows}
    for event in story:
        if isinstance(event, datetime):
            assert all(event <= time for time in missing.values())
            continue
        for number in event:
            del missing[number]


@pytest.mark.parametrize(("lookback_hours", "start"), [(0, 48), (12, 36), (999, 0)])
def test_a_run_reads_on_from_the_bookmark_and_back_by_the_lookback(
    lookback_hours: int, start: int
) -> None:
    calls = Calls(lookback_hours=lookback_hours)
    story = Story(calls, *at(48)).told()
    assert calls.asked[0].start == START + start * HOUR
    assert story.ids == ALL[start // 6 :]
    # None is written that lies before it.
    assert story.bookmarks[0] >= START + 2 * DAY
    assert story.bookmarks[-1] == SPAN.end


def test_a_run_that_has_nothing_new_to_read_asks_nothing() -> None:
    calls = Calls()
    assert Story(calls, SPAN.end).told() == []
    assert calls.asked == []


def test_a_connection_test_asks_for_a_week_once_and_moves_no_bookmark() -> None:
    calls = Calls()
    assert Story(calls, *at(48), connection_test=True).told().bookmarks == []
    week = Window(SPAN.end - 7 * DAY, SPAN.end)
    assert calls.asked == [week]

    calls.read = calls.up_to(DAY)
    with pytest.raises(WindowTooLarge):
        Story(calls, connection_test=True).told()
    assert calls.asked == [week, week]
