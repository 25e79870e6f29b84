"""Makes records of rows, with one struct per stream, derived from its schema.

Scalar values are decoded. Valid objects and lists stay undecoded bytes (`msgspec.Raw`). Unknown
fields and invalid values go into `extra`; only excluded fields are dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tap_callexports.compat import override
from tap_callexports.errors import KeyMissing
from tap_callexports.records.batch import Batch
from tap_callexports.records.columns import Column
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.mixed import inner_text_reader
from tap_callexports.records.naming import snake_case
from tap_callexports.records.rows import ABSENT, NULL, Row, RowDecoder, Rows
from tap_callexports.records.timestamps import TimeReader
from tap_callexports.records.values import encode, plain, plain_values

#: The column of unknown fields and invalid values, an object by field name.
EXTRA = "extra"
#: Fields with longer names have no column.
_MAX_NAME_LENGTH = 200
#: Size of the cache of names: no provider has more.
_MAX_NAMES = 10_000
_NOTHING = Exclusions()


class _Field(NamedTuple):
    """Where the values of a field go.

    Args:
        column: Its column, or EXTRA; "" for fields that are not exported.
        prune: Removes the excluded parts of a value.
    """

    column: str
    prune: Callable[[Any], Any] | None


class _Rest(NamedTuple):
    """The values of some rows that are in no column.

    Args:
        extras: Fields and values, by number of the row.
        invalid_values: Columns with an invalid value, by number of the row.
    """

    extras: dict[int, dict[str, Any]]
    invalid_values: dict[int, list[str]]


class Codec(RowDecoder):
    """Decodes the responses of a stream, and makes records of their rows.

    Args:
        schema: The stream's JSON schema; record columns keep its order.
        primary_keys: Columns that every record must have.
        times: Parses the provider's times.
        name_of: Maps a provider's field name to a column name.
        exclusions: The fields that are not exported.
        tracked_columns: Columns of the batch beside its keys.
        selected: Columns of the records, in order; by default all of the schema. The values of
            other columns are dropped.
        as_json: Make records JSON objects of one line (bytes) instead of objects.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        primary_keys: Sequence[str],
        times: TimeReader,
        name_of: Callable[[str], str] = snake_case,
        exclusions: Exclusions = _NOTHING,
        tracked_columns: Collection[str] = (),
        selected: Collection[str] | None = None,
        as_json: bool = False,
    ) -> None:
        super().__init__()
        self._selected = dict.fromkeys(schema["properties"] if selected is None else selected)
        self._kept = dict.fromkeys([*primary_keys, *tracked_columns])
        self._keys = tuple(primary_keys)
        self._columns = {
            name: Column(column, times)
            for name, column in schema["properties"].items()
            if name != EXTRA
        }
        readers = {name: inner_text_reader(schema["properties"][name]) for name in self._columns}
        #: Of the columns with parts of unknown shape, whose values have to be decoded.
        self._inner_text_readers = {name: read for name, read in readers.items() if read}
        self._name_of = name_of
        self._exclusions = exclusions
        self._as_json = as_json
        self._record = msgspec.defstruct(
            "Record",
            [(f"column{number}", Any) for number in range(len(self._selected))],
            rename={f"column{number}": name for number, name in enumerate(self._selected)},
            gc=False,
        )
        self._fields: dict[str, _Field] = {}

    def batch(self, rows: Collection[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Make records of the rows of one response, column by column.

        Args:
            rows: Objects as the provider sent them.
            added: Columns from the request, such as a form's id.

        Raises:
            KeyMissing: A row lacks a primary key; the text does not name the stream.
        """
        if not isinstance(rows, Rows):
            rows = Rows(list(rows))
        fields: dict[str, list[str]] = defaultdict(list)
        for field in rows.fields:
            fields[self._field(field).column].append(field)
        rest = _Rest({}, {})
        for field in fields[EXTRA]:
            self._keep_unknown(field, rows.column(field), rest)
        found = {
            name: self._values(name, fields[name], rows, rest)
            for name in self._columns
            if name in fields
        }
        for name in self._inner_text_readers.keys() & found.keys():
            found[name] = list(map(self._inner_text_readers[name], plain_values(found[name])))
        if added:
            found |= {name: [value] * len(rows) for name, value in added.items()}
        if rest.extras:
            found[EXTRA] = [_in_order(rest.extras.get(row)) for row in range(len(rows))]
        absent = [None] * len(rows)
        kept = {name: plain_values(found.get(name, absent)) for name in self._kept}
        self._check_keys(kept)
        columns = [found.get(name, absent) for name in self._selected]
        return Batch(self._records(columns), kept, rest.invalid_values)

    def _records(self, columns: Sequence[list[Any]]) -> list[Any]:
        if self._as_json:
            return list(map(encode, map(self._record, *columns)))
        rows = zip(*map(plain_values, columns), strict=True)
        return [dict(zip(self._selected, row, strict=True)) for row in rows]

    def _field(self, name: str) -> _Field:
        if (known := self._fields.get(name)) is not None:
            return known
        column = self._name_of(name) if len(name) <= _MAX_NAME_LENGTH else ""
        prune = self._exclusions.pruner(name, column)
        place = column if column in self._columns else EXTRA
        wanted = place in self._selected or place in self._kept
        exported = wanted and not self._exclusions.excludes(name, column)
        field = _Field(place if exported else "", prune)
        if len(self._fields) < _MAX_NAMES:
            self._fields[name] = field
        return field

    @override
    def _type_of(self, field: str) -> tuple[Any, Any]:
        column = self._columns.get(self._field(field).column)
        if column is None:
            return msgspec.Raw, ABSENT
        return (msgspec.Raw, NULL) if column.nested else (Any, None)

    def _keep_unknown(self, field: str, values: Iterable[Any], rest: _Rest) -> None:
        """Put a field without a column into `extra`."""
        for number, value in enumerate(values):
            if value is not ABSENT:
                kept = self._pruned(field, value)
                rest.extras.setdefault(number, {})[field] = kept if self._as_json else plain(kept)

    def _pruned(self, field: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        prune = self._field(field).prune
        return prune(value) if prune else value

    def _values(self, name: str, fields: Sequence[str], rows: Rows, rest: _Rest) -> list[Any]:
        """The values of a column, one for each row."""
        column = self._columns[name]
        if len(fields) > 1:
            shared = (
                [(field, self._pruned(field, row[field])) for field in row if field in fields]
                for row in rows
            )
            return self._one_by_one(name, shared, rest)
        (field,) = fields
        values = rows.column(field)
        if self._field(field).prune:
            values = [self._pruned(field, value) for value in values]
        try:
            return column.read_all(values)
        except (ValueError, RecursionError):
            return self._one_by_one(name, ([(field, value)] for value in values), rest)

    def _one_by_one(
        self, name: str, rows: Iterable[Iterable[tuple[str, Any]]], rest: _Rest
    ) -> list[Any]:
        """As `_values`, if a value is invalid or fields share a column."""
        column, selected, values = self._columns[name], name in self._selected, []
        for number, row in enumerate(rows):
            first = kept = None
            for field, value in row:
                if column.is_null(given := plain(value)):
                    continue
                try:
                    found = column.read(given)
                except (ValueError, RecursionError):
                    if selected:
                        rest.invalid_values.setdefault(number, []).append(name)
                        rest.extras.setdefault(number, {})[field] = given
                    continue
                if first is None:
                    first, kept = found, column.kept(value, given, found)
                elif found != first and selected:
                    # The second value goes into `extra`.
                    rest.extras.setdefault(number, {})[field] = given
            values.append(kept)
        return values

    def _check_keys(self, columns: Mapping[str, Sequence[Any]]) -> None:
        if all(None not in columns[key] for key in self._keys):
            return
        rows = list(zip(*(columns[key] for key in self._keys), strict=True))
        missing = sum(None in row for row in rows)
        keys = ", ".join(self._keys)
        raise KeyMissing(
            f"{missing} of {len(rows)} rows have no {keys}: this is not the list that was "
            "requested, or its columns were renamed",
            others=missing < len(rows),
        )


def _in_order(extra: dict[str, Any] | None) -> dict[str, Any] | None:
    """An `extra` whose order does not depend on that of the fields in the row."""
    return dict(sorted(extra.items())) if extra and len(extra) > 1 else extra
