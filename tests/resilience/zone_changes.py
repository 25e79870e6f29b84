"""Every change of every clock on earth, found by looking, and what local texts around it mean.

Knows `zoneinfo` alone and shares no code with the tap.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import TZPATH, ZoneInfo, available_timezones

if TYPE_CHECKING:
    from collections.abc import Iterator

UTC = timezone.utc
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
_DAY = 86_400
_FIRST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_END = int(datetime(2038, 1, 1, tzinfo=UTC).timestamp())
#: Where zones are kept, but no name of one: the host's own.
_NO_ZONES = {"localtime"}


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

    @property
    def length(self) -> timedelta:
        """How much local time is skipped or repeated."""
        return abs(self.after - self.before)

    @property
    def back(self) -> bool:
        """Whether the clocks are set back, so that times come twice."""
        return self.after < self.before

    def instants(self) -> list[datetime]:
        """Seconds around it: at its edges, and on both passes of what is repeated."""
        half = self.length / 2 // SECOND * SECOND
        steps = {SECOND, half, HOUR / 2, self.length - SECOND, self.length}
        return sorted({self.at + sign * step for step in steps for sign in (-1, 0, 1)})

    def skipped(self) -> list[datetime]:
        """Local times that never were, where the clocks are set forward."""
        first = (self.at + self.before).replace(tzinfo=None)
        steps = {0 * SECOND, SECOND, self.length / 2 // SECOND * SECOND, self.length - SECOND}
        return [] if self.back else [first + step for step in sorted(steps)]


def zone_names() -> list[str]:
    """Every zone there is, aliases included."""
    return sorted(available_timezones() - _NO_ZONES)


@cache
def changes() -> tuple[Change, ...]:
    """Every change from 2000 to 2037, of one zone of each set of aliases."""
    return tuple(change for names in aliases() for change in _changes_of(names[0]))


@cache
def distinct_changes() -> tuple[Change, ...]:
    """Of zones that are set alike at the same moment, one."""
    found = {(change.at, change.before, change.after): change for change in changes()}
    return tuple(found.values())


@cache
def aliases() -> tuple[tuple[str, ...], ...]:
    """Zone names in sets that have the same data."""
    sets: dict[bytes, list[str]] = {}
    for name in zone_names():
        sets.setdefault(_data(name), []).append(name)
    return tuple(map(tuple, sets.values()))


def local(at: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at an instant."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def meant(wall: datetime, zone: str) -> datetime:
    """The rule for a local time by itself: its first pass; a skipped one moved on by the gap."""
    place, naive = ZoneInfo(zone), wall.replace(tzinfo=UTC)
    # A clock that shows this was set no more than a day from UTC; look on both sides.
    around = [naive + days * timedelta(days=1) for days in (-2, -1, 1, 2)]
    offsets = [at.astimezone(place).utcoffset() or timedelta() for at in around]
    passes = [naive - offset for offset in offsets if local(naive - offset, zone) == wall]
    return min(passes) if passes else naive - offsets[1]


def _changes_of(name: str) -> Iterator[Change]:
    place, told = ZoneInfo(name), datetime.fromtimestamp

    def offset(second: int) -> timedelta:
        return told(second, place).utcoffset() or timedelta()

    before = offset(_FIRST)
    for day in range(_FIRST, _END, _DAY):
        after = offset(day + _DAY)
        if after == before:
            continue
        low, high = day, day + _DAY
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        yield Change(name, told(high, UTC), before, after)
        before = after


def _data(name: str) -> bytes:
    """The file `zoneinfo` reads for a zone."""
    for folder in TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
