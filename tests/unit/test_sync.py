"""A sync: which windows it reads, which rows it emits, and where its bookmark is then."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from random import Random

import pytest
from fake_calls import ALL, DAY, HOUR, SECOND, SPAN, START, FakeCalls, SyncLog, at, windows
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports import errors
from tap_callexports.errors import (
    FilterIgnored,
    Forbidden,
    StreamFailed,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.progress.stats import COMPLETE, FAILED, FORBIDDEN
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import format_instant, parse_instant
from tap_callexports.sync import Sync, read_stream
from tap_callexports.windows import Planner, Window

NOW = SPAN.end
WEEK = Window(NOW - 7 * DAY, NOW)
IGNORED = FilterIgnored("Test (test_calls): the server ignores the time range")


def with_clock_off(calls: FakeCalls, off: timedelta) -> FakeCalls:
    """Calls whose first response says that this machine's clock is off."""
    told = False

    def read(window: Window) -> Iterator[Batch]:
        nonlocal told
        if not told:
            told = True
            calls.provider._compare_clocks(NOW - off, NOW)
        yield from calls.inside(window)

    calls.read = read
    return calls


def fails(log: SyncLog, words: str) -> SyncLog:
    with pytest.raises(StreamFailed, match=words):
        log.run()
    return log


# Windows.


@pytest.mark.parametrize("workers", [1, 3])
def test_windows_are_closed_in_order_with_the_bookmark_behind_them(
    workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls(max_concurrency=workers)
    log = SyncLog(calls).run()
    first, second, third, last = at(24, 48, 72, 96)
    assert log == [
        [0, 1], [2, 3], first, [4, 5], [6, 7], second,
        [8, 9], [10, 11], third, [12, 13], [14, 15], last,
    ]  # fmt: skip
    assert sorted(calls.requested, key=lambda window: window.start) == windows(0, 24, 48, 72, 96)
    stats = log.stats
    assert (stats.windows, stats.rows, stats.reached, stats.span) == (4, 16, last, SPAN)
    assert (stats.bookmark, stats.next_from, stats.outcome) == (last, last, COMPLETE)
    assert f"test_calls: reading {SPAN}" in caplog.messages
    calls.run.progress.summarise()
    assert caplog.messages[-1].endswith(": 1 stream, 16 rows")


@pytest.mark.parametrize("workers", [1, 3])
def test_what_fails_leaves_the_bookmark_at_the_last_window_before_it(workers: int) -> None:
    calls = FakeCalls(max_concurrency=workers)
    calls.failing(StreamFailed("no more"), lambda window: window.start == START + 2 * DAY, after=1)
    log = fails(SyncLog(calls), "no more")
    assert log.ids == ALL[:10]
    assert log.bookmarks == at(24, 48)
    assert [log.stats.next_from] == at(48)
    assert log.stats.outcome == FAILED


@pytest.mark.parametrize("skipped", [False, True])
def test_a_forbidden_stream_fails_or_is_skipped_with_a_warning(
    caplog: pytest.LogCaptureFixture, *, skipped: bool
) -> None:
    calls = FakeCalls().failing(Forbidden("403"))
    calls.run.skip_forbidden_streams = skipped
    log = SyncLog(calls).run() if skipped else fails(SyncLog(calls), "403")
    assert log.stats.outcome == FORBIDDEN
    assert ("403; skipped (skip_forbidden_streams)" in caplog.messages) is skipped


@given(st.integers(0, 10**9), st.booleans())
def test_however_windows_end_each_row_comes_once_and_no_bookmark_passes_one_that_did_not(
    seed: int,
    hasty: bool,  # noqa: FBT001 - drawn
) -> None:
    """Hasty servers give rows before a window turns out too large."""
    dice = Random(seed)
    calls = FakeCalls(*(dice.randrange(4 * 86_400) * SECOND for _ in range(dice.randrange(1, 40))))

    def read(window: Window) -> Iterator[Batch]:
        responses = list(calls.inside(window))
        if window.length > HOUR and dice.random() < 0.4:
            yield from responses[: dice.randrange(len(responses) + 1) if hasty else 0]
            raise WindowTooLarge("too many rows")
        yield from responses

    calls.read = read
    log = SyncLog(calls).run()
    assert sorted(log.ids) == [row["id"] for row in calls.rows]
    assert log.bookmarks == sorted(set(log.bookmarks))
    assert log.bookmarks[-1] == NOW
    missing = {row["id"]: parse_instant(row["at"]) for row in calls.rows}
    for event in log:
        if isinstance(event, datetime):
            assert all(event <= time for time in missing.values())
            continue
        for number in event:
            del missing[number]


def test_a_stream_without_a_time_range_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeCalls, "windowed", False)
    calls = FakeCalls(skip_unreadable=True)
    log = SyncLog(calls).run()
    assert (log.ids, log.stats.ranged) == (ALL, False)
    fails(
        SyncLog(calls.failing(Unreadable("500"))), "^500; this list is read as a whole and cannot b"
    )
    fails(SyncLog(FakeCalls().up_to(DAY)), r"^Test \(test_calls\): too many rows$")
    assert calls.requested == [SPAN] * 2


# The connection test.


def test_a_connection_test_requests_a_week_once_and_moves_no_bookmark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls(connection_test=True)
    log = SyncLog(calls, *at(48)).run()
    assert log.bookmarks == []
    assert calls.requested == [WEEK]
    assert calls.provider.client.test_budget == 2
    assert (log.stats.outcome, log.stats.bookmark) == (COMPLETE, None)
    assert [line for line in caplog.messages if "after" in line] == []


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (WindowTooLarge("too many rows"), r"^Test \(test_calls\): too many rows$"),
        (errors.TestFinished(), r"^Test \(test_calls\): no request got a response$"),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("responses", [0, 1])
def test_a_connection_test_splits_nothing_and_one_response_is_enough(
    failure: Exception, words: str, before: int, responses: int
) -> None:
    calls = FakeCalls(connection_test=True)
    calls.provider.client.responses = before

    def read(_: Window) -> Iterator[Batch]:
        calls.provider.client.responses += responses
        raise failure

    calls.read = read
    log = SyncLog(calls)
    if responses:
        assert log.run().stats.outcome == COMPLETE
    else:
        assert fails(log, words).stats.outcome == FAILED
    assert calls.requested == [WEEK]


# Rows.


@pytest.mark.parametrize("emitted", [1, 3])
def test_rows_that_were_emitted_before_a_window_was_split_come_once(emitted: int) -> None:
    calls = FakeCalls(*(number * HOUR / 2 for number in range(4 * 48)))
    log = SyncLog(calls.up_to(3 * HOUR, after=emitted)).run()
    assert sorted(log.ids) == list(range(4 * 48))
    assert log.bookmarks == at(*range(3, 97, 3))
    # Of each day seven windows are split, and each of them had given so many responses of two rows.
    assert log.stats.duplicates == 4 * 7 * 2 * emitted
    assert log.stats.rows == 4 * 48


def test_rows_outside_a_window_are_left_out_and_counted() -> None:
    calls = FakeCalls(-HOUR, 0 * DAY, DAY - timedelta(microseconds=1), DAY, 4 * DAY)
    calls.read = calls.everything
    log = SyncLog(calls).run()
    first, *others = at(24, 48, 72, 96)
    assert log == [[1, 2], first, [3], *others]
    # Five rows in each of four windows, and three are where they belong.
    assert (log.stats.outside, log.stats.duplicates) == (4 * 5 - 3, 0)


def test_invalid_values_are_counted_once_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    calls = FakeCalls()
    for number in (0, 1, 5):
        calls.rows[number]["seconds"] = "long"
    calls.read = lambda window: chain(*(calls.inside(window) for _ in range(3)))
    log = SyncLog(calls).run()
    assert (log.stats.duplicates, log.stats.invalid_values) == (32, {"seconds": 3})
    assert "3 invalid values in column seconds, kept in extra" in caplog.text


@pytest.mark.parametrize("emitted", [0, 1, 2])
def test_where_the_filter_is_ignored_the_rest_is_read_as_one_scan(
    caplog: pytest.LogCaptureFixture, emitted: int
) -> None:
    calls = FakeCalls()
    calls.failing(IGNORED, lambda window: window.start >= START + 2 * DAY, after=emitted)
    log = SyncLog(calls).run()
    assert calls.requested == windows(0, 24, 48, 72)
    assert calls.scanned == windows(48, 96)
    assert log.ids == ALL
    assert (log.stats.outside, log.stats.duplicates) == (8, 2 * emitted)
    assert log.bookmarks == at(24, 48, 96)
    assert f"{IGNORED}; reading the rest as one scan" in caplog.messages


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (
            WindowTooLarge("too many rows"),
            r"^Test \(test_calls\): too many rows; the server does not apply the time range, so it",
        ),
        (Unreadable("500"), "^500$"),
    ],
)
def test_a_scan_is_neither_split_nor_skipped(failure: Exception, words: str) -> None:
    calls = FakeCalls(skip_unreadable=True).failing(IGNORED, lambda window: window.start > START)
    calls.read_all = FakeCalls().failing(failure).read
    log = fails(SyncLog(calls), words)
    assert calls.scanned == windows(24, 96)
    assert log == [[0, 1], [2, 3], *at(24)]


# Partitions, and records past the SDK.


def test_a_partition_is_read_with_its_restriction_and_its_bookmark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeCalls, "granularity", HOUR)
    context, other = ({"form_id": "7", "kind": "a"}, {"form_id": "8", "kind": "b"})
    calls = FakeCalls()
    states = [calls.get_context_state(each) for each in (context, other)]
    states[0].update(replication_key="at", replication_key_value="2024-05-04T00:00:00Z")
    assert [record["id"] for record in read_stream(calls, context)] == ALL[12:]
    assert {(window.only["form_id"], window.granule) for window in calls.requested} == {("7", HOUR)}
    assert calls.stats.name == "test_calls (form_id 7, kind a)"
    assert calls.stats.ranged is True
    assert states[0]["replication_key_value"] == format_instant(NOW)
    assert "replication_key_value" not in states[1]


def test_a_stream_whose_list_of_partitions_is_empty_has_nothing_to_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(FakeCalls, "partition_setting", "form_ids")
    monkeypatch.setattr(FakeCalls, "partition_column", "form_id", raising=False)
    assert list(read_stream(FakeCalls(form_ids=[]), None)) == []
    assert "Test (test_calls): nothing to read, test.form_ids is empty" in caplog.messages


@pytest.mark.parametrize("unmapped", [True, False])
def test_records_that_no_map_changes_are_written_past_the_sdk(
    monkeypatch: pytest.MonkeyPatch, *, unmapped: bool
) -> None:
    monkeypatch.setattr(FakeCalls, "is_unmapped", unmapped)
    calls, written = FakeCalls(), list[object]()
    calls.writing = True
    monkeypatch.setattr(calls, "count_written", written.append)
    monkeypatch.setattr(
        calls.run.writer, "write_records", lambda name, rows: written.append((name, len(rows)))
    )
    read = list(read_stream(calls, None))
    assert (len(read), written) == ((0, [("test_calls", 2), 2] * 8) if unmapped else (16, []))


@pytest.mark.parametrize(("within", "duplicates"), [(None, 16), (1, 0)])
def test_duplicates_are_looked_for_as_far_back_as_the_stream_says(
    monkeypatch: pytest.MonkeyPatch, within: int | None, duplicates: int
) -> None:
    monkeypatch.setattr(FakeCalls, "dedupe_window", within)
    calls = FakeCalls()
    calls.read = lambda window: chain(calls.inside(window), calls.inside(window))
    assert SyncLog(calls).run().stats.duplicates == duplicates


def test_a_full_table_has_no_bookmark() -> None:
    calls = FakeCalls(lookback_hours=5)
    sync = Sync(calls, None, None)
    assert sum(len(batch) for batch in sync.run()) == 16
    assert calls.requested == windows(0, 24, 48, 72, 96)
    assert (sync.stats.bookmark, sync.stats.next_from) == (None, None)


# The bookmark and its as_of.


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
    assert log.pairs[-1] == (NOW, NOW)


def test_a_run_that_has_nothing_new_to_read_requests_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    calls = FakeCalls()
    log = SyncLog(calls, NOW, NOW).run()
    assert (log, calls.requested, log.stats.span) == ([], [], None)
    assert (log.stats.outcome, log.stats.bookmark) == (COMPLETE, NOW)
    assert "test_calls: nothing new to read" in caplog.messages


def test_an_interrupted_backfill_resumes_at_its_bookmark() -> None:
    """All of it is older than the lookback."""
    calls = FakeCalls(lookback_hours=12)
    calls.failing(StreamFailed("no more"), lambda window: window.start > START)
    log = fails(SyncLog(calls), "no more")
    assert log.pairs == [(START + DAY, NOW)]
    assert log.stats.next_from == START + DAY
    calls = FakeCalls(lookback_hours=12)
    log = SyncLog(calls, *log.pairs[-1]).run()
    assert log.bookmarks == at(48, 72, 96)
    assert calls.requested == windows(24, 48, 72, 96)
    assert log.stats.next_from == NOW - 12 * HOUR


@pytest.mark.parametrize(("late", "test", "said"), [(0, False, 0), (1, False, 1), (1, True, 0)])
def test_a_range_that_is_not_closed_yet_is_said(
    late: int, said: int, caplog: pytest.LogCaptureFixture, *, test: bool
) -> None:
    caplog.set_level(logging.INFO)
    SyncLog(FakeCalls(end_date=NOW + late * HOUR, connection_test=test)).run()
    line = "end_date 2024-05-05T01:00Z is later than the cutoff 2024-05-05T00:00Z: the range is not"
    assert caplog.messages.count(f"Test: {line} closed") == said


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


def test_a_clock_that_is_behind_is_kept_and_lowers_no_right_bookmark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = with_clock_off(FakeCalls(lookback_hours=6), -10 * HOUR)
    right = NOW + 5 * HOUR
    assert SyncLog(calls, right, right).run().pairs == []
    assert calls.requested == [Window(NOW - 6 * HOUR, NOW)]
    assert [line for line in caplog.messages if "lowered" in line] == []


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
    now = "2024-05-05T00:00:00.000000Z"
    assert (
        f"test_calls: the bookmark {format_instant(bookmark)}, or its as_of, is later than now "
        f"minus settle_minutes; lowered to {now}"
    ) in caplog.messages
    assert sum("lowered" in line for line in caplog.messages) == 1
    caplog.clear()
    SyncLog(calls, *log.pairs[-1]).run()
    assert caplog.messages == []


def test_without_a_lookback_a_second_is_read_to_lower_a_bookmark_in_the_future() -> None:
    calls = FakeCalls()
    assert SyncLog(calls, NOW + DAY, NOW + DAY).run().pairs == [(NOW, NOW)]
    assert calls.requested == [Window(NOW - SECOND, NOW)]
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
    pairs = [(NOW, NOW), (START + DAY, NOW), (None, None), (NOW + 99 * DAY, None)]
    for pair in pairs:
        SyncLog(FakeCalls(lookback_hours=48), *pair).run()
    assert steps == [3 * DAY, DAY, DAY, 3 * DAY]
    monkeypatch.setattr(FakeCalls, "ahead", 9 * DAY)
    SyncLog(FakeCalls(lookback_hours=48), NOW, NOW).run()
    monkeypatch.setattr(FakeCalls, "ahead", 999 * DAY)
    SyncLog(FakeCalls(lookback_hours=48), NOW, NOW).run()
    assert steps[4:] == [12 * DAY, 366 * DAY]
