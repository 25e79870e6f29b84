"""A response: its rows or other JSON, its error message, and its headers."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec

from tap_callexports import clock
from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.error_fields import ERROR_FIELDS, message_of, reports_error
from tap_callexports.records.repair import repaired
from tap_callexports.records.rows import Json, RowDecoder, Rows
from tap_callexports.redaction import sanitize

T = TypeVar("T")

#: Most rows of a response; a window with more is split.
MAX_ROWS = 120_000
#: Most bytes of memory, roughly estimated, for the values of a response; a small body is not
#: checked.
_MAX_MEMORY, _SMALL_BODY = 256 << 20, 8 << 20
_MARKS = ((b",", b"."), (b"{", b"["))
_CHUNK = 1 << 16

#: Headers with a wait, the most exact first, and their units: milliseconds, seconds, or seconds
#: until a rate limit is reset.
_WAITS = {
    "Retry-After-Ms": "ms",
    "Retry-After": "s",
    "RateLimit-Reset": "reset",
    "X-RateLimit-Reset": "reset",
}
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")
#: A number of seconds from here on (2001) is an instant in epoch seconds, and 1000 times as much is
#: one in milliseconds.
_EARLIEST_EPOCH = 1e9

#: A longer body has no error message.
_MAX_ERROR_BODY = 1 << 16

#: Targets cannot read integers of more digits than this (Python's limit). To find them, one byte of
#: each hundred is checked.
_MAX_DIGITS, _STRIDE = 4300, 100
_MANY_DIGITS = b"0" * (_MAX_DIGITS // _STRIDE - 1)
_DIGITS = bytes(b"0"[0] if byte in b"0123456789" else 0 for byte in range(256))

#: Errors of decoding a body that is not JSON or has impossible numbers.
_DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError)
_json = msgspec.json.Decoder(float_hook=Decimal).decode
_row = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response.

    Args:
        status: The HTTP status.
        headers: Case-insensitive.
        body: Decompressed and complete.
        decoder: Decodes its rows; the codec of its stream.
        repairs: Counts of repairs in the decoded texts, by kind (`repaired`).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    decoder: RowDecoder = field(default_factory=RowDecoder, kw_only=True, compare=False, repr=False)
    repairs: Counter[str] = field(default_factory=Counter, kw_only=True, compare=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx: some APIs respond to reads with 201."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Json:
        """The body as JSON, with fractions as Decimal so that amounts stay exact.

        Raises:
            TransientFailure: The body is not complete, valid JSON.
            WindowTooLarge: It holds too many values.
        """
        return self._decoded_by(_json)

    def envelope(self, rows: str, *others: str) -> Json:
        """Some fields of an object, those that it has; another body is returned as by `rows`.

        Args:
            rows: Name of the field of rows; a list of objects becomes Rows, mostly undecoded.
            others: Names of fields that are decoded.

        Raises:
            TransientFailure: As `json`, or the object reports an error.
            WindowTooLarge: As `json`.
        """
        fields = tuple(name for name in dict.fromkeys((*others, *ERROR_FIELDS)) if name != rows)
        found = self._decoded_by(lambda body: self.decoder.decode(body, rows, fields))
        if not isinstance(found, dict):
            return _as_rows(found)
        self._check_error(found)
        if rows in found:
            found[rows] = _as_rows(found[rows])
        return found

    def list_of_rows(
        self, field: str | None, *others: str, or_null: bool = False
    ) -> tuple[Rows, dict[str, Json]]:
        """The rows of a response, and other fields of their envelope.

        Args:
            field: Field of the rows; None if the response is the list of rows.
            others: Names of other fields; absent ones are not in the result.
            or_null: Whether null means no rows.

        Raises:
            TransientFailure: It holds no list of objects, is no valid JSON, or reports an error.
            WindowTooLarge: It holds too many values.
        """
        found = self.rows() if field is None else self.envelope(field, *others)
        body = found if isinstance(found, dict) else {}
        rows = found if field is None else body.get(field, ())
        if rows is None and or_null:
            rows = Rows(())
        if not isinstance(rows, Rows):
            what = "with no list of rows" if field is None else f"with no list '{field}' of rows"
            raise TransientFailure(f"{self.status} {what}{self.error_message}")
        return rows, body

    def object(self) -> dict[str, Json]:
        """The fields of an object that is not a row, as `envelope`; empty for another body."""
        found = self.json()
        if not isinstance(found, dict):
            return {}
        self._check_error(found)
        return found

    def rows(self) -> Json:
        """A list of objects as Rows, mostly undecoded; another body as by `json`."""
        return _as_rows(self._decoded_by(self.decoder.decode))

    def row(self) -> Json:
        """As `json`, but the values of an object are not decoded."""
        return self._decoded_by(_row)

    def _decoded_by(self, decode: Callable[[bytes], T]) -> T | Json:
        """Repair and decode the body; with `json` if `decode` raises ValidationError."""
        self._check_size()
        body, repairs = repaired(self.body)
        try:
            found = _decoded(body, decode)
        except _DECODE_ERRORS:
            raise self._no_json from None
        self.repairs.update(repairs)
        return found

    def _check_error(self, body: dict[str, Json]) -> None:
        """Refuse an object that reports an error, with or without rows."""
        if reports_error(body):
            raise TransientFailure(f"{self.status} with an error in the body{message_of(body)}")

    @property
    def _no_json(self) -> TransientFailure:
        return TransientFailure(f"{self.status} with {self.kind} instead of JSON")

    def _check_size(self) -> None:
        """Raise WindowTooLarge for a body whose values would take far more memory than its text."""
        if len(self.body) <= _SMALL_BODY:
            return
        values, groups = (sum(map(self.body.count, marks)) for marks in _MARKS)
        if 64 * values + 200 * groups > _MAX_MEMORY:
            raise WindowTooLarge("a response of too many values")

    @property
    def kind(self) -> str:
        """The kind of body, for a message."""
        if not self.body.strip():
            return "an empty body"
        media_type = self.headers.get("Content-Type", "").split(";")[0].strip()
        start = self.body.lstrip()[:1]
        if start in {b"{", b"["}:
            return "broken JSON"
        return "HTML" if start == b"<" else sanitize(media_type or "something", 40)

    @property
    def error_message(self) -> str:
        """The server's error message, as ` (...)` to append to a message; else empty.

        Taken from known fields only (`error_fields.py`), sanitized.
        """
        if len(self.body) > _MAX_ERROR_BODY:
            return ""
        try:
            body = msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return ""
        return message_of(body) if isinstance(body, dict) else ""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, after a 429 also until its rate limit is reset.

        None if there is no such header, or not in a known form.
        """
        for header, unit in _WAITS.items():
            if unit != "reset" or self.status == HTTPStatus.TOO_MANY_REQUESTS:
                text = self.headers.get(header, "").strip()
                wait = self._wait_of(text, 1000 if unit == "ms" else 1)
                if wait is not None:
                    return wait
        return None

    def _wait_of(self, text: str, per_second: int) -> float | None:
        """Seconds of a wait given as a number, an epoch or an HTTP date."""
        if not _NUMBER.fullmatch(text):
            moment = _epoch_of(text)
        elif (number := float(text)) / per_second < _EARLIEST_EPOCH:
            return number / per_second
        else:
            moment = number if number < _EARLIEST_EPOCH * 1000 else number / 1000
        if moment is None:
            return None
        now = clock.time() if self.date is None else self.date
        return max(0.0, moment - now)

    @property
    def date(self) -> float | None:
        """The server's time in epoch seconds, None if it sends none."""
        return _epoch_of(self.headers.get("Date", ""))


def _decoded(body: bytes, decode: Callable[[bytes], T]) -> T | Json:
    if not body.isascii():
        _check_utf8(body)
    if b"\n" in body or b"\r" in body:
        body = msgspec.json.format(body, indent=-1)
    if _MANY_DIGITS in body[::_STRIDE].translate(_DIGITS):
        return _json(body)
    try:
        return decode(body)
    except msgspec.ValidationError:
        return _json(body)


def _check_utf8(body: bytes) -> None:
    """Raise UnicodeDecodeError if a body is not UTF-8; in pieces, to save memory."""
    decode = getincrementaldecoder("utf-8")().decode
    for start in range(0, len(body), _CHUNK):
        decode(body[start : start + _CHUNK])
    decode(b"", final=True)


def _as_rows(value: object) -> object:
    """A list of objects as Rows; any other value as it is."""
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return Rows(value)
    return value


def _epoch_of(text: str) -> float | None:
    """Parse an HTTP date into epoch seconds; None for another text."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
