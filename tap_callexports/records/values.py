"""Value readers: one function per kind of column, chosen once per stream from its schema.

A reader takes what the provider sent (never None) and returns what the column holds. It raises
ValueError when the value does not fit; nothing is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_callexports.records.repair import repaired
from tap_callexports.records.rows import ABSENT

if TYPE_CHECKING:
    from tap_callexports.records.rows import Json
    from tap_callexports.records.timestamps import TimeReader

#: Reads one decoded value, as said above.
Reader: TypeAlias = Callable[[Any], Any]

#: Whole numbers of more digits than this (`1e999999999`) are no numbers of calls, and targets
#: could not read them.
_MAX_DIGITS = 400
#: Texts that stand for "no number".
_NO_NUMBER = frozenset({"", "-", "null", "none", "n/a"})
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+|[+-]?\d{1,3}(,\d{3}){2,}")
_DOT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(\.\d{3}){2,}")
#: One comma with other than three digits behind it cannot be a thousands separator.
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")

_BOOLEANS = {
    "true": True, "1": True, "yes": True, "y": True, "si": True, "sí": True, "t": True,
    "false": False, "0": False, "no": False, "n": False, "f": False,
}  # fmt: skip

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
#: JSON text without white space; decimals keep every digit they came with.
encode = msgspec.json.Encoder(decimal_format="number").encode


def plain(value: object) -> Json:
    """A value, decoded if it is not yet; a number nothing can hold (`1e9…9`) is its text."""
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
    """Values, each decoded if it is not yet; the list itself where they are."""
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
    """JSON text without white space; decimals keep every digit they came with."""
    return encode(value).decode()


def _stripped(text: str) -> str:
    """A text without white space around it; an empty one says that there is no value.

    Raises:
        ValueError: There is nothing but white space.
    """
    stripped = text.strip()
    if text and not stripped:
        raise ValueError("white space only")
    return stripped


def number_from_text(text: str) -> Decimal | None:
    """A number written as text, None where the text says there is none.

    `1,234` and `1.234` could be either of two numbers only in the first form: a point is always
    a decimal point, a lone comma before three digits is refused.

    Raises:
        ValueError: Not a number, or one that can be read in two ways.
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
    """A number column: numbers as they are, texts by `number_from_text`.

    Raises:
        ValueError: Not a number; true and false are none.
    """
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return number_from_text(value)
    raise ValueError("not a number")


def read_integer(value: object) -> int | None:
    """An integer column: as `read_number`, with nothing behind the decimal point.

    Raises:
        ValueError: Not a whole number, or one that no target could hold.
    """
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
    """A boolean column; an empty text is no answer (None), not true and not false.

    Raises:
        ValueError: Neither true nor false, 1 nor 0, nor a word for either.
    """
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
    """As `read`, of an id, phone number or the like, where an empty text means there is none."""

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
    """The one type, beside null, that a column has in its schema."""
    types = schema["type"]
    return str(types if isinstance(types, str) else next(name for name in types if name != "null"))


def reader_for(schema: Mapping[str, Any], times: TimeReader) -> Reader:
    """The reader of a column, by its JSON schema.

    Args:
        schema: The property's schema. `format: date-time` marks instants, `minLength` texts that
            are never empty, `contentMediaType` texts whose shape the provider does not tell.
        times: How this provider's times are read.
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
