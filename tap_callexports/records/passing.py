"""Which JSON texts a column takes as they are, so that they need not be read.

Knows schemas only; how the others are read is said in `values.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _Object(msgspec.Struct):
    """Any JSON object; what is in it is skipped."""


_TYPES: dict[str, Any] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "object": _Object,
}  # fmt: skip


class Passing(NamedTuple):
    """Which values of a column go out as the JSON texts they came in.

    Args:
        decode: Decodes a JSON list of values; raises ValidationError if one of them is neither
            null, nor what the column holds, nor what `changes` tells.
        may_change: Whether a list may hold values that change; quick.
        changes: Whether a decoded value must be read all the same.
    """

    decode: Callable[[bytes], list[Any]]
    may_change: Callable[[bytes], bool]
    changes: Callable[[Any], bool]


def passing(schema: Mapping[str, Any]) -> Passing | None:
    """Which values of a column need not be read.

    Args:
        schema: The property's schema.

    Returns:
        None for columns whose values must be read in any case, such as times.
    """
    passes = _type_of(schema)
    if passes is None:
        return None
    if "array" in schema["type"]:
        decode = msgspec.json.Decoder(list[passes | str]).decode  # type: ignore[valid-type] # made at run time
        return Passing(decode, _may_hold_text, _is_text)
    decode = msgspec.json.Decoder(list[passes]).decode  # type: ignore[valid-type] # as above
    if "minLength" in schema:
        return Passing(decode, _may_hold_blank, _is_blank)
    return Passing(decode, _never, _never)


def _type_of(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type expression
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kinds = [name for name in types if name != "null"]
    if len(kinds) != 1 or "format" in schema:
        return None
    if kinds != ["array"]:
        return _TYPES[kinds[0]] | None
    items = schema.get("items", {})
    if "type" not in items:
        return list[msgspec.Raw] | None
    inner = None if "minLength" in items else _type_of(items)
    return list[inner] | None if inner else None  # type: ignore[valid-type] # as above


def _never(_: object) -> bool:
    return False


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _may_hold_text(values: bytes) -> bool:
    return b'["' in values or b',"' in values


def _is_blank(value: str | None) -> bool:
    return value is not None and (not value or value.isspace())


def _may_hold_blank(values: bytes) -> bool:
    """Whether there is an empty text in a JSON list of texts, or any white space."""
    return b'""' in values or b" " in values or b"\\" in values or not values.isascii()
