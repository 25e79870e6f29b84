"""Points in time: the one text form of records, and the forms providers use."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)?)?"
)


def text(at: datetime) -> str:
    """The form of records: always UTC, always six fraction digits, so text order is time order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def parse(value: str) -> datetime:
    """Read ISO 8601 text; without an offset it is UTC. Raises ValueError for anything else."""
    found = _ISO.fullmatch(value)
    if not found:
        raise ValueError(f"not an ISO date: {value!r}")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micro = int(((fraction or "") + "000000")[:6])
    at = datetime(
        int(year),
        int(month),
        int(day),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        micro,
        tzinfo=UTC,
    )
    if zone in (None, "Z", "z"):
        return at
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return at + offset if zone[0] == "-" else at - offset


def floor(at: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` that is not after `at`."""
    at = at.astimezone(UTC)
    return at - (at - EPOCH) % step


def second(at: datetime) -> str:
    """The form of records, without the fraction of the second."""
    return text(floor(at, SECOND))


def to_ms(at: datetime) -> int:
    """Whole milliseconds since 1970."""
    return (at - EPOCH) // MILLISECOND


def from_ms(value: int) -> datetime:
    """The instant of a count of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=value)


def zoneless(value: str, separator: str = "T") -> str:
    """Record text without its zone mark, and with a fraction only when there is one."""
    end = 19 if value[20:26] == "000000" else 26
    return value[:10] + separator + value[11:end]
