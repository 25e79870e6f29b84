"""Local times of Videsk around changes of clocks, from 2000 to 2037, become the right instants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest

from sandbox.instants import SECOND, UTC, text
from tap_callexports.providers.videsk.times import videsk_instant
from tap_callexports.records.time_zones import zone_named

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEARS = range(2000, 2038)
#: Zones that change at midnight, by half an hour, by a day, often, and in an unusual way.
SOME = (
    "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
    "Europe/Dublin", "America/St_Johns", "Asia/Tehran", "Antarctica/Troll",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A moment at which the clocks of a zone are set.

    Attributes:
        zone: Its name.
        at: The first second of the new time.
        before: Offset from UTC until then.
        after: Offset from then on.
    """

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    def instants(self) -> list[datetime]:
        """Seconds around it: at its edges, and on both passes of what is repeated."""
        length = abs(self.after - self.before)
        half = length / 2 // SECOND * SECOND
        steps = {SECOND, half, HOUR / 2, length - SECOND, length}
        return sorted({self.at + sign * step for step in steps for sign in (-1, 0, 1)})


@cache
def changes_of(zone: str) -> tuple[Change, ...]:
    """Every change of a zone, found by looking at each day and halving it."""
    place, found = ZoneInfo(zone), []
    first, end = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    for number in range((end - first).days):
        low, high = first + number * DAY, first + (number + 1) * DAY
        before, after = _offset(low, place), _offset(high, place)
        while before != after and high - low > SECOND:
            middle = low + (high - low) / 2 // SECOND * SECOND
            low, high = (middle, high) if _offset(middle, place) == before else (low, middle)
        if before != after:
            found.append(Change(zone, high, before, after))
    return tuple(found)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def local(at: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at an instant."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def meant(wall: datetime, zone: str) -> datetime:
    """The rule for a local time by itself: its first pass; a skipped one moved on by the gap."""
    place, naive = ZoneInfo(zone), wall.replace(tzinfo=UTC)
    # A clock that shows this was set no more than a day from UTC; look on both sides.
    offsets = [_offset(naive + days * DAY, place) for days in (-2, -1, 1, 2)]
    passes = [naive - offset for offset in offsets if local(naive - offset, zone) == wall]
    return min(passes) if passes else naive - offsets[1]


def shown(wall: datetime) -> Iterator[str]:
    """A local time in each of the spellings the provider has."""
    yield wall.strftime("%Y-%m-%d %H:%M:%S")
    yield wall.strftime("%d/%m/%Y, %H:%M:%S")
    if wall.hour == 0:
        # As some JavaScript formatters write the hour after midnight.
        yield wall.strftime("%d/%m/%Y, 24:%M:%S")


def wrong_times(change: Change) -> Iterator[tuple[object, ...]]:
    """What is read wrongly around a change of clocks."""
    zone, place = change.zone, zone_named(change.zone)
    for at in change.instants():
        wall = local(at, zone)
        for spelling in shown(wall):
            # The id of a row tells its time to a minute, or nothing does.
            for near in (at - 60 * SECOND, at, at + 60 * SECOND):
                if videsk_instant(spelling, place, near=near) != text(at):
                    yield zone, spelling, near
            if videsk_instant(spelling, place) != text(meant(wall, zone)):
                yield zone, spelling


def assert_right(zone: str) -> None:
    for change in changes_of(zone):
        assert list(wrong_times(change)) == []


@pytest.mark.parametrize("zone", SOME)
def test_no_time_around_a_change_of_clocks_is_wrong(zone: str) -> None:
    assert changes_of(zone)
    assert_right(zone)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_no_time_around_any_change_of_any_clock_is_wrong(part: int) -> None:
    zones = sorted(available_timezones() - {"localtime"})
    assert len(zones) > 550
    for zone in zones[part::8]:
        assert_right(zone)
