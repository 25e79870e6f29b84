"""From a provider's row to the record that is emitted; compiled once per stream from its schema.

Knows columns and readers, no HTTP and no time range. Nothing is dropped: what the schema does not
know and what does not fit its column goes into `extra`, as received.

Rows of JSON answers come with their values undecoded (`msgspec.Raw`). Where records are written as
they are (`verbatim`), a value that needs no change stays the bytes it came in: most of an answer is
never decoded. Primary keys and times are decoded in any case; `plain` gives the value of any other
column.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import msgspec

from tap_callexports.core.errors import StreamFailed
from tap_callexports.core.naming import snake_case
from tap_callexports.core.values import ColumnReader, Reader, passing, plain, reader_for

#: A provider's object: each value decoded, or as `msgspec.Raw`.
Row: TypeAlias = Mapping[str, Any]
Record: TypeAlias = dict[str, Any]

EXTRA = "extra"
#: A longer name is no column's.
_LONGEST_NAME = 200
#: Names that are remembered: no provider has more.
_MOST_FIELDS = 10_000
_NULL = msgspec.Raw(b"null")


class _Column(NamedTuple):
    """How the values of a column are read.

    Args:
        read: Reads one value.
        nothing: Values that are none.
        passing: Decodes a JSON list of values; raises where one of them must be read.
        code: Whether a blank is no value.
        together: Reads times at once, as a ColumnReader.
    """

    read: Reader
    nothing: tuple[str | None, ...]
    passing: Callable[[bytes], list[Any]] | None
    code: bool
    together: ColumnReader | None


@dataclass(slots=True)
class Batch:
    """Records of one answer, in its order.

    Args:
        records: What is to be handed over.
        misfits: Columns whose value did not fit, by `id` of the record.
        outside: Rows left out because the filter field places them outside the window.
    """

    records: list[Record]
    misfits: dict[int, list[str]] = field(default_factory=dict)
    outside: int = 0


class Normaliser:
    """Turns rows into records.

    Args:
        schema: The stream's JSON schema; record columns keep its order.
        primary_keys: Columns no record may miss.
        instant: Reader of this provider's times.
        instants: Reads a column of times at once, None where each must be read by `instant`.
        name_of: Column name of a provider's field name.
        left_out: Fields that are not exported at all: secrets a provider puts into its rows.
        verbatim: Whether values that need no change may stay undecoded.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        primary_keys: Sequence[str],
        instant: Reader,
        instants: ColumnReader = lambda _: None,
        name_of: Callable[[str], str] = snake_case,
        left_out: frozenset[str] = frozenset(),
        verbatim: bool = False,
    ) -> None:
        self._names = tuple(schema["properties"])
        self._columns = {
            name: _Column(
                reader_for(column, instant),
                (None, "") if "format" in column else (None,),
                passing(column) if verbatim and name not in primary_keys else None,
                "minLength" in column,
                instants if "format" in column else None,
            )
            for name, column in schema["properties"].items()
            if name != EXTRA
        }
        self._verbatim = verbatim
        self._keys = tuple(primary_keys)
        self._name_of = name_of
        self._left_out = left_out
        #: Columns by field name; "" for fields the schema does not know.
        self._known: dict[str, str] = {}

    def batch(self, rows: Sequence[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Normalise the rows of one answer, a column at a time.

        Args:
            rows: Objects as the provider sent them.
            added: Columns that are not in the rows but in the question, such as a form's id.

        Raises:
            StreamFailed: A row lacks a primary key.
        """
        fields = self._fields_of(rows)
        unfit = _Unfit(self._extras(rows, fields.pop("", [])))
        columns = {
            name: self._values(name, fields[name], rows, unfit)
            for name in self._columns
            if name in fields
        }
        columns[EXTRA] = [extra or None for extra in unfit.extras]
        absent = [None] * len(rows)
        values = zip(*(columns.get(name, absent) for name in self._names), strict=True)
        records: list[Record] = list(map(dict, map(zip, repeat(self._names), values)))
        if added:
            for record in records:
                record.update(added)
        self._check_keys(records)
        return Batch(records, {id(records[row]): names for row, names in unfit.misfits.items()})

    def _fields_of(self, rows: Sequence[Row]) -> dict[str, list[str]]:
        """The fields of all rows, by column."""
        fields: dict[str, list[str]] = {}
        for name in dict.fromkeys(chain.from_iterable(rows)):
            column = self._known.get(name)
            if column is None:
                column = self._name_of(name) if len(name) <= _LONGEST_NAME else ""
                if column not in self._columns or name in self._left_out:
                    column = ""
                if len(self._known) < _MOST_FIELDS:
                    self._known[name] = column
            fields.setdefault(column, []).append(name)
        return fields

    def _extras(self, rows: Sequence[Row], unknown: Sequence[str]) -> list[Record]:
        """What the schema does not know of each row."""
        wanted = set(unknown) - self._left_out
        if not wanted:
            return [{} for _ in rows]
        kept = (lambda value: value) if self._verbatim else plain
        return [{name: kept(row[name]) for name in row if name in wanted} for row in rows]

    def _values(
        self, name: str, fields: Sequence[str], rows: Sequence[Row], unfit: _Unfit
    ) -> list[Any]:
        """The values of a column, in the order of rows."""
        column, field_ = self._columns[name], fields[0]
        if len(fields) > 1:
            return self._merged(name, set(fields), rows, unfit)
        try:
            raw = list(map(itemgetter(field_), rows))
        except KeyError:
            raw = [row.get(field_, _NULL) for row in rows]
        if column.passing and (passed := _passed(raw, column.passing, code=column.code)):
            return passed
        given = _plain(raw)
        if column.together and (instants := column.together(given)):
            return instants
        try:
            read, nothing = column.read, column.nothing
            found = [None if value in nothing else read(value) for value in given]
        except (ValueError, RecursionError):
            return self._merged(name, {field_}, rows, unfit)
        if given is raw or not column.passing:
            return found
        return list(map(_kept, raw, given, found))

    def _merged(
        self, name: str, fields: Container[str], rows: Sequence[Row], unfit: _Unfit
    ) -> list[Any]:
        """As `_values`, one by one: where a value does not fit, or fields share a column."""
        (read, nothing, passing_, *_), values = self._columns[name], []
        for number, row in enumerate(rows):
            fitted = kept = None
            for field_, value in row.items():
                if field_ not in fields or (given := plain(value)) in nothing:
                    continue
                try:
                    found = read(given)
                except (ValueError, RecursionError):
                    unfit.misfits.setdefault(number, []).append(name)
                    unfit.extras[number][field_] = given
                    continue
                if fitted is None:
                    fitted, kept = found, _kept(value, given, found) if passing_ else found
                elif found != fitted:
                    # The second is kept where nothing overwrites it.
                    unfit.extras[number][field_] = given
            values.append(kept)
        return values

    def _check_keys(self, records: Sequence[Record]) -> None:
        missing = {
            n for key in self._keys for n, record in enumerate(records) if record[key] is None
        }
        if missing:
            keys = ", ".join(self._keys)
            raise StreamFailed(
                f"{len(missing)} of {len(records)} rows have no {keys}: this is not the list "
                "that was asked for, or its columns were renamed"
            )


@dataclass(slots=True)
class _Unfit:
    """What of some rows is in no column.

    Args:
        extras: Fields and values of each row.
        misfits: Columns that they did not fit, by number of the row.
    """

    extras: list[Record]
    misfits: dict[int, list[str]] = field(default_factory=dict)


def _passed(
    values: list[Any], decode: Callable[[bytes], list[Any]], *, code: bool
) -> list[Any] | None:
    """The values of a column as they are, None where one of them must be read."""
    try:
        texts = decode(b"[%b]" % b",".join(values))
    except (TypeError, msgspec.ValidationError, RecursionError):
        return None
    if code and ("" in texts or any(map(str.isspace, filter(None, texts)))):
        return [
            value if text and not text.isspace() else None
            for value, text in zip(values, texts, strict=True)
        ]
    return values


def _kept(value: object, given: object, found: object) -> object:
    """What a column holds: the value as it came, where reading has not changed it.

    The same row always comes out as the same bytes, whatever else is in its answer.
    """
    return value if type(found) is type(given) and found == given else found


def _plain(values: list[Any]) -> list[Any]:
    """These values, decoded; the list itself where they are."""
    if msgspec.Raw not in set(map(type, values)):
        return values
    try:
        joined = b"[%b]" % b",".join(values)
    except TypeError:
        return list(map(plain, values))
    decoded = plain(msgspec.Raw(joined))
    return decoded if isinstance(decoded, list) else list(map(plain, values))
