"""Batch: the records of one response, with their keys and other columns that reading needs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import lt
from typing import Any, TypeAlias

from tap_callexports.records.values import encode

#: A value for each column.
Record: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """Records of one response, in its order.

    Args:
        records: Objects (Record), or JSON objects of one line (bytes).
        columns: The decoded values of keys and tracked columns, one for each record.
        invalid_values: Columns whose value was invalid, by position of the record.
        outside: How many rows were dropped as outside the window.
    """

    records: list[Any]
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    invalid_values: dict[int, list[str]] = field(default_factory=dict)
    outside: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, name: str) -> list[Any]:
        """The values of a column; empty without records."""
        return self.columns[name] if self.records else []

    def keys(self, names: Sequence[str]) -> list[Hashable]:
        """The keys of the records: the value of one column, or a tuple of those of several."""
        columns = [self[name] for name in names]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def contents(self) -> list[int]:
        """A hash of each record, stable within the process only."""
        return [hash(r if isinstance(r, bytes) else encode(r)) for r in self.records]

    def select(self, rows: Iterable[int]) -> Batch:
        """The records at these positions, each at most once, in that order."""
        rows = list(rows)
        columns = {name: [each[row] for row in rows] for name, each in self.columns.items()}
        places = {row: place for place, row in enumerate(rows)} if self.invalid_values else {}
        invalid_values = {
            places[row]: names for row, names in self.invalid_values.items() if row in places
        }
        return Batch([self.records[row] for row in rows], columns, invalid_values, self.outside)

    def between(self, time: str, start: str, end: str) -> Batch:
        """The records from `start` to before `end`, and those without a time.

        Args:
            time: Column of instant texts.
            start: First instant that is inside, as text.
            end: First instant that is not.

        Returns:
            A batch whose `outside` counts the others, too; this one if there are none.
        """
        times = self[time]
        known = list(filter(None, times))
        if not known or (start <= min(known) and max(known) < end):
            return self
        inside = [row for row, at in enumerate(times) if at is None or start <= at < end]
        selected = self.select(inside)
        selected.outside += len(self) - len(inside)
        return selected

    def in_order(self, time: str, keys: Sequence[str]) -> Batch:
        """The same records by time (a column of instant texts), then by keys; null times first."""
        times = [at or "" for at in self[time]]
        if all(map(lt, times, times[1:])):
            return self
        places = list(zip(times, self.keys(keys), strict=True))
        rows = sorted(range(len(self)), key=places.__getitem__)
        return self if rows == list(range(len(self))) else self.select(rows)

    @staticmethod
    def joined(batches: Sequence[Batch]) -> Batch:
        """Concatenate batches with the same columns."""
        invalid_values: dict[int, list[str]] = {}
        place = 0
        for batch in batches:
            invalid_values |= {
                place + row: columns for row, columns in batch.invalid_values.items()
            }
            place += len(batch)
        names = dict.fromkeys(chain.from_iterable(batch.columns for batch in batches))
        return Batch(
            list(chain.from_iterable(batch.records for batch in batches)),
            {name: list(chain.from_iterable(b[name] for b in batches)) for name in names},
            invalid_values,
            sum(batch.outside for batch in batches),
        )
