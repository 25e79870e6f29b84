"""Reads the values of a column, all at once if they are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any

import msgspec

from tap_callexports.records.timestamps import TimeReader
from tap_callexports.records.values import kind_of, plain_values, reader_for

_SCALARS: dict[str, set[type]] = {
    "string": {str}, "integer": {int}, "number": {int, Decimal}, "boolean": {bool},
}  # fmt: skip


class _Object(msgspec.Struct):
    """Any JSON object, without decoding its fields."""


#: Types of the items of a list, for validation.
_ITEMS: dict[str, Any] = {
    "string": str, "integer": int, "number": float, "boolean": bool, "object": _Object,
}  # fmt: skip


class Column:
    """Reads the values of a column.

    Args:
        schema: The property's schema.
        times: Parses the provider's times.

    Attributes:
        nested: Whether it holds objects or lists, which may stay undecoded.
        read: Converts a decoded value that is not null; raises ValueError for an invalid one,
            RecursionError for one that is nested too deeply.
    """

    def __init__(self, schema: Mapping[str, Any], times: TimeReader) -> None:
        self.nested = kind_of(schema) not in _SCALARS
        self.read = reader_for(schema, times)
        instants = schema.get("format") == "date-time"
        self._nulls = (None, "") if instants else (None,)
        reader_at_once = _nested_reader if self.nested else _scalar_reader
        self._read_at_once = times.read_column if instants else reader_at_once(schema)

    def is_null(self, value: object) -> bool:
        """Whether a decoded value counts as null."""
        return value in self._nulls

    def read_all(self, values: list[Any]) -> list[Any]:
        """Convert values, decoded or not.

        Raises:
            ValueError, RecursionError: As `read`.
        """
        if (found := self._read_at_once(values)) is not None:
            return found
        given = plain_values(values)
        if given is not values and (found := self._read_at_once(given)) is not None:
            return found
        read, nulls = self.read, self._nulls
        found = [None if value in nulls else read(value) for value in given]
        return list(map(self.kept, values, given, found)) if self.nested else found

    def kept(self, value: object, given: object, found: object) -> object:
        """The value as received if it is nested and reading did not change it, else the value read.

        So the same row always gives the same bytes, whatever else is in its response.

        Args:
            value: As received.
            given: The same, decoded.
            found: The value read.
        """
        same = self.nested and type(found) is type(given) and found == given
        return value if same and found is not None else found


def _scalar_reader(schema: Mapping[str, Any]) -> Callable[[list[Any]], list[Any] | None]:
    """A function that returns decoded values if all are valid as they are, else None."""
    types = {*_SCALARS[kind_of(schema)], type(None)}

    def read(values: list[Any]) -> list[Any] | None:
        if not types.issuperset(map(type, values)):
            return None
        if "minLength" in schema and ("" in values or any(map(str.isspace, filter(None, values)))):
            return None
        return values

    return read


def _nested_reader(schema: Mapping[str, Any]) -> Callable[[list[Any]], list[Any] | None]:
    """As `_scalar_reader`, for undecoded values of a column of objects or lists."""
    starts = set(b"{n" if kind_of(schema) == "object" else b"[n")
    items = schema.get("items", {})
    decode: Callable[[bytes], Any] | None = None
    if "type" in items:
        item = _ITEMS.get(kind_of(items))
        if item is None or "minLength" in items or "format" in items:
            return lambda _: None
        types: Any = list[list[item | None] | None]  # type: ignore[valid-type] # made at run time
        decode = msgspec.json.Decoder(types).decode

    def read(values: list[Any]) -> list[Any] | None:
        try:
            texts: Iterator[Any] = map(memoryview, values)
            if not starts.issuperset(map(itemgetter(0), texts)):
                return None
            if decode:
                decode(b"[%b]" % b",".join(values))
        except (TypeError, IndexError, msgspec.DecodeError, RecursionError):
            return None  # some are decoded, ABSENT, or hold other items
        return values

    return read
