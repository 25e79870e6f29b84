"""From a provider's row to the record that is emitted; compiled once per stream from its schema.

Knows columns and readers, no HTTP and no time range. Nothing is dropped: what the schema does not
know and what does not fit its column goes into `extra`, as received.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tap_callexports.core.errors import StreamFailed
from tap_callexports.core.naming import snake_case
from tap_callexports.core.values import Reader, reader_for

Row: TypeAlias = Mapping[str, Any]
Record: TypeAlias = dict[str, Any]

EXTRA = "extra"
#: A longer name is no column's.
_LONGEST_NAME = 200
#: Names that are remembered: no provider has more.
_MOST_FIELDS = 10_000


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
        name_of: Column name of a provider's field name.
        left_out: Fields that are not exported at all: secrets a provider puts into its rows.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        primary_keys: Sequence[str],
        instant: Reader,
        name_of: Callable[[str], str] = snake_case,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._empty: Record = dict.fromkeys(schema["properties"])
        self._readers = {
            name: reader_for(column, instant)
            for name, column in schema["properties"].items()
            if name != EXTRA
        }
        self._keys = tuple(primary_keys)
        self._name_of = name_of
        self._left_out = left_out
        #: Column and reader by field name; None for fields the schema does not know.
        self._fields: dict[str, tuple[str, Reader] | None] = {}

    def batch(self, rows: Iterable[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Normalise the rows of one answer.

        Args:
            rows: Decoded objects as the provider sent them.
            added: Columns that are not in the rows but in the question, such as a form's id.

        Raises:
            StreamFailed: A row lacks a primary key.
        """
        batch = Batch([])
        for row in rows:
            misfits: list[str] = []
            record = self._record(row, misfits)
            if added:
                record.update(added)
            batch.records.append(record)
            if misfits:
                batch.misfits[id(record)] = misfits
        missing = sum(any(record[key] is None for key in self._keys) for record in batch.records)
        if missing:
            keys = ", ".join(self._keys)
            raise StreamFailed(
                f"{missing} of {len(batch.records)} rows have no {keys}: this is not the list "
                "that was asked for, or its columns were renamed"
            )
        return batch

    def _record(self, row: Row, misfits: list[str]) -> Record:
        record = self._empty.copy()
        extra: Record = {}
        for name, value in row.items():
            target = self._field(name)
            if target is None:
                if name not in self._left_out:
                    extra[name] = value
                continue
            if value is None:
                continue
            column, read = target
            try:
                fitted = read(value)
            except (ValueError, RecursionError):
                misfits.append(column)
                extra[name] = value
                continue
            if record[column] is None:
                record[column] = fitted
            elif fitted != record[column]:
                # Two fields of one column: the second is kept where nothing overwrites it.
                extra[name] = value
        if EXTRA in record:
            record[EXTRA] = extra or None
        return record

    def _field(self, name: str) -> tuple[str, Reader] | None:
        try:
            return self._fields[name]
        except KeyError:
            column = self._name_of(name) if len(name) <= _LONGEST_NAME else ""
            reader = self._readers.get(column) if name not in self._left_out else None
            found = (column, reader) if reader else None
            if len(self._fields) < _MOST_FIELDS:
                self._fields[name] = found
            return found
