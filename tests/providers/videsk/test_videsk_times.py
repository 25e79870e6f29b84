"""Videsk's times as pure functions: what is read back is what was written, in any zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.instants import MILLISECOND, SECOND, UTC, text
from tap_callexports.providers.videsk.times import (
    AGREEING_ROWS,
    ZoneCheck,
    object_id_time,
    videsk_instant,
    with_offsets,
)
from tap_callexports.records.time_zones import zone_named

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)
FIRST = datetime(2001, 1, 1, tzinfo=UTC)
ZONES = (
    "America/Santiago",
    "America/New_York",
    "America/St_Johns",
    "Europe/Madrid",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
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
    near_a_change = draw(st.integers(0, 3)) > 0
    if changes and near_a_change:
        return zone, draw(st.sampled_from(changes)) + draw(st.integers(-14_400, 14_400)) * SECOND
    return zone, FIRST + draw(st.integers(0, 36 * 365 * 86_400)) * SECOND


def test_the_zones_here_do_change_their_clocks() -> None:
    assert len(clock_changes("America/Santiago")) > 60
    assert clock_changes("Asia/Kolkata") == []


@pytest.mark.covers(62)
@PROPERTY
@given(place=places(), day_first=st.booleans())
def test_a_time_is_read_back_as_it_was_written(
    place: tuple[str, datetime], *, day_first: bool
) -> None:
    zone, at = place
    shown = written(at, zone, day_first=day_first)
    assert videsk_instant(shown, zone_named(zone), near=at) == text(at)


@PROPERTY
@given(place=places(), day_first=st.booleans())
def test_without_an_id_a_time_is_read_as_one_that_is_written_the_same(
    place: tuple[str, datetime], *, day_first: bool
) -> None:
    zone, at = place
    shown = written(at, zone, day_first=day_first)
    read = datetime.fromisoformat(videsk_instant(shown, zone_named(zone))[:-1]).replace(tzinfo=UTC)
    assert written(read, zone, day_first=day_first) == shown


@pytest.mark.covers(62)
@PROPERTY
@given(place=places(), seconds=st.integers(0, 29 * 60), day_first=st.booleans())
def test_starts_and_ends_are_on_the_pass_of_a_repeated_hour_that_the_id_tells(
    place: tuple[str, datetime], seconds: int, *, day_first: bool
) -> None:
    zone, start = place
    # Half of the shortest repeated stretch there is: 30 minutes at Lord Howe.
    end = start + (seconds // 2) * SECOND
    row = {
        "startTime": written(start, zone, day_first=day_first),
        "endTime": written(end, zone, day_first=day_first),
        "segment": "Ventas",
    }
    placed = with_offsets(row, ["startTime", "endTime"], zone_named(zone), start)
    assert placed == {"startTime": text(start), "endTime": text(end), "segment": "Ventas"}


@PROPERTY
@given(places(), st.integers(0, 59 * 60))
def test_no_end_is_placed_before_its_start(place: tuple[str, datetime], seconds: int) -> None:
    zone, start = place
    row = {
        "startTime": written(start, zone, day_first=False),
        "endTime": written(start + seconds * SECOND, zone, day_first=False),
    }
    placed = with_offsets(row, ["startTime", "endTime"], zone_named(zone), start)
    assert placed["startTime"] <= placed["endTime"]


@pytest.mark.covers(61)
def test_a_time_the_clock_skipped_is_moved_on_by_the_gap() -> None:
    zone = zone_named("America/Santiago")
    assert videsk_instant("2024-09-08 00:30:00", zone) == "2024-09-08T04:30:00.000000Z"
    assert videsk_instant("08/09/2024, 00:30:00", zone) == "2024-09-08T04:30:00.000000Z"


@pytest.mark.covers(62)
def test_of_a_repeated_hour_the_first_pass_is_taken_where_nothing_tells() -> None:
    zone = zone_named("America/Santiago")
    assert videsk_instant("2024-04-06 23:30:00", zone) == "2024-04-07T02:30:00.000000Z"


@pytest.mark.covers(65, 69)
@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("02/03/2024, 04:05:06", "2024-03-02T04:05:06.000000Z"),
        ("31/12/2024, 23:59:59", "2024-12-31T23:59:59.000000Z"),
        ("02/03/2024, 04:05", "2024-03-02T04:05:00.000000Z"),
        ("14/05/2024, 24:10:00", "2024-05-14T00:10:00.000000Z"),
        ("2024-05-14 24:00:00", "2024-05-14T00:00:00.000000Z"),
        (" 2024-05-14 09:30:00 ", "2024-05-14T09:30:00.000000Z"),
        ("2024-05-14 09:30", "2024-05-14T09:30:00.000000Z"),
        ("2024-05-14T09:30:00.250Z", "2024-05-14T09:30:00.250000Z"),
        ("2024-05-14T09:30:00-04:00", "2024-05-14T13:30:00.000000Z"),
    ],
)
def test_both_formats_and_their_variants_are_read(shown: str, read: str) -> None:
    assert videsk_instant(shown, UTC) == read


@pytest.mark.covers(65, 69)
@pytest.mark.parametrize(
    "shown",
    ["", "mañana", "13/13/2024, 10:00:00", "31/02/2024, 10:00:00", "05/14/2024, 10:00:00",
     "2024-05-14 25:00:00", "14-05-2024 10:00:00", "1715679000000", None, 1715679000000, True],
)  # fmt: skip
def test_what_is_neither_format_is_no_time(shown: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        videsk_instant(shown, UTC)


def test_an_object_id_holds_the_second_it_was_made_in() -> None:
    made = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
    assert object_id_time(OBJECT_ID.format(int(made.timestamp()))) == made
    for other in ("", "call_123", "6" * 23, "6" * 25, "g" * 24, None, 7):
        assert object_id_time(other) is None


Pair = tuple[str, str | None]


def misread_by(check: ZoneCheck, rows: Sequence[Pair]) -> timedelta | None:
    return check.misread_by([row[0] for row in rows], [row[1] for row in rows])


def rows_off_by(offset: timedelta, count: int) -> list[Pair]:
    """Ids and times of rows whose times differ from their ids by the same offset."""
    seconds = [FIRST + number * HOUR for number in range(count)]
    return [(OBJECT_ID.format(int(at.timestamp())), text(at + offset)) for at in seconds]


@pytest.mark.covers(63)
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
    # They need not come in one answer.
    assert [misread_by(check, [row]) for row in rows][-1] == offset


@pytest.mark.covers(63)
@pytest.mark.parametrize("offset", [timedelta(), 40 * SECOND, 7 * MINUTE, -3 * HOUR - 5 * MINUTE])
def test_times_near_their_ids_or_off_by_no_zone_are_not_misread(offset: timedelta) -> None:
    assert misread_by(ZoneCheck(), rows_off_by(offset, 5 * AGREEING_ROWS)) is None


def test_one_right_time_among_the_rows_clears_the_zone() -> None:
    off, right = rows_off_by(3 * HOUR, AGREEING_ROWS - 1), rows_off_by(MILLISECOND, 1)
    check = ZoneCheck()
    assert misread_by(check, off + right + off) is None
    assert misread_by(check, [("imported-1", "2024-05-14T09:30:00.000000Z"), ("x", None)]) is None


def test_one_right_time_before_the_others_hides_none_of_them() -> None:
    off, right = rows_off_by(3 * HOUR, AGREEING_ROWS), rows_off_by(MILLISECOND, 1)
    assert misread_by(ZoneCheck(), right + off) == 3 * HOUR
