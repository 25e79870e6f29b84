"""Videsk's times: local texts in two formats, and ids that contain the UTC second."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from itertools import chain
from operator import sub
from typing import Any

import msgspec

from tap_callexports.records.time_zones import to_utc
from tap_callexports.records.timestamps import (
    EPOCH,
    SECOND,
    UTC,
    format_instant,
    parse_instant,
    read_iso,
    utc_instant,
)

#: `14/05/2024, 09:30:00`, the day first.
_DAY_FIRST = re.compile(r"(\d\d)/(\d\d)/(\d{4}),? (\d\d:\d\d(?::\d\d)?)")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
#: An ObjectId begins with the second in which it was made.
_ID_BYTES, _MADE = 12, ">I8x"
#: Hour 24 without an offset; with one it is the end of the day, as in ISO 8601.
_HOUR_24 = re.compile(r"([T ])24:(\d\d(?::\d\d(?:\.\d+)?)?)$")

#: Zones differ by multiples of this.
QUARTER = timedelta(minutes=15)
_QUARTER_SECONDS = QUARTER // SECOND
_EPOCH = EPOCH.replace(tzinfo=None)
#: Rows that must agree before a zone counts as misread.
AGREEING_ROWS = 20
#: A row's time and that in its id may differ by this much.
_NEAR_SECONDS = 60


def videsk_instant(
    value: object, zone: tzinfo, *, near: datetime | None = None, not_before: datetime | None = None
) -> str:
    """Instant text of a time in either format; one without offset is local.

    Args:
        value: The decoded value.
        zone: Zone of local times.
        near, not_before: As in `to_utc`, for repeated hours.

    Raises:
        ValueError: It has another format, or is outside the calendar.
    """
    text = value.strip() if isinstance(value, str) else ""
    if zone is UTC and (instant := utc_instant(text)):
        return instant
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, clock = match.groups()
        text = f"{year}-{month}-{day} {clock}"
    # A JavaScript formatter writes midnight as hour 24 of the day that begins.
    moment = read_iso(_HOUR_24.sub(r"\g<1>00:\2", text))
    return format_instant(moment if moment.tzinfo else to_utc(moment, zone, near, not_before))


def object_id_time(value: object) -> datetime | None:
    """The UTC second in a MongoDB ObjectId, None for another id."""
    second = _made_second(value)
    return None if second is None else EPOCH + second * SECOND


def _made_second(value: object) -> int | None:
    """The same second, since 1970."""
    if not isinstance(value, str) or not _OBJECT_ID.fullmatch(value):
        return None
    return int(value[:8], 16)


class ZoneCheck:
    """Detects times in another zone than the requested one.

    A row's id is made in the second of the row's time. If AGREEING_ROWS consecutive rows are off by
    the same multiple of QUARTER, every time is wrong.
    """

    def __init__(self) -> None:
        self._quarters = 0
        self._agreeing = 0

    def misread_by(self, ids: Sequence[object], times: Sequence[str | None]) -> timedelta | None:
        """By how much times are off after these further rows (ids, instant texts); None if not."""
        if not ids:
            return None
        # Fewer rows than AGREEING_ROWS are between two of these.
        some = sorted({*range(0, len(ids), AGREEING_ROWS), len(ids) - 1})
        if not self._quarters and _all_near([ids[n] for n in some], [times[n] for n in some]):
            return None
        offs = [
            _epoch_second(text) - made
            for text, row_id in zip(times, ids, strict=True)
            if text and (made := _made_second(row_id)) is not None
        ]
        for seconds in offs:
            quarters = round(seconds / _QUARTER_SECONDS)
            near = abs(seconds - quarters * _QUARTER_SECONDS) <= _NEAR_SECONDS
            if not near or quarters != self._quarters:
                self._quarters, self._agreeing = quarters, 0
            self._agreeing += near
            if self._agreeing >= AGREEING_ROWS and self._quarters:
                return self._quarters * QUARTER
        return None


def _all_near(ids: Sequence[Any], times: Sequence[str | None]) -> bool:
    """Whether each row's id is from its time; False if that cannot be read for all at once."""
    try:
        if set(map(len, ids)) != {2 * _ID_BYTES}:
            return False
        made = list(struct.iter_unpack(_MADE, bytes.fromhex("".join(ids))))
        shown = map(datetime.timestamp, msgspec.convert(times, list[datetime]))
        offs = map(sub, shown, chain.from_iterable(made))
        return len(made) == len(ids) and max(map(abs, offs)) <= _NEAR_SECONDS
    except (TypeError, ValueError, struct.error, msgspec.ValidationError):
        return False


def _epoch_second(instant: str) -> int:
    """The whole second of an instant text, since 1970."""
    return (datetime.fromisoformat(instant[:19]) - _EPOCH) // SECOND


def with_offsets(
    row: Mapping[str, Any], labels: Iterable[str], zone: tzinfo, made: datetime
) -> dict[str, Any]:
    """A copy of a row with its times as instants, in the right pass of repeated hours.

    Args:
        row: The row, its times decoded.
        labels: Its fields of times: first the one at which its id was made, which is placed near
            the id's second; the others are not before it. Invalid times stay as they are.
        zone: Zone of local times.
        made: The second of the row's id.
    """
    placed = dict(row)
    begun = made
    for number, label in enumerate(labels):
        with suppress(ValueError):
            if number == 0:
                placed[label] = videsk_instant(row[label], zone, near=made)
                begun = parse_instant(placed[label])
            else:
                placed[label] = videsk_instant(row[label], zone, not_before=begun)
    return placed
