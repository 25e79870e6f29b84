"""When people call: mostly in office hours, often in the same second, always reproducible."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from .instants import EPOCH, MICROSECOND, SECOND, UTC, floor

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

_HOUR = timedelta(hours=1)
_SAME_SECOND = 0.05
_SAME_INSTANT = 0.02


def instants(
    rng: random.Random, count: int, start: datetime, end: datetime, step: timedelta
) -> list[datetime]:
    """`count` sorted instants in [start, end), multiples of `step` where the range allows it."""
    if end <= start:
        raise ValueError("the range of instants is empty")
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    slots = _hours(start, end)
    weights = list(accumulate(_weight(slot) for slot in slots))
    picked = sorted(
        slot + rng.random() * _HOUR for slot in rng.choices(slots, cum_weights=weights, k=count)
    )
    return sorted(_rounded(_with_ties(rng, picked), start, end, step))


def phone(rng: random.Random) -> str:
    """A number of the 555-01xx block, which is reserved for fiction."""
    return f"+1{_AREAS[int(rng.random() * len(_AREAS))]}55501{int(rng.random() * 100):02d}"


def hex_text(rng: random.Random, digits: int) -> str:
    """`digits` random hexadecimal digits."""
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


_AREAS = (202, 206, 212, 213, 305, 312, 404, 415, 503, 512, 555, 602, 617, 702, 713, 808)


def _hours(start: datetime, end: datetime) -> list[datetime]:
    first = floor(start, _HOUR)
    return [first + index * _HOUR for index in range(-((first - end) // _HOUR))]


def _weight(hour: datetime) -> float:
    """Busy from 9 to 19, quieter in the evening, nearly silent at night and on weekends."""
    busy = 10.0 if 9 <= hour.hour < 19 else 3.0 if 7 <= hour.hour < 22 else 0.4
    return busy * (0.25 if hour.weekday() >= 5 else 1.0)


def _with_ties(rng: random.Random, picked: list[datetime]) -> Iterable[datetime]:
    previous: datetime | None = None
    for at in picked:
        chance = rng.random()
        if previous is None or chance >= _SAME_INSTANT + _SAME_SECOND:
            previous = at
        elif chance >= _SAME_INSTANT:
            previous = floor(previous, SECOND) + rng.random() * SECOND
        yield previous


def _rounded(
    picked: Iterable[datetime], start: datetime, end: datetime, step: timedelta
) -> Iterable[datetime]:
    width = step // MICROSECOND
    span = end - start
    for at in picked:
        inside = at if start <= at < end else start + (at - EPOCH) % span
        micros = (inside - EPOCH) // MICROSECOND
        yield max(start, EPOCH + timedelta(microseconds=micros - micros % width))
