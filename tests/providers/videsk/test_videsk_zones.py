"""Videsk writes local times: each call gets its right instant, also when the clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import assert_complete, empty_sandbox, export, failure

from sandbox.instants import SECOND, UTC, floor

if TYPE_CHECKING:
    from sandbox.videsk import VideskApi

CALLS = "videsk_calls"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

#: Zone, and a moment its clocks are changed at.
CHANGES = [
    # Back at midnight: 23:00 to 24:00 comes twice.
    ("America/Santiago", datetime(2024, 4, 7, 3, tzinfo=UTC)),
    # Forward at midnight: 00:00 to 01:00 does not exist.
    ("America/Santiago", datetime(2024, 9, 8, 4, tzinfo=UTC)),
    ("Europe/Madrid", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    # Half an hour comes twice.
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC)),
]


def _calls_around(api: VideskApi, change: datetime, length: timedelta) -> None:
    """A call every seven minutes, from three hours before to three after, ids made at start."""
    for number in range(-25, 26):
        at = change + number * 7 * MINUTE + number * SECOND
        api.add_at(at, end_time=at + length, customer_leave=at + length - SECOND)


@pytest.mark.covers(61, 62)
@pytest.mark.parametrize("dates", ["iso", "day_first"])
@pytest.mark.parametrize("length", [2 * MINUTE, 25 * MINUTE])
@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_calls_around_a_clock_change_get_their_right_instants(
    zone: str, change: datetime, length: timedelta, dates: Literal["iso", "day_first"]
) -> None:
    if zone == "Australia/Lord_Howe":
        length = min(length, 10 * MINUTE)
    with empty_sandbox() as box:
        box.videsk.options.dates = dates
        _calls_around(box.videsk, change, length)
        run = export(
            box.videsk,
            timezone=zone,
            start_date=(change - 24 * HOUR).isoformat(),
            end_date=(change + 24 * HOUR).isoformat(),
        )
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.covers(62)
@pytest.mark.parametrize("length", [31 * MINUTE, 45 * MINUTE])
def test_no_call_ends_before_it_starts_in_a_repeated_hour(length: timedelta) -> None:
    zone, change = CHANGES[0]
    with empty_sandbox() as box:
        _calls_around(box.videsk, change, length)
        run = export(box.videsk, timezone=zone, start_date="2024-04-06", end_date="2024-04-08")
    records = run.records(CALLS)
    assert len(records) == len(box.videsk.rows)
    assert [r["id"] for r in records if r["end_time"] < r["start_time"]] == []
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.parametrize("keys", ["honoured", "ignored"])
@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_zone_asked_for_is_the_zone_read(
    zone: str, keys: Literal["honoured", "ignored"]
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.keys = keys
        box.videsk.add(40, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 20, tzinfo=UTC))
        run = export(box.videsk, timezone=zone)
    assert_complete(run, box.videsk, CALLS)
    assert {request.body["timezone"] for request in box.videsk.requests} == {zone}


@pytest.mark.covers(63)
@pytest.mark.parametrize("zone", ["America/Santiago", "Asia/Kolkata"])
def test_a_server_that_ignores_the_zone_fails_the_stream_before_a_call_is_handed_over(
    zone: str,
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.zone = "ignored"
        box.videsk.add(20, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))
        run = export(box.videsk, timezone=zone)
    assert "videsk.timezone" in failure(run, CALLS)
    assert run.records(CALLS) == []
    assert run.bookmark(CALLS) is None


@pytest.mark.covers(63)
def test_a_server_that_ignores_the_zone_is_noticed_across_small_windows() -> None:
    with empty_sandbox() as box:
        box.videsk.options.zone = "ignored"
        box.videsk.options.cap = 8
        box.videsk.add(60, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 20, tzinfo=UTC))
        run = export(box.videsk, timezone="America/Santiago")
    assert "videsk.timezone" in failure(run, CALLS)
    assert len(run.records(CALLS)) < 40


def test_a_server_that_ignores_the_zone_is_right_where_utc_was_asked_for() -> None:
    with empty_sandbox() as box:
        box.videsk.options.zone = "ignored"
        box.videsk.add(60, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 20, tzinfo=UTC))
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)


def test_a_few_calls_with_strange_ids_are_no_misread_zone() -> None:
    with empty_sandbox() as box:
        start = datetime(2024, 5, 1, tzinfo=UTC)
        box.videsk.add(40, start, datetime(2024, 5, 20, tzinfo=UTC))
        for row in box.videsk.rows[::4]:
            # Imported calls: their ids were made hours after the call.
            box.videsk.amend(row, start_time=floor(row.sort_at - 3 * HOUR, SECOND))
        run = export(box.videsk, timezone="America/Santiago", start_date="2024-04-29")
    assert_complete(run, box.videsk, CALLS)
