"""Time zones of local times."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import datetime, tzinfo

from tap_callexports.records.timestamps import UTC


def zone_named(name: str) -> tzinfo:
    """A zone by its IANA name; raise ValueError with close matches, for users, if there is none."""
    if name in {"UTC", "Etc/UTC"}:
        return UTC
    import pendulum  # noqa: PLC0415 - costs up to a second, and UTC needs none of it

    try:
        return pendulum.timezone(name)
    except (pendulum.tz.exceptions.InvalidTimezone, ValueError, OSError):
        near = difflib.get_close_matches(name, pendulum.timezones(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"is not an IANA time zone such as America/Santiago{hint}") from None


def to_utc(
    moment: datetime, zone: tzinfo, near: datetime | None = None, not_before: datetime | None = None
) -> datetime:
    """The instant of a naive local time; in a repeated hour by default the first pass.

    Args:
        moment: Local time; in a gap it is moved forward by the gap.
        zone: Its zone.
        near: In a repeated hour the pass nearer to this instant is taken.
        not_before: In a repeated hour the first pass that is not before this instant is taken.

    Raises:
        ValueError: Its UTC form is outside the calendar.
    """
    try:
        first = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
        second = moment.replace(tzinfo=zone, fold=1).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error
    # In a gap the passes are in reverse order, and the first one is right.
    if second <= first:
        return first
    if near is not None:
        return second if abs(second - near) < abs(first - near) else first
    return second if not_before is not None and first < not_before else first


def zone_errors(name: str) -> Iterator[str]:
    """The error of a `timezone` setting, if it is not the name of a zone."""
    try:
        zone_named(name)
    except ValueError as error:
        yield f"timezone: {error}"
