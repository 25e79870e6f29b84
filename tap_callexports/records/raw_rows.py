"""Rows of an answer, whose values are not decoded yet.

Where the rows of an endpoint have the same few fields, they are read as columns, in a fraction of
the time and the memory that one object for each row takes. Knows no schema and no provider.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

import msgspec

from tap_callexports.compat import override

#: Any JSON value, decoded.
Json: TypeAlias = Any
#: A type, as msgspec takes it.
_Type: TypeAlias = Any
#: A provider's object: each value decoded, or as `msgspec.Raw`.
Row: TypeAlias = Mapping[str, Any]
#: What a field a row does not have is taken for.
NULL = msgspec.Raw(b"null")
#: Rows of more fields than this are read as objects.
_MOST_FIELDS = 200
_DICT = dict[str, msgspec.Raw]


class Undecoded(list[msgspec.Raw]):
    """Values none of which is decoded; a list where some may be is of another type."""


class Rows(Collection[Row]):
    """Rows in their order; iterating gives them one by one, with their fields as received."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: Sequence[Any] = rows

    @override
    def __len__(self) -> int:
        return len(self._rows)

    @override
    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    @override
    def __contains__(self, row: object) -> bool:
        return any(row == each for each in self)

    @property
    def fields(self) -> Sequence[str]:
        """The fields that at least one row has, in their order; perhaps some that none has."""
        return list(dict.fromkeys(chain.from_iterable(self._rows)))

    def column(self, field: str) -> list[Any]:
        """The value of a field in each row, decoded or not; NULL where a row does not have it."""
        try:
            return list(map(itemgetter(field), self._rows))
        except KeyError:
            return [row.get(field, NULL) for row in self._rows]

    def clear(self) -> None:
        """Forget the rows."""
        self._rows = ()


class _RowsAlike(Rows):
    """Rows that hold values only.

    Args:
        rows: Objects with an attribute for each field.
        attributes: The name of that attribute, by field.
        as_received: Gives the rows one by one.
    """

    def __init__(
        self,
        rows: Sequence[Any],
        attributes: Mapping[str, str],
        as_received: Callable[[], Sequence[Row]],
    ) -> None:
        super().__init__(rows)
        self._attributes = attributes
        self._as_received = as_received

    @override
    def __iter__(self) -> Iterator[Row]:
        return iter(self._as_received())

    @property
    @override
    def fields(self) -> Sequence[str]:
        return list(self._attributes)

    @override
    def clear(self) -> None:
        super().clear()
        self._as_received = tuple

    @override
    def column(self, field: str) -> list[Any]:
        attribute = self._attributes.get(field)
        if attribute is None:
            return Undecoded([NULL] * len(self))
        return Undecoded(map(attrgetter(attribute), self._rows))


class Shape:
    """The fields that rows of an endpoint have, learned from its answers.

    What is decoded does not depend on what was learned, only how fast it is. Threads may share one.
    """

    def __init__(self) -> None:
        #: Attributes by field; none where rows are better read as objects.
        self._attributes: dict[str, str] = {}
        self._may_learn = True
        self._decoders: dict[tuple[object, ...], Callable[[bytes], Any]] = {}

    def rows(self, body: bytes) -> Rows:
        """A JSON list of objects.

        Raises:
            ValidationError: The body is something else.
        """
        rows: Rows = self._decode(body, None, ())
        return rows

    def envelope(self, body: bytes, rows: str, others: tuple[str, ...]) -> dict[str, Any]:
        """Some fields of a JSON object; those it lacks are not in the result.

        Args:
            body: JSON text.
            rows: Name of a field that is a list of objects; it comes as Rows.
            others: Names of fields that come decoded.

        Raises:
            ValidationError: The body is something else.
        """
        found: dict[str, Any] = self._decode(body, rows, others)
        return found

    def _decode(self, body: bytes, name: str | None, others: tuple[str, ...]) -> Json:
        if attributes := self._attributes:
            try:
                found = self._decoder(attributes, name, others)(body)
            except msgspec.ValidationError:
                pass  # perhaps a field that is not known yet
            else:
                return _with_rows(
                    found,
                    name,
                    lambda rows: _RowsAlike(
                        rows, attributes, lambda: self._as_received(body, name)
                    ),
                )
        found = self._decoder({}, name, others)(body)
        self._learn(found if name is None else found.get(name, ()))
        return _with_rows(found, name, Rows)

    def _as_received(self, body: bytes, name: str | None) -> Sequence[Row]:
        """The rows one by one; the next ones will be wanted so too."""
        self._may_learn, self._attributes = False, {}
        found = self._decoder({}, name, ())(body)
        rows: Sequence[Row] = found if name is None else found[name]
        return rows

    def _learn(self, rows: Sequence[Row]) -> None:
        fields = dict.fromkeys(chain(self._attributes, chain.from_iterable(rows)))
        if not self._may_learn or not all(map(_is_easy, fields)):
            return
        if len(fields) > _MOST_FIELDS:
            self._may_learn, fields = False, {}
        self._attributes = {field: f"field{number}" for number, field in enumerate(fields)}

    def _decoder(
        self, attributes: Mapping[str, str], name: str | None, others: tuple[str, ...]
    ) -> Callable[[bytes], Any]:
        key = (tuple(attributes), name, others)
        if key not in self._decoders:
            row = _struct_of(attributes) if attributes else _DICT
            self._decoders[key] = _list_of(row) if name is None else _envelope_of(row, name, others)
        return self._decoders[key]


def _with_rows(found: Json, name: str | None, made: Callable[[Sequence[Any]], Rows]) -> Json:
    if name is None:
        return made(found)
    return {**found, name: made(found[name])} if name in found else found


def _is_easy(field: str) -> bool:
    """Whether a struct can have a field of this name."""
    return field.isprintable() and not set(field) & {'"', "\\"}


def _struct_of(attributes: Mapping[str, str]) -> type:
    return msgspec.defstruct(
        "Row",
        [(attribute, msgspec.Raw, NULL) for attribute in attributes.values()],
        rename={attribute: field for field, attribute in attributes.items()},
        forbid_unknown_fields=True,
        gc=False,
    )


def _list_of(row: _Type) -> Callable[[bytes], Json]:
    return msgspec.json.Decoder(list[row]).decode


def _envelope_of(
    row: _Type, name: str, others: tuple[str, ...]
) -> Callable[[bytes], dict[str, Any]]:
    """A decoder of an object with these fields; those it lacks are not in the result."""
    names = {f"field{number}": name for number, name in enumerate((name, *others))}
    types = [list[row], *(Any for _ in others)]
    struct = msgspec.defstruct(
        "Envelope",
        [(field, type_, msgspec.UNSET) for field, type_ in zip(names, types, strict=True)],
        rename=names,
    )
    decode = msgspec.json.Decoder(struct, float_hook=Decimal).decode

    def decoded(body: bytes) -> dict[str, Any]:
        values = zip(names.values(), msgspec.structs.astuple(decode(body)), strict=True)
        return {name: value for name, value in values if value is not msgspec.UNSET}

    return decoded
