"""Rows of one kind, kept in order of arrival and found by time."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Literal

from .instants import MICROSECOND, MILLISECOND, floor, parse, text
from .traffic import instants

Record = dict[str, Any]
#: The values of the primary keys.
Key = tuple[Any, ...]
Ends = Literal["[]", "[)", "(]", "()"]
Clock = Literal["at", "sort_at"]
Make = Callable[[random.Random, datetime, "datetime | None", int], Record]
Mature = Callable[[random.Random, Record], Record]

_MEMO_SIZE = 32


@dataclass(eq=False)
class Row:
    """One record of a provider: `canonical` is what an exporter must make of it.

    Change `canonical` and the times through `amend`, so that nothing stale is served;
    `visible` and `extra_wire` may be set directly.
    """

    canonical: Record
    at: datetime
    sort_at: datetime
    visible: bool = True
    extra_wire: Record = field(default_factory=dict)
    key: str = ""
    cached: tuple[Hashable, bytes] | None = field(default=None, repr=False)

    def encoded(self, form: Hashable, encode: Callable[[Row], bytes]) -> bytes:
        """The row as bytes in one form, encoded once for as long as neither changes."""
        if self.extra_wire:
            return encode(self)
        if self.cached is None or self.cached[0] != form:
            self.cached = (form, encode(self))
        return self.cached[1]


@dataclass
class _Index:
    """Rows sorted by one clock, ties by key."""

    keys: list[tuple[datetime, str]]
    rows: list[Row]
    clock: Clock

    @classmethod
    def of(cls, rows: Iterable[Row], clock: Clock) -> _Index:
        ordered = sorted(rows, key=lambda row: (getattr(row, clock), row.key))
        return cls([(getattr(row, clock), row.key) for row in ordered], ordered, clock)

    def insert(self, row: Row) -> None:
        key = (getattr(row, self.clock), row.key)
        place = bisect_left(self.keys, key)
        self.keys.insert(place, key)
        self.rows.insert(place, row)

    def between(self, low: datetime | None, high: datetime | None, ends: Ends) -> list[Row]:
        first, last = 0, len(self.keys)
        if low is not None:
            first = bisect_left(self.keys, (low if ends[0] == "[" else low + MICROSECOND, ""))
        if high is not None:
            last = bisect_left(self.keys, (high + MICROSECOND if ends[1] == "]" else high, ""))
        return self.rows[first:last]


class Table:
    """All rows of one kind, and how new ones are made."""

    def __init__(
        self,
        time_column: str,
        make: Make,
        mature: Mature,
        *,
        key: Callable[[Record], str],
        step: timedelta = MILLISECOND,
        grid: timedelta | None = None,
        lag: Callable[[random.Random], timedelta] | None = None,
        filters_time_column: bool = False,
    ) -> None:
        """Describe the rows.

        `make` invents a record and `mature` says what changes in one later. `step` is the
        resolution of times; invented ones are multiples of `grid`. `lag` is how much later than
        the time column the filtered time of an invented row is. With `filters_time_column` the
        range filter always acts on the time column itself.
        """
        self.time_column = time_column
        self.rows: list[Row] = []
        #: Counts changes, so that answers worked out before one can be told from later ones.
        self.version = 0
        #: What names a record, and orders those of one instant.
        self.key = key
        self._make = make
        self._mature = mature
        self._step = step
        self._grid = grid or step
        self._lag = lag
        self._filters_time_column = filters_time_column
        self._numbers = count(1)
        self._indexes: dict[Clock, _Index] = {}
        self._memo: dict[Hashable, list[Row]] = {}
        self._named: dict[str, Row] = {}

    def add(self, rng: random.Random, times: Sequence[datetime], end: datetime | None) -> list[Row]:
        """Invented rows that start at `times`; calls that last beyond `end` are still open."""
        rows = []
        for at in times:
            record = self._make(rng, at, end, next(self._numbers))
            row = Row(record, at, at, key=self.key(record))
            if self._filters_time_column:
                if record[self.time_column] != text(at):
                    self._follow_time_column(row)
            elif self._lag is not None:
                row.at = at + self._lag(rng)
                if end is not None and row.at >= end:
                    row.at = max(at, end - MILLISECOND)
            rows.append(row)
        self._keep(rows)
        return rows

    def spread(
        self, rng: random.Random, amount: int, start: datetime, end: datetime
    ) -> list[datetime]:
        """Realistic instants for new rows."""
        return instants(rng, amount, start, end, self._grid) if amount else []

    def put(self, records: Iterable[Record]) -> None:
        """Records that were made elsewhere, each at the instant of its time column."""
        times = [(record, self.time_of(record)) for record in records]
        if times:
            self._keep([Row(record, at, at, key=self.key(record)) for record, at in times])

    def time_of(self, record: Record) -> datetime:
        """The instant of a record's time column."""
        return parse(record[self.time_column])

    def has(self, record: Record) -> bool:
        """Whether a row of this name is there already."""
        return self.key(record) in self._named

    def find(self, key: str) -> Row | None:
        """The row of this name."""
        return self._named.get(key)

    def add_at(self, rng: random.Random, times: Sequence[datetime], columns: Record) -> list[Row]:
        """Rows whose filtered and shown time is exactly that, with the given columns."""
        rows = []
        for moment in times:
            at = floor(moment, self._step)
            record = self._make(rng, at, None, next(self._numbers))
            record.update(plain(columns))
            row = Row(record, at, at, key=self.key(record))
            if self.time_column in columns:
                self._follow_time_column(row)
            rows.append(row)
        self._keep(rows)
        return rows

    def amend(self, row: Row, columns: Record) -> None:
        """A new version of a row."""
        row.canonical = {**row.canonical, **plain(columns)}
        row.cached = None
        self.version += 1
        if self.time_column in columns:
            self._follow_time_column(row)
            self.reindex()

    def mature(self, rng: random.Random, row: Row) -> None:
        """What time does to a row: the call ends, is analysed, billed or commented."""
        self.amend(row, self._mature(rng, row.canonical))

    def remove(self, row: Row) -> None:
        """Delete a row; it is no longer served and no longer listed."""
        row.visible = False
        self.rows.remove(row)
        self._named.pop(row.key, None)
        self.reindex()

    def reindex(self) -> None:
        """Forget the order of rows after their times were changed."""
        self.version += 1
        self._indexes.clear()
        self._memo.clear()

    def between(
        self,
        low: datetime | None,
        high: datetime | None,
        ends: Ends = "[]",
        clock: Clock = "at",
        *,
        hidden: bool = False,
    ) -> list[Row]:
        """Rows whose `clock` lies in the range, in order of (sort_at, key).

        Only visible ones, unless `hidden` asks for all.
        """
        question = (low, high, ends, clock)
        found = self._memo.get(question)
        if found is None:
            found = self._index(clock).between(low, high, ends)
            if clock == "at":
                found.sort(key=lambda row: (row.sort_at, row.key))
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[question] = found
        return list(found) if hidden else [row for row in found if row.visible]

    def _index(self, clock: Clock) -> _Index:
        if clock not in self._indexes:
            self._indexes[clock] = _Index.of(self.rows, clock)
        return self._indexes[clock]

    def _keep(self, rows: list[Row]) -> None:
        """Append rows; few of them are put into the existing order, many rebuild it later."""
        self.rows.extend(rows)
        self._named.update((row.key, row) for row in rows)
        self.version += 1
        self._memo.clear()
        if len(rows) > 64:
            self.reindex()
        for index in self._indexes.values():
            for row in rows:
                index.insert(row)

    def _follow_time_column(self, row: Row) -> None:
        value = row.canonical.get(self.time_column)
        if value is not None:
            row.sort_at = parse(value)
            if self._filters_time_column:
                row.at = row.sort_at


def plain(columns: Record) -> Record:
    """Columns with aware datetimes written as record text."""
    return {
        name: text(value) if isinstance(value, datetime) else value
        for name, value in columns.items()
    }
