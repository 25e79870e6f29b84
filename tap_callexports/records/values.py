"""Value readers: one function per kind of column, chosen by its schema.

A reader converts a decoded value (never None) to the column's type. It raises ValueError for an
invalid or ambiguous value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tap_callexports.records.repair import repaired
from tap_callexports.records.rows import ABSENT, Json
from tap_callexports.records.timestamps import TimeReader

Reader: TypeAlias = Callable[[Any], Any]

#: Integers of more digits than this (`1e999999999`) are invalid: targets could not read them.
_MAX_DIGITS = 400
#: Texts that mean "no number".
_NO_NUMBER = frozenset({"", "-", "null", "none", "n/a"})
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+|[+-]?\d{1,3}(,\d{3}){2,}")
_DOT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(\.\d{3}){2,}")
#: A comma before other than three digits cannot be a thousands separator.
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")

_BOOLEANS = {
    "true": True, "1": True, "yes": True, "y": True, "si": True, "sí": True, "t": True,
    "false": False, "0": False, "no": False, "n": False, "f": False,
}  # fmt: skip

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
#: JSON without white space; decimals keep all digits.
encode = msgspec.json.Encoder(decimal_format="number").encode


def plain(value: object) -> Json:
    """Decode a value if it is not; a number that Decimal cannot hold (`1e9…9`) stays text."""
    if not isinstance(value, msgspec.Raw):
        return value
    if value is ABSENT:
        return None
    try:
        return _decode(value)
    except ArithmeticError:
        return msgspec.json.Decoder(float_hook=_number_or_text).decode(value)
    except RecursionError:
        return bytes(value).decode()


def plain_values(values: list[Any]) -> list[Any]:
    """Decode values that are not; the list itself if all are."""
    if msgspec.Raw not in set(map(type, values)):
        return values
    try:
        decoded = plain(msgspec.Raw(b"[%b]" % b",".join(values)))
        if isinstance(decoded, list) and len(decoded) == len(values):
            return decoded
    except (TypeError, msgspec.DecodeError):
        pass  # some are decoded, or ABSENT
    return list(map(plain, values))


def _number_or_text(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def compact_json(value: object) -> str:
    """As `encode`, as text."""
    return encode(value).decode()


def _stripped(text: str) -> str:
    """Strip white space; raise ValueError if there is nothing else."""
    stripped = text.strip()
    if text and not stripped:
        raise ValueError("white space only")
    return stripped


def number_from_text(text: str) -> Decimal | None:
    """Parse a number; None for a text that means "no number".

    A single point is a decimal point. A single comma before three digits is ambiguous.

    Raises:
        ValueError: Not a number, or ambiguous.
    """
    text = _stripped(text)
    if text.lower() in _NO_NUMBER:
        return None
    if len(text) > _MAX_DIGITS:
        raise ValueError("too long")
    if _COMMA_GROUPS.fullmatch(text):
        text = text.replace(",", "")
    elif _DOT_GROUPS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    elif not _PLAIN.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def read_number(value: object) -> int | float | Decimal | None:
    """Read a number, or a text by `number_from_text`; true and false are no numbers."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return number_from_text(value)
    raise ValueError("not a number")


def read_integer(value: object) -> int | None:
    """As `read_number`, for integers that targets can hold."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _MAX_DIGITS:
        return int(value)
    number = read_number(value)
    if number is None or isinstance(number, int):
        return number
    if isinstance(number, Decimal) and number.adjusted() > _MAX_DIGITS:
        raise ValueError("too large")
    if number != number.__trunc__():
        raise ValueError("not a whole number")
    return int(number)


def read_boolean(value: object) -> bool | None:
    """Read a boolean: true, false, 1, 0, or a word for either; an empty text is null."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        text = _stripped(value).lower()
        if text in _NO_NUMBER:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
    raise ValueError("not a boolean")


def _read_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        raise ValueError("not a text")  # noqa: TRY004 - readers have one error type
    return compact_json(value)


def _read_anything(value: object) -> str:
    """A text column of unknown shape: objects and lists as compact JSON."""
    return value if isinstance(value, str) else compact_json(value)


def _code_reader(read: Reader) -> Reader:
    """As `read`, for ids, phone numbers and the like, where an empty text means null."""

    def read_code(value: object) -> str | None:
        text: str = read(value)
        return text if _stripped(text) else None

    return read_code


def _read_object(value: object) -> dict[str, Any] | None:
    if isinstance(value, str):
        if not _stripped(value):
            return None
        if repaired(value.encode())[1]:
            raise ValueError("texts that no target can store")
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError("not an object") from error
    if isinstance(value, dict):
        return value
    raise ValueError("not an object")


def _list_reader(item: Reader | None) -> Reader:
    def read_list(value: object) -> list[Any]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list):
            raise ValueError("not a list")  # noqa: TRY004 - readers have one error type
        if item is None:
            return value
        return [None if part is None else item(part) for part in value]

    return read_list


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a column beside null."""
    types = schema["type"]
    return str(types if isinstance(types, str) else next(name for name in types if name != "null"))


def reader_for(schema: Mapping[str, Any], times: TimeReader) -> Reader:
    """The reader of a column.

    Args:
        schema: The property's schema. `format: date-time` marks instants, `minLength` texts that
            are never empty, `contentMediaType` texts of unknown shape.
        times: Parses the provider's times.
    """
    kind = kind_of(schema)
    if kind == "string":
        if schema.get("format") == "date-time":
            return times.read
        read_text = _read_anything if "contentMediaType" in schema else _read_text
        return _code_reader(read_text) if schema.get("minLength") else read_text
    if kind == "array":
        items = schema.get("items")
        return _list_reader(reader_for(items, times) if items and "type" in items else None)
    return {
        "integer": read_integer,
        "number": read_number,
        "boolean": read_boolean,
        "object": _read_object,
    }[kind]
