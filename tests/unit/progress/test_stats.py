"""The numbers behind bars, lines and summaries."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from seam import fake_clock

from tap_callexports.progress.stats import COMPLETE, FAILED, STOPPED, Stats
from tap_callexports.records.timestamps import UTC
from tap_callexports.windows import Window

START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_share_is_of_time() -> None:
    stats = Stats("test_calls", span=Window(START, START + 10 * DAY))
    assert stats.share == 0
    stats.reached = START + 4 * DAY
    assert stats.share == 0.4
    stats.outcome = COMPLETE
    assert stats.share == 1


@pytest.mark.parametrize("outcome", [STOPPED, FAILED])
def test_the_share_of_what_did_not_end_well_is_what_was_read(outcome: str) -> None:
    stats = Stats("test_calls", span=Window(START, START + 10 * DAY), outcome=outcome)
    assert stats.share == 0
    stats.reached = START + 9 * DAY
    assert stats.share == 0.9


def test_of_a_stream_that_has_nothing_to_read_the_share_is_nothing_until_it_is_complete() -> None:
    stats = Stats("test_calls", reached=START)
    assert stats.share == 0
    stats.outcome = COMPLETE
    assert stats.share == 1


def test_a_partition_is_named_where_there_is_one() -> None:
    stats = Stats("test_calls", "form_id 7")
    assert stats.name == "test_calls (form_id 7)"
    assert stats.names() == {"stream_name": "test_calls", "partition": "form_id 7"}

    stats = Stats("test_calls")
    assert stats.name == "test_calls"
    assert stats.names() == {"stream_name": "test_calls"}


@fake_clock(monotonic=lambda: 15.5)
def test_a_run_that_is_not_over_has_taken_so_long() -> None:
    stats = Stats("test_calls", began=10.0)
    assert stats.seconds == 5.5
    stats.ended = 12.0
    assert stats.seconds == 2.0


def test_its_fields_are_all_that_was_counted() -> None:
    stats = Stats(
        "test_calls",
        "form_id 7",
        bookmark=START + 4 * DAY,
        next_from=START + 3 * DAY,
        rows=50,
        windows=4,
        duplicates=3,
        outside=2,
        not_found=1,
        skipped=["call 1", "call 2"],
        invalid_values=Counter({"notes": 5, "duration": 1}),
        outcome=FAILED,
        began=10.0,
        ended=12.34567,
    )
    for again in (False, True, False):
        stats.traffic.sent(again=again)
    assert stats.fields() == {
        "outcome": "failed",
        "rows": 50,
        "windows": 4,
        "requests": 3,
        "retries": 1,
        "duplicates": 3,
        "rows_outside": 2,
        "not_found": 1,
        "skipped": 2,
        "invalid": 6,
        "repaired": 0,
        "bookmark": "2024-05-05T00:00:00.000000Z",
        "next_from": "2024-05-04T00:00:00.000000Z",
        "seconds": 2.346,
    }


def test_fields_of_a_stream_without_a_bookmark_say_so() -> None:
    fields = Stats("test_calls").fields()
    assert (fields["bookmark"], fields["next_from"]) == (None, None)
