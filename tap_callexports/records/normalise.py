"""From a provider's row to the record that is emitted; compiled once per stream from its schema.

Knows columns and readers, no HTTP and no time range. But for secrets nothing is dropped: what the
schema does not know and what does not fit its column goes into `extra`, as received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tap_callexports.errors import KeyMissing
from tap_callexports.records.batch import Batch, Record, objects_of
from tap_callexports.records.json_lines import json_of
from tap_callexports.records.naming import snake_case
from tap_callexports.records.passing import Passing, passing
from tap_callexports.records.raw_rows import Row, Rows
from tap_callexports.records.values import (
    ColumnReader,
    Reader,
    column_reader_for,
    plain,
    plain_values,
    reader_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_callexports.records.timestamps import TimeReader

#: The column of fields that have none of their own, and of invalid_values: an object by field name.
EXTRA = "extra"
#: A longer name is no column's.
_LONGEST_NAME = 200
#: Names that are remembered: no provider has more.
_MOST_FIELDS = 10_000


class _Column(NamedTuple):
    """How the values of a column are read.

    Args:
        read: Reads one value.
        null_values: Values that are none.
        passing: Which JSON texts need not be read.
        read_column: Reads many values at once; for columns where none passes.
    """

    read: Reader
    null_values: tuple[str | None, ...]
    passing: Passing | None
    read_column: ColumnReader | None


class Normaliser:
    """Turns rows into records.

    Rows of JSON answers come with their values undecoded (`msgspec.Raw`). Where records are JSON, a
    value that needs no change stays the bytes it came in: most of an answer is never decoded.
    Primary keys and times are decoded in any case; `plain` gives the value of any other column.

    Args:
        schema: The stream's JSON schema; record columns keep its order.
        primary_keys: Columns no record may miss.
        times: How this provider's times are read.
        name_of: Column name of a provider's field name.
        excluded_fields: Fields that are not exported at all: secrets a provider puts into its rows.
        tracked_columns: Columns of the batch beside its keys.
        selected: Columns of the records, in order; by default all of the schema. The values of
            other columns are in no record at all, not in `extra` either.
        as_json: Makes records JSON, where values that need no change are never decoded.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        primary_keys: Sequence[str],
        times: TimeReader,
        name_of: Callable[[str], str] = snake_case,
        excluded_fields: frozenset[str] = frozenset(),
        tracked_columns: Collection[str] = (),
        selected: Collection[str] | None = None,
        as_json: bool = False,
    ) -> None:
        self._selected = tuple(schema["properties"] if selected is None else selected)
        self._columns: dict[str, _Column] = {}
        for name, column in schema["properties"].items():
            if name == EXTRA:
                continue
            passes = passing(column) if as_json and name not in primary_keys else None
            self._columns[name] = _Column(
                reader_for(column, times),
                (None, "") if "format" in column else (None,),
                passes,
                None if passes else column_reader_for(column, times),
            )
        self._as_json = as_json
        self._kept = dict.fromkeys([*primary_keys, *tracked_columns])
        self._keys = tuple(primary_keys)
        self._name_of = name_of
        self._left_out = excluded_fields
        #: Columns by field name; "" for fields the schema does not know.
        self._known: dict[str, str] = {}

    def batch(self, rows: Collection[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Normalise the rows of one answer, a column at a time.

        Args:
            rows: Objects as the provider sent them.
            added: Columns that are not in the rows but in the question, such as a form's id.

        Raises:
            KeyMissing: A row lacks a primary key; the text does not name the stream.
        """
        if not isinstance(rows, Rows):
            rows = Rows(list(rows))
        fields = self._fields_of(rows)
        unfit = _Unfit(self._extras(rows, fields.pop("", [])))
        found = {
            name: self._values(name, fields[name], rows, unfit)
            for name in self._columns
            if name in fields and (name in self._selected or name in self._kept)
        }
        if added:
            found |= {name: [value] * len(rows) for name, value in added.items()}
        absent = [None] * len(rows)
        found[EXTRA] = list(map(unfit.extras.get, range(len(rows)))) if unfit.extras else absent
        columns = {name: found.get(name, absent) for name in self._selected}
        kept = {name: plain_values(found.get(name, absent)) for name in self._kept}
        self._check_keys(kept)
        records = json_of(columns) if self._as_json else objects_of(columns)
        return Batch(records, kept, unfit.invalid_values)

    def _fields_of(self, rows: Rows) -> dict[str, list[str]]:
        """The fields of all rows, by column."""
        fields: dict[str, list[str]] = {}
        for name in rows.fields:
            column = self._known.get(name)
            if column is None:
                column = self._name_of(name) if len(name) <= _LONGEST_NAME else ""
                if column not in self._columns or name in self._left_out:
                    column = ""
                if len(self._known) < _MOST_FIELDS:
                    self._known[name] = column
            fields.setdefault(column, []).append(name)
        return fields

    def _extras(self, rows: Rows, unknown: Sequence[str]) -> dict[int, Record]:
        """What the schema does not know of each row that has such."""
        wanted = set(unknown) - self._left_out
        if not wanted:
            return {}
        kept = (lambda value: value) if self._as_json else plain
        extras = ({name: kept(row[name]) for name in row if name in wanted} for row in rows)
        return {number: extra for number, extra in enumerate(extras) if extra}

    def _values(self, name: str, fields: Sequence[str], rows: Rows, unfit: _Unfit) -> list[Any]:
        """The values of a column, in the order of rows."""
        column, field_ = self._columns[name], fields[0]
        if len(fields) > 1:
            shared = ([pair for pair in row.items() if pair[0] in fields] for row in rows)
            return self._merged(name, shared, unfit)
        raw = rows.column(field_)
        if column.passing and (passed := _passed(raw, column.passing, column.read)):
            return passed
        given = plain_values(raw)
        if column.read_column and (read_at_once := column.read_column(given)):
            return read_at_once
        try:
            read, null_values = column.read, column.null_values
            found = [None if value in null_values else read(value) for value in given]
        except (ValueError, RecursionError):
            return self._merged(name, ([(field_, value)] for value in raw), unfit)
        if given is raw or not column.passing:
            return found
        return list(map(_kept, raw, given, found))

    def _merged(
        self, name: str, rows: Iterable[Sequence[tuple[str, Any]]], unfit: _Unfit
    ) -> list[Any]:
        """As `_values`, one by one: where a value does not fit, or fields share a column."""
        (read, null_values, passing_, *_), values = self._columns[name], []
        for number, row in enumerate(rows):
            fitted = kept = None
            for field_, value in row:
                if (given := plain(value)) in null_values:
                    continue
                try:
                    found = read(given)
                except (ValueError, RecursionError):
                    if name in self._selected:
                        unfit.invalid_values.setdefault(number, []).append(name)
                        unfit.keep(number, field_, given)
                    continue
                if fitted is None:
                    fitted, kept = found, _kept(value, given, found) if passing_ else found
                elif found != fitted and name in self._selected:
                    # The second is kept where nothing overwrites it.
                    unfit.keep(number, field_, given)
            values.append(kept)
        return values

    def _check_keys(self, columns: Mapping[str, Sequence[Any]]) -> None:
        if all(None not in columns[key] for key in self._keys):
            return
        rows = list(zip(*(columns[key] for key in self._keys), strict=True))
        missing = sum(None in row for row in rows)
        keys = ", ".join(self._keys)
        raise KeyMissing(
            f"{missing} of {len(rows)} rows have no {keys}: this is not the list that was asked "
            "for, or its columns were renamed",
            others=missing < len(rows),
        )


@dataclass(slots=True)
class _Unfit:
    """What of some rows is in no column.

    Args:
        extras: Fields and values, by number of the row.
        invalid_values: Columns that they did not fit, by number of the row.
    """

    extras: dict[int, Record]
    invalid_values: dict[int, list[str]] = field(default_factory=dict)

    def keep(self, row: int, name: str, value: object) -> None:
        """Keep a field's value beside the columns."""
        self.extras.setdefault(row, {})[name] = value


def _passed(values: list[Any], passing: Passing, read: Reader) -> list[Any] | None:
    """The values of a column, as they are but for a few; None where more of them must be read."""
    try:
        joined = b"[%b]" % b",".join(values)
        given = passing.decode(joined)
        if not passing.may_change(joined):
            return values
        changes, once = passing.changes, cache(read)
        pairs = zip(values, given, strict=True)
        return [once(text) if changes(text) else value for value, text in pairs]
    except (TypeError, ValueError, msgspec.ValidationError, RecursionError):
        return None


def _kept(value: object, given: object, found: object) -> object:
    """What a column holds: the value as it came, where reading has not changed it.

    The same row always comes out as the same bytes, whatever else is in its answer.
    """
    same = type(found) is type(given) and found == given
    # A number that nothing can hold was made a text.
    if same and isinstance(given, str) and isinstance(value, msgspec.Raw):
        same = bytes(value).startswith(b'"')
    return value if same else found
