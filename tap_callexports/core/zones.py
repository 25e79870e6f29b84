"""Time zones of providers that write local times; UTC, the default, costs no import."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tap_callexports.core.instants import UTC

if TYPE_CHECKING:
    from datetime import datetime, tzinfo


def zone_named(name: str) -> tzinfo:
    """A zone by its IANA name.

    Raises:
        ValueError: There is none; the text names near matches.
    """
    if name in {"UTC", "Etc/UTC", "Z"}:
        return UTC
    import pendulum  # noqa: PLC0415 - costs up to a second, and UTC needs none of it

    try:
        return pendulum.timezone(name)
    except (pendulum.tz.exceptions.InvalidTimezone, ValueError, OSError):
        near = difflib.get_close_matches(name, pendulum.timezones(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"is not an IANA time zone such as America/Santiago{hint}") from None


def to_utc(moment: datetime, zone: tzinfo, near: datetime | None = None) -> datetime:
    """The instant a naive local time stands for.

    Args:
        moment: Local time. One that the clock skipped is moved on by the gap.
        zone: Where it was written.
        near: An instant at or shortly before the one meant; it decides which pass of a repeated
            hour it was. Without it the first pass is taken.
    """
    first = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if near is None or zone is UTC:
        return first
    second = moment.replace(tzinfo=zone, fold=1).astimezone(UTC)
    # In a gap the passes are the wrong way round, and the first one is right.
    return second if second > first and abs(second - near) < abs(first - near) else first
