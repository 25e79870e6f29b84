"""Videsk's times: what is read back is what was written, in any zone, also when clocks change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from expected_streams import BY_NAME, UNTOLD
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_runs import assert_complete, empty_sandbox, export
from support import DAY, HOUR, MILLISECOND, MINUTE, SECOND, UTC, failure, instant, text

from sandbox import Fault, Sandbox
from tap_callexports.providers.videsk.times import (
    AGREEING_ROWS,
    ZoneCheck,
    object_id_time,
    videsk_instant,
    with_offsets,
)
from tap_callexports.records.time_zones import zone_named

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
CALLS = "videsk_calls"
FIRST = datetime(2001, 1, 1, tzinfo=UTC)
MAY = datetime(2024, 5, 1, tzinfo=UTC)
ZONES = (
    "America/Santiago",
    "America/St_Johns",
    "Europe/Madrid",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Antarctica/Troll",
)
OBJECT_ID = "{:08x}00000000000000ff"


@cache
def clock_changes(zone: str) -> list[datetime]:
    """The moments between 2001 and 2037 at which a zone's clocks are changed, to the minute."""
    place, at = ZoneInfo(zone), FIRST
    found: list[datetime] = []
    while at.year < 2037:
        following = at + DAY
        if at.astimezone(place).utcoffset() != following.astimezone(place).utcoffset():
            low, high = at, following
            while high - low > MINUTE:
                middle = low + (high - low) / 2
                same = middle.astimezone(place).utcoffset() == low.astimezone(place).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high.replace(second=0, microsecond=0))
        at = following
    return found


def written(at: datetime, zone: str, *, day_first: bool) -> str:
    """How Videsk writes an instant."""
    form = "%d/%m/%Y, %H:%M:%S" if day_first else "%Y-%m-%d %H:%M:%S"
    return at.astimezone(ZoneInfo(zone)).strftime(form)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a second of it: often one near a change of its clocks."""
    zone = draw(st.sampled_from(ZONES))
    changes = clock_changes(zone)
    if changes and draw(st.integers(0, 3)) > 0:
        return zone, draw(st.sampled_from(changes)) + draw(st.integers(-14_400, 14_400)) * SECOND
    return zone, FIRST + draw(st.integers(0, 36 * 365 * 86_400)) * SECOND


@PROPERTY
@given(place=places(), day_first=st.booleans())
def test_a_time_is_read_back_as_it_was_written(
    place: tuple[str, datetime], *, day_first: bool
) -> None:
    zone, at = place
    shown = written(at, zone, day_first=day_first)
    assert videsk_instant(shown, zone_named(zone), near=at) == text(at)
    # Without an id it is read as one of those that are written the same.
    read = instant(videsk_instant(shown, zone_named(zone)))
    assert written(read, zone, day_first=day_first) == shown


@PROPERTY
@given(place=places(), seconds=st.integers(0, 59 * 60), day_first=st.booleans())
def test_starts_and_ends_are_on_the_pass_of_a_repeated_hour_that_the_id_tells(
    place: tuple[str, datetime], seconds: int, *, day_first: bool
) -> None:
    zone, start = place
    end = start + seconds * SECOND
    row = {
        "startTime": written(start, zone, day_first=day_first),
        "endTime": written(end, zone, day_first=day_first),
        "segment": "Ventas",
    }
    placed = with_offsets(row, ["startTime", "endTime"], zone_named(zone), start)
    assert (placed["startTime"], placed["segment"]) == (text(start), "Ventas")
    assert placed["endTime"] >= placed["startTime"]
    # Half of the shortest repeated stretch there is: 30 minutes at Lord Howe.
    assert seconds >= 15 * 60 or placed["endTime"] == text(end)


def test_a_skipped_time_is_moved_on_and_of_a_repeated_one_the_first_pass_is_taken() -> None:
    zone = zone_named("America/Santiago")
    assert videsk_instant("2024-09-08 00:30:00", zone) == "2024-09-08T04:30:00.000000Z"
    assert videsk_instant("08/09/2024, 00:30:00", zone) == "2024-09-08T04:30:00.000000Z"
    assert videsk_instant("2024-04-06 23:30:00", zone) == "2024-04-07T02:30:00.000000Z"


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("02/03/2024, 04:05:06", "2024-03-02T04:05:06.000000Z"),
        ("02/03/2024, 04:05", "2024-03-02T04:05:00.000000Z"),
        ("14/05/2024, 24:10:00", "2024-05-14T00:10:00.000000Z"),
        ("2024-05-14 24:00:00", "2024-05-14T00:00:00.000000Z"),
        (" 2024-05-14 09:30 ", "2024-05-14T09:30:00.000000Z"),
        ("2024-05-14T09:30:00.250Z", "2024-05-14T09:30:00.250000Z"),
        ("2024-05-14T09:30:00-04:00", "2024-05-14T13:30:00.000000Z"),
        *[
            (shown, None)
            for shown in (
                "", "mañana", "13/13/2024, 10:00:00", "31/02/2024, 10:00:00",
                "05/14/2024, 10:00:00", "2024-05-14 25:00:00", "14-05-2024 10:00:00",
                "1715679000000", None, 1715679000000, True,
            )
        ],
    ],
)  # fmt: skip
def test_both_formats_and_their_variants_are_read_and_nothing_else(
    shown: object, read: str | None
) -> None:
    if read:
        assert videsk_instant(shown, UTC) == read
    else:
        with pytest.raises(ValueError, match=r"."):
            videsk_instant(shown, UTC)


def test_an_object_id_holds_the_second_it_was_made_in() -> None:
    made = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
    assert object_id_time(OBJECT_ID.format(int(made.timestamp()))) == made
    for other in ("", "call_123", "6" * 23, "6" * 25, "g" * 24, None, 7):
        assert object_id_time(other) is None


# A zone that is misread.

Pair = tuple[str, str | None]


def misread_by(check: ZoneCheck, rows: Sequence[Pair]) -> timedelta | None:
    return check.misread_by([row[0] for row in rows], [row[1] for row in rows])


def rows_off_by(offset: timedelta, count: int) -> list[Pair]:
    """Ids and times of rows whose times differ from their ids by the same offset."""
    seconds = [FIRST + number * HOUR for number in range(count)]
    return [(OBJECT_ID.format(int(at.timestamp())), text(at + offset)) for at in seconds]


@PROPERTY
@given(st.integers(-56, 56).filter(bool), st.integers(-60, 60))
def test_enough_rows_off_by_the_same_quarters_of_an_hour_are_a_misread_zone(
    quarters: int, seconds: int
) -> None:
    offset = quarters * 15 * MINUTE
    rows = rows_off_by(offset + seconds * SECOND, AGREEING_ROWS)
    assert misread_by(ZoneCheck(), rows[:-1]) is None
    assert misread_by(ZoneCheck(), rows) == offset
    check = ZoneCheck()
    # They need not come in one response.
    assert [misread_by(check, [row]) for row in rows][-1] == offset


@pytest.mark.parametrize("offset", [timedelta(), 40 * SECOND, 7 * MINUTE, -3 * HOUR - 5 * MINUTE])
def test_times_near_their_ids_or_off_by_no_zone_are_not_misread(offset: timedelta) -> None:
    assert misread_by(ZoneCheck(), rows_off_by(offset, 5 * AGREEING_ROWS)) is None


def test_one_right_time_among_the_rows_clears_the_zone_unless_it_comes_first() -> None:
    off, right = rows_off_by(3 * HOUR, AGREEING_ROWS), rows_off_by(MILLISECOND, 1)
    check = ZoneCheck()
    assert misread_by(check, off[1:] + right + off[1:]) is None
    assert misread_by(check, [("imported-1", "2024-05-14T09:30:00.000000Z"), ("x", None)]) is None
    assert misread_by(ZoneCheck(), right + off) == 3 * HOUR


@pytest.mark.parametrize(
    ("zone", "cap", "handed_over"),
    [("America/Santiago", 5000, 0), ("Asia/Kolkata", 5000, 0), ("America/Santiago", 8, 39)],
)
def test_a_server_that_ignores_the_zone_fails_the_stream(
    zone: str, cap: int, handed_over: int
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.zone, box.videsk.options.cap = "ignored", cap
        box.videsk.add(60, MAY, MAY + (19 if handed_over else 1) * DAY)
        run = export(box.videsk, timezone=zone)
        assert "videsk.timezone" in failure(run, CALLS)
        assert len(run.records(CALLS)) <= handed_over
        assert_complete(export(box.videsk), box.videsk)  # where UTC is asked for it is right


def test_a_few_calls_with_strange_ids_are_no_misread_zone() -> None:
    with empty_sandbox() as box:
        box.videsk.add(40, MAY, MAY + 19 * DAY)
        for row in box.videsk.rows[::4]:
            # Imported calls: their ids were made hours after the call.
            start = (row.sort_at - 3 * HOUR).replace(microsecond=0)
            box.videsk.amend(row, start_time=start)
        run = export(box.videsk, timezone="America/Santiago", start_date="2024-04-29")
    assert_complete(run, box.videsk)


# In exports.


@pytest.mark.parametrize("keys", ["honoured", "ignored"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_zone_asked_for_is_the_zone_read(box: Sandbox, zone: str, keys: Any) -> None:
    box.videsk.options.keys = keys
    assert_complete(export(box.videsk, timezone=zone), box.videsk)
    assert {request.body["timezone"] for request in box.videsk.requests} == {zone}


def test_a_refused_zone_is_one_request_and_the_message_names_the_setting(box: Sandbox) -> None:
    refusal = '{"name": "BadRequest", "message": "A valid \\"timezone\\" is required"}'
    box.videsk.faults.add(Fault("status", status=400, body=refusal, times=99))
    line = failure(export(box.videsk, max_concurrency=1), CALLS)
    assert "videsk.timezone" in line
    assert 'A valid "timezone" is required' in line
    assert len(box.videsk.requests) == 1


@pytest.mark.parametrize("stream", [n for n, one in BY_NAME.items() if one.api == "videsk"])
@pytest.mark.parametrize(
    "change",
    [
        datetime(2024, 4, 7, 3, tzinfo=UTC),  # 23:00 to 24:00 comes twice
        datetime(2024, 9, 8, 4, tzinfo=UTC),  # 00:00 to 01:00 does not exist
    ],
)
def test_rows_around_a_clock_change_are_at_the_instant_their_id_tells(
    stream: str, change: datetime
) -> None:
    column = str(BY_NAME[stream].time)
    with empty_sandbox() as box:
        box.videsk.of(stream).add_at(*[change + n * 15 * MINUTE for n in range(-9, 10)])
        around: Any = {"start_date": text(change - DAY), "end_date": text(change + DAY)}
        run = export(box.videsk, streams=[stream], timezone="America/Santiago", **around)
        truth = box.videsk.truth(stream)
    assert run.code == 0
    for key, record in truth.items():
        at = instant(record[column])
        # Only rows of a repeated hour whose id tells nothing may be an hour early.
        early = stream in UNTOLD and change.month == 4 and change <= at < change + HOUR
        assert run.table(stream)[key][column] == text(at - HOUR if early else at)
