"""Instants: emitted times are UTC text of one width, so that text order is time order.

Readers convert providers' times to that text. They raise ValueError for other values, which the
codec keeps in `extra`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)

#: Times outside these years are of another unit (seconds for milliseconds).
FIRST_YEAR, LAST_YEAR = 2000, 2100
#: The same in epoch ms, inclusive and exclusive.
FIRST_MS = int((datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - EPOCH) / MILLISECOND)
LAST_MS = int((datetime(LAST_YEAR, 1, 1, tzinfo=UTC) - EPOCH) / MILLISECOND)
_FIRST_MICROS, _LAST_MICROS = FIRST_MS * 1000, LAST_MS * 1000

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?([Zz]|[+-]\d\d:?\d\d)?"
)
#: The format of most providers, which is read faster.
_COMMON = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,6}))?Z?", re.ASCII
)
#: Makes every digit a zero.
_ZEROS = bytes.maketrans(b"123456789", b"000000000")
#: Seconds, and milliseconds of a second, as text.
_SECONDS = [f"{number:02d}" for number in range(60)]
_MILLIS = [f"{number:03d}" for number in range(1000)]
_SIXTHS = frozenset("012345")
_FRACTION = 6
_MIDNIGHT_HOUR = 24
_LEAP_SECOND = 60


class TimeReader(NamedTuple):
    """Converts a provider's times to instant texts (`format_instant`).

    Args:
        read: Converts one time, never None; raises ValueError for an invalid one.
        read_column: Converts a column at once; returns None if each must be read by itself.
    """

    read: Callable[[object], str]
    read_column: Callable[[Sequence[Any]], list[str | None] | None] = lambda _: None


def format_instant(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.ffffffZ` of an aware datetime."""
    naive = instant.astimezone(UTC).replace(tzinfo=None)
    return naive.isoformat(timespec="microseconds") + "Z"


def format_milliseconds(instant: datetime) -> str:
    """`YYYY-MM-DDTHH:MM:SS.fffZ` of an aware datetime, rounded down."""
    return format_instant(instant)[:-4] + "Z"


def parse_instant(text: str) -> datetime:
    """Parse a text of `format_instant`; raise ValueError for any other."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def read_iso(value: object) -> datetime:
    """An ISO 8601 date-time with or without offset; without one the result is naive.

    Accepts a space for the `T`, `Z` or `z`, one to nine fraction digits (cut to microseconds),
    hour 24 (the next midnight) and second 60 (the next minute).

    Raises:
        ValueError: Another value, or its UTC form is outside the calendar.
    """
    match = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not an ISO 8601 date-time")
    day, hour, minute, second, fraction, offset = match.groups()
    late = timedelta()
    if int(hour) == _MIDNIGHT_HOUR and not int(minute) + int(second or 0) + int(fraction or 0):
        hour, late = "00", timedelta(days=1)
    if second is not None and int(second) == _LEAP_SECOND:
        second, late = "59", late + SECOND
    micros = ((fraction or "") + "000000")[:6]
    text = f"{day}T{hour}:{minute}:{second or '00'}.{micros}"
    try:
        moment = datetime.fromisoformat(text) + late
        if offset:
            sign = -1 if offset[0] == "-" else 1
            digits = offset[1:].replace(":", "")
            shift = (
                timedelta()
                if offset in "Zz"
                else sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            )
            moment = (moment - shift).replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error
    return moment


def utc_instant(text: str) -> str | None:
    """Instant text of a UTC time in the format of most providers; None for any other text.

    The `Z` is optional; fractions have up to six digits.
    """
    common = _COMMON.fullmatch(text)
    if common is None:
        return None
    day, clock, fraction = common.groups("")
    return f"{day}T{clock}.{fraction:0<6}Z" if _is_day(day) else None


def utc_instants(values: Sequence[Any]) -> list[str | None] | None:
    """Instant texts of a column of UTC times, many times faster than one by one.

    Args:
        values: Texts; None and empty ones become None.

    Returns:
        None if they are not all of one form that `utc_instant` reads.
    """
    some_empty = None in values or "" in values
    texts = [v for v in values if v is not None and v != ""] if some_empty else values
    try:
        lines = "\n".join([*texts, ""])
        bare = lines.encode("ascii").translate(_ZEROS)
    except (TypeError, UnicodeEncodeError):
        return None
    form = lines[: lines.find("\n") + 1]
    width, day_hour = len(form), len("2024-05-01T12")
    if not _COMMON.fullmatch(form[:-1]) or bare != bare[:width] * len(texts):
        return None
    # Digits are where the first text has them; the tens of minutes and seconds are 0 to 5.
    tens = lines[day_hour + 1 :: width] + lines[day_hour + 4 :: width]
    if not set(tens) <= _SIXTHS or not all(map(_is_hour, {text[:day_hour] for text in texts})):
        return None
    digits = max(len(form.rstrip("Z\n")) - len("2024-05-01T12:00:00."), 0)
    rest = "0" * (_FRACTION - digits) + "Z\n"
    lines = lines.replace("Z", "").replace(" ", "T").replace("\n", rest if digits else "." + rest)
    instants: list[str | None] = [*lines.splitlines()]
    if not some_empty:
        return instants
    those = iter(instants)
    return [None if value is None or value == "" else next(those) for value in values]


@lru_cache(10_000)
def _is_day(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False


@lru_cache(10_000)
def _is_hour(day_hour: str) -> bool:
    return _is_day(day_hour[:-3]) and int(day_hour[-2:]) < _MIDNIGHT_HOUR


def iso_instant(value: object) -> str:
    """Instant text of an ISO date-time, UTC if naive; raises ValueError as `read_iso`."""
    if isinstance(value, str) and (instant := utc_instant(value)):
        return instant
    moment = read_iso(value)
    return format_instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def epoch_ms_instant(value: object) -> str:
    """Instant text of epoch milliseconds, given as a number or as text.

    Raises:
        ValueError: Not a number, or outside the years 2000 to 2100.
    """
    return _instant(value, 1000)


def epoch_instant(value: object) -> str:
    """The same of epoch seconds."""
    return _instant(value, 1_000_000)


def _instant(value: object, factor: int) -> str:
    """Instant text of a number of units, each of which is `factor` microseconds."""
    micros = value * factor if type(value) is int else _micros(value, factor)
    if not _FIRST_MICROS <= micros < _LAST_MICROS:
        raise ValueError("outside the years 2000 to 2100")
    hour, rest = divmod(micros, 3_600_000_000)
    seconds, fraction = divmod(rest, 1_000_000)
    return f"{_hour_text(hour)}:{seconds // 60:02d}:{seconds % 60:02d}.{fraction:06d}Z"


@lru_cache(10_000)
def _hour_text(hour: int) -> str:
    """`YYYY-MM-DDTHH` of an hour since 1970."""
    return (EPOCH + timedelta(hours=hour)).strftime("%Y-%m-%dT%H")


def epoch_ms_instants(values: Sequence[Any]) -> list[str | None] | None:
    """Instant texts of a column of epoch milliseconds, faster than one by one.

    Returns:
        None if they are not all integers that `epoch_ms_instant` reads, or None.
    """
    known = [value for value in values if value is not None]
    if {int} != set(map(type, known)) or min(known) < FIRST_MS or max(known) >= LAST_MS:
        return None
    return [
        None
        if ms is None
        else f"{_minute_text(ms // 60_000)}:{_SECONDS[ms // 1000 % 60]}.{_MILLIS[ms % 1000]}000Z"
        for ms in values
    ]


def epoch_instants(values: Sequence[Any]) -> list[str | None] | None:
    """As `epoch_ms_instants`, of epoch seconds."""
    if {int} != {type(value) for value in values if value is not None}:
        return None
    return epoch_ms_instants([None if value is None else value * 1000 for value in values])


@lru_cache(10_000)
def _minute_text(minute: int) -> str:
    """`YYYY-MM-DDTHH:MM` of a minute since 1970."""
    return (EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M")


def _micros(value: object, factor: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str, float, Decimal)):
        raise ValueError("not a number")  # noqa: TRY004 - one error type for callers
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
        # Compared before it is multiplied: a number may have a billion digits.
        known = _FIRST_MICROS // factor <= number < _LAST_MICROS // factor
        return int(number * factor) if known else 0
    except ArithmeticError as error:
        raise ValueError("not a number") from error


def floor_second(instant: datetime) -> datetime:
    """The whole second at or before an instant."""
    return instant.replace(microsecond=0)


def ceil_second(instant: datetime) -> datetime:
    """The whole second at or after an instant."""
    floor = floor_second(instant)
    return floor if floor == instant else floor + SECOND


def epoch_ms(instant: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MILLISECOND


def epoch_seconds(instant: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (instant - EPOCH) // SECOND


#: ISO 8601, UTC if naive.
ISO_TIMES = TimeReader(iso_instant, utc_instants)
#: Milliseconds since 1970.
EPOCH_MS_TIMES = TimeReader(epoch_ms_instant, epoch_ms_instants)
#: Seconds since 1970.
EPOCH_TIMES = TimeReader(epoch_instant, epoch_instants)
