"""Decodes responses into rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from tap_callexports.compat import override

#: Any JSON value, decoded.
Json: TypeAlias = Any
#: A provider's object: each value decoded, or as `msgspec.Raw`.
Row: TypeAlias = Mapping[str, Any]
#: An absent field, and a null value.
ABSENT, NULL = msgspec.Raw(b""), msgspec.Raw(b"null")
#: Most fields of a struct.
_MAX_FIELDS = 200


class Rows(Collection[Row]):
    """Rows in their order; iteration yields them with their fields as received."""

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
    def fields(self) -> Collection[str]:
        """The fields of all rows, and perhaps some that no row has."""
        return dict.fromkeys(chain.from_iterable(self._rows))

    def column(self, field: str) -> list[Any]:
        """The value of a field in each row: decoded or not, or ABSENT."""
        return [row.get(field, ABSENT) for row in self._rows]

    def clear(self) -> None:
        """Free the rows."""
        self._rows = ()


class _StructRows(Rows):
    """Rows that are structs.

    Args:
        rows: The structs.
        struct: Their type; its fields have the names of the rows' fields in JSON.
        as_received: Decodes the rows again, into an object each.
    """

    def __init__(
        self,
        rows: Sequence[Any],
        struct: type[msgspec.Struct],
        as_received: Callable[[], Sequence[Row]],
    ) -> None:
        super().__init__(rows)
        fields = zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True)
        self._attributes = dict(fields)
        self._as_received = as_received

    @override
    def __iter__(self) -> Iterator[Row]:
        return iter(self._as_received())

    @property
    @override
    def fields(self) -> Collection[str]:
        return self._attributes.keys()

    @override
    def column(self, field: str) -> list[Any]:
        attribute = self._attributes.get(field)
        if attribute is None:
            return [ABSENT] * len(self)
        return list(map(attrgetter(attribute), self._rows))

    @override
    def clear(self) -> None:
        super().clear()
        self._as_received = tuple


class RowDecoder:
    """Decodes responses into rows, as structs of the fields that were seen so far.

    A response with a new field is decoded twice; the values of rows do not depend on earlier
    responses. Threads may share a decoder.
    """

    def __init__(self) -> None:
        #: None if rows are dictionaries of undecoded values.
        self._struct: type[msgspec.Struct] | None = None
        self._may_learn = True

    def decode(self, body: bytes, name: str | None = None, others: tuple[str, ...] = ()) -> Json:
        """Decode a JSON list of objects into Rows, or an object with such a list.

        Args:
            body: JSON text.
            name: Field of the list; None if the body is the list.
            others: Other fields to decode; absent ones are not in the result.

        Raises:
            ValidationError: The body is something else.
        """
        if (struct := self._struct) is not None:
            try:
                found = _decoder_of(struct, name, others)(body)
            except (msgspec.ValidationError, ArithmeticError, RecursionError):
                pass  # perhaps a new field, or a number that Decimal cannot hold
            else:
                return _with_rows(
                    found,
                    name,
                    lambda rows: _StructRows(rows, struct, lambda: self._as_received(body, name)),
                )
        found = _with_rows(_decoder_of(dict[str, msgspec.Raw], name, others)(body), name, Rows)
        rows = found if name is None else found.get(name, Rows(()))
        if not self._may_learn or not self._learn(rows):
            return found
        rows.clear()
        return self.decode(body, name, others)

    def _as_received(self, body: bytes, name: str | None) -> Sequence[Row]:
        """Decode rows as objects, and so all later ones."""
        self._may_learn, self._struct = False, None
        found = _decoder_of(dict[str, msgspec.Raw], name, ())(body)
        rows: Sequence[Row] = found if name is None else found[name]
        return rows

    def _learn(self, rows: Rows) -> bool:
        """Make a struct with the fields of these rows, too; return whether there are new ones."""
        known = self._struct.__struct_encode_fields__ if self._struct else ()
        fields = dict.fromkeys([*known, *rows.fields])
        if len(fields) > _MAX_FIELDS:
            self._may_learn, self._struct = False, None
        if len(fields) == len(known) or not self._may_learn or not all(map(_is_easy, fields)):
            return False
        self._struct = msgspec.defstruct(
            "Row",
            [(f"field{number}", *self._type_of(field)) for number, field in enumerate(fields)],
            rename={f"field{number}": field for number, field in enumerate(fields)},
            forbid_unknown_fields=True,
            gc=False,
        )
        return True

    def _type_of(self, field: str) -> tuple[Any, Any]:
        """The type of a field, and its value in rows without it."""
        return msgspec.Raw, ABSENT


def _is_easy(field: str) -> bool:
    """Whether a struct can have a field of this name."""
    return field.isprintable() and not set(field) & {'"', "\\"}


def _with_rows(found: Json, name: str | None, made: Callable[[Any], Rows]) -> Json:
    if name is None:
        return made(found)
    return {**found, name: made(found[name])} if name in found else found


@lru_cache(100)
def _decoder_of(row: Any, name: str | None, others: tuple[str, ...]) -> Callable[[bytes], Json]:  # noqa: ANN401 - a type expression
    """A decoder for `RowDecoder.decode`."""
    if name is None:
        return msgspec.json.Decoder(list[row], float_hook=Decimal).decode
    names = {f"field{number}": field for number, field in enumerate((name, *others))}
    types = dict.fromkeys(names, Any) | {"field0": list[row]}
    struct = msgspec.defstruct(
        "Envelope", [(field, types[field], msgspec.UNSET) for field in names], rename=names
    )
    decode = msgspec.json.Decoder(struct, float_hook=Decimal).decode

    def decoded(body: bytes) -> dict[str, Any]:
        values = zip(names.values(), msgspec.structs.astuple(decode(body)), strict=True)
        return {field: value for field, value in values if value is not msgspec.UNSET}

    return decoded
