"""Rows of one kind: invented when they are first needed, kept in order, changed by time."""

from __future__ import annotations

import gc
import random
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from .instants import MICROSECOND, MILLISECOND, floor, parse, text
from .invent import instants

Record = dict[str, Any]
#: The values of the primary keys.
Key = tuple[Any, ...]
Ends = Literal["[]", "[)", "(]", "()"]
Clock = Literal["at", "sort_at"]
#: Invents a record of an instant. The second instant is how far time has come: what lasts longer
#: is still open. Without it the record is complete.
Make = Callable[[random.Random, datetime, "datetime | None"], Record]
#: What changes in a record by the time of the instant.
Mature = Callable[[random.Random, Record, datetime], Record]
#: The records that belong to a record of another table.
Derive = Callable[[Record], Iterable[Record]]

#: Late rows and changes stay this close to the end, so that a day of lookback finds them.
_RECENT = timedelta(hours=20)
#: There are always calls that began just before the end; these are the ones that grow finishes.
_LAST_CALLS = timedelta(minutes=45)
_MEMO_SIZE = 32


@dataclass(frozen=True)
class Plan:
    """What the first rows of a provider are: how many calls, from when to when, and the seed."""

    seed: int
    rows: int
    start: datetime
    end: datetime


@dataclass(eq=False)
class Row:
    """One record of a provider: `canonical` is what an exporter must make of it.

    Change `canonical` and the times through `amend`, so that nothing stale is served;
    `visible` and `extra_wire` may be set directly, and `raw`: bytes that are sent as they are
    instead of the encoded row.
    """

    canonical: Record
    at: datetime
    sort_at: datetime
    visible: bool = True
    extra_wire: Record = field(default_factory=dict)
    key: str = ""
    raw: bytes = b""
    cached: tuple[Hashable, bytes] | None = field(default=None, repr=False)

    def encoded(self, form: Hashable, encode: Callable[[Row], bytes]) -> bytes:
        """The row as bytes in one form, encoded once for as long as neither changes."""
        if self.raw or self.extra_wire:
            return self.raw or encode(self)
        if self.cached is None or self.cached[0] != form:
            self.cached = (form, encode(self))
        return self.cached[1]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How the rows of a table are made.

    Attributes:
        key: The column that names a record, or a function for it; orders those of one instant.
        time: The column with the time of a row.
        by_time: Whether the server's range acts on that column itself.
        is_open: Whether a record is one that time will finish.
        share: How many rows are invented for each call that is planned.
        step: The resolution of times; invented ones are multiples of `grid`.
        lag: How much later than its column the filtered time of an invented row is.
        ahead: How far beyond the end invented rows go, such as appointments.
        sources: Tables on whose records rows of this one depend, and which. They appear once
            the other record names them and their own time has come, and never go away.
    """

    make: Make
    mature: Mature
    key: str | Callable[[Record], str]
    time: str
    by_time: bool = False
    is_open: Callable[[Record], bool] = lambda _: False
    share: float = 1.0
    step: timedelta = MILLISECOND
    grid: timedelta | None = None
    lag: Callable[[random.Random], timedelta] | None = None
    ahead: timedelta = timedelta()
    sources: Sequence[tuple[Table, Derive]] = ()


class Table:
    """All rows of one kind. They are made when they are first needed."""

    def __init__(self, kind: Kind, plan: Plan, name: str, now: Callable[[], datetime]) -> None:
        """Plan the rows; `name` tells their random numbers from those of other tables."""
        self.rng = random.Random(f"{plan.seed}:{name}")
        #: Counts changes, so that answers worked out before one can be told from later ones.
        self.version = 0
        self.time_column = kind.time
        self._kind, self._plan, self._name, self._now = kind, plan, name, now
        self._filled = False
        self._rows: list[Row] = []
        self._named: dict[str, Row] = {}
        self._sorted: dict[Clock, tuple[list[tuple[datetime, str]], list[Row]]] = {}
        self._memo: dict[Hashable, list[Row]] = {}
        self._by: dict[str, Any] = {}
        #: What each source looked like, and each of its rows, when it was last followed.
        self._followed: dict[int, tuple[int, datetime]] = {}
        self._seen: list[dict[Row, Record]] = [{} for _ in kind.sources]

    @property
    def rows(self) -> list[Row]:
        """All rows in order of arrival, with those that depend on other tables as they are now."""
        self._make_ready()
        return self._rows

    def find(self, key: str) -> Row | None:
        """The visible row of this name."""
        self._make_ready()
        row = self._named.get(key)
        return row if row and row.visible else None

    def by(self, column: str) -> Mapping[Any, list[Row]]:
        """All rows by the value of a column."""
        self._make_ready()
        if self._by.get("column") != (column, self.version):
            groups: dict[Any, list[Row]] = {}
            for row in self._rows:
                groups.setdefault(row.canonical[column], []).append(row)
            self._by = {"column": (column, self.version), "groups": groups}
        found: dict[Any, list[Row]] = self._by["groups"]
        return found

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
        self._make_ready()
        question = (low, high, ends, clock)
        found = self._remembered(question, lambda: self._range(*question))
        return found if hidden else [row for row in found if row.visible]

    def remembered(self, question: Hashable, search: Callable[[], list[Row]]) -> list[Row]:
        """The visible rows of a search that is only repeated after a change."""
        self._make_ready()
        return [row for row in self._remembered(question, search) if row.visible]

    def _key(self, record: Record) -> str:
        key = self._kind.key
        return str(record[key]) if isinstance(key, str) else key(record)

    # -- changes ----------------------------------------------------------------------------

    def add(self, amount: int, start: datetime, end: datetime) -> list[Row]:
        """Invent rows in [start, end) as they are at its end."""
        self._make_ready()
        return self._invent(self.rng, self._spread(self.rng, amount, start, end), end)

    def add_at(self, at: datetime, columns: Record) -> Row:
        """A complete row whose filtered and shown time is exactly that, with these columns."""
        self._make_ready()
        at = floor(at, self._kind.step)
        record = {**self._kind.make(self.rng, at, None), **plain(columns)}
        row = Row(record, at, at, key=self._key(record))
        if self._kind.time in columns:
            self._follow_time_column(row)
        self._keep([row])
        return row

    def amend(self, row: Row, columns: Record) -> None:
        """A new version of a row."""
        row.canonical = {**row.canonical, **plain(columns)}
        row.cached = None
        if self._kind.time in columns:
            self._follow_time_column(row)
            self._sorted.clear()
        self._memo.clear()
        self.version += 1

    def mature(self, rng: random.Random, row: Row) -> None:
        """What time does to a row: the call ends, is analysed, billed or commented."""
        self.amend(row, self._kind.mature(rng, row.canonical, self._now()))

    def remove(self, row: Row) -> None:
        """Delete a row; it is no longer served and no longer listed."""
        row.visible = False
        self._rows.remove(row)
        self._named.pop(row.key, None)
        self.reorder()

    def reorder(self) -> None:
        """Forget the order of rows after their times were changed."""
        self.version += 1
        self._sorted.clear()
        self._memo.clear()

    def grow(self, seed: int, old_end: datetime, until: datetime) -> None:
        """Let time pass from `old_end` to `until`: new rows, late rows, changed rows."""
        self._make_ready()
        kind, rng = self._kind, random.Random(f"{seed}:{self._name}:grow")
        since = max(self._plan.start, old_end - _RECENT)
        recent = [row for row in self._rows if since <= row.at < old_end]
        settled = [row for row in recent if not kind.is_open(row.canonical)]
        changed = [row for row in recent if kind.is_open(row.canonical)]
        changed += rng.sample(settled, min(3, len(settled)))
        if kind.ahead:
            waiting = [row for row in self._rows if kind.is_open(row.canonical)]
            changed += [row for row in waiting if old_end <= row.at < until]
            later = [row for row in waiting if row.at >= until]
            changed += rng.sample(later, min(2, len(later)))
        for row in changed:
            self.amend(row, kind.mature(rng, row.canonical, until))
        if kind.share:
            fresh = max(3, int(len(self._rows) * kind.share) // 10)
            if not kind.ahead:
                late = self._spread(rng, max(1, fresh // 10), since, old_end)
                self._invent(rng, late, None)
            self._invent(rng, self._spread(rng, fresh, old_end, until + kind.ahead), until)

    # -- searching --------------------------------------------------------------------------

    def _remembered(self, question: Hashable, search: Callable[[], list[Row]]) -> list[Row]:
        found = self._memo.get(question)
        if found is None:
            found = search()
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[question] = found
        return found

    def _range(
        self, low: datetime | None, high: datetime | None, ends: Ends, clock: Clock
    ) -> list[Row]:
        if clock not in self._sorted:
            ordered = sorted(self._rows, key=lambda row: (getattr(row, clock), row.key))
            keys = [(getattr(row, clock), row.key) for row in ordered]
            self._sorted[clock] = keys, ordered
        keys, ordered = self._sorted[clock]
        first, last = 0, len(keys)
        if low is not None:
            first = bisect_left(keys, (low if ends[0] == "[" else low + MICROSECOND, ""))
        if high is not None:
            last = bisect_left(keys, (high + MICROSECOND if ends[1] == "]" else high, ""))
        found = ordered[first:last]
        if clock == "at":
            found.sort(key=lambda row: (row.sort_at, row.key))
        return found

    # -- how rows come about ----------------------------------------------------------------

    def _make_ready(self) -> None:
        if not self._filled:
            self._filled = True
            with _no_collecting():
                self._fill()
                self._follow()
        self._follow()

    def _fill(self) -> None:
        plan, ahead = self._plan, self._kind.ahead
        amount = int(plan.rows * self._kind.share)
        last = amount // 5 if ahead else min(2, amount)
        times = self._spread(self.rng, amount - last, plan.start, plan.end)
        if ahead:
            times += self._spread(self.rng, last, plan.end, plan.end + ahead)
        self._invent(self.rng, times, plan.end)
        if ahead:
            return
        since = max(plan.start, plan.end - _LAST_CALLS)
        for at in self._spread(self.rng, last, since, plan.end):
            self._invent(self.rng, [at], at)  # it ends after its own start: still going on

    def _spread(
        self, rng: random.Random, amount: int, start: datetime, end: datetime
    ) -> list[datetime]:
        step = self._kind.grid or self._kind.step
        return instants(rng, amount, start, end, step) if amount else []

    def _invent(
        self, rng: random.Random, times: Sequence[datetime], end: datetime | None
    ) -> list[Row]:
        kind = self._kind
        rows = []
        for at in times:
            record = kind.make(rng, at, end)
            row = Row(record, at, at, key=self._key(record))
            if kind.by_time:
                if record[kind.time] != text(at):
                    self._follow_time_column(row)
            elif kind.lag is not None:
                row.at = at + kind.lag(rng)
                if end is not None and row.at >= end:
                    row.at = max(at, end - MILLISECOND)
            rows.append(row)
        self._keep(rows)
        return rows

    def _keep(self, rows: list[Row]) -> None:
        self._rows.extend(rows)
        self._named.update((row.key, row) for row in rows)
        self.reorder()

    def _follow_time_column(self, row: Row) -> None:
        value = row.canonical.get(self._kind.time)
        if value is not None:
            row.sort_at = parse(value)
            if self._kind.by_time:
                row.at = row.sort_at

    def _follow(self) -> None:
        """Add the rows that depend on new and changed rows of the sources."""
        now = self._now()
        for number, (source, derive) in enumerate(self._kind.sources):
            rows = source.rows
            state = (source.version, now)
            if self._followed.get(number) != state:
                self._followed[number] = state
                due = self._due(self._seen[number], rows, derive, now)
                if due:
                    self._keep(due)

    def _due(
        self, seen: dict[Row, Record], rows: Iterable[Row], derive: Derive, now: datetime
    ) -> list[Row]:
        found: dict[str, Row] = {}
        for row in rows:
            if seen.get(row) is row.canonical:
                continue
            early = False
            for one in self._derived(row, derive):
                if one.at > now >= row.sort_at:
                    early = True
                else:
                    found.setdefault(one.key, one)
            if not early:
                seen[row] = row.canonical
        return list(found.values())

    def _derived(self, row: Row, derive: Derive) -> list[Row]:
        """What a row names that is not there yet."""
        derived = []
        try:
            for record in derive(row.canonical):
                key = self._key(record)
                if key not in self._named:
                    at = parse(record[self._kind.time])
                    derived.append(Row(record, at, at, key=key))
        except (TypeError, ValueError):
            return []  # the row was given values that no provider would: nothing depends on it
        return derived


def inside(at: datetime, low: datetime, high: datetime, ends: Ends) -> bool:
    """Whether an instant is in a range."""
    after = low <= at if ends[0] == "[" else low < at
    return after and (at <= high if ends[1] == "]" else at < high)


def plain(columns: Record) -> Record:
    """Columns with aware datetimes written as record text."""
    return {
        name: text(value) if isinstance(value, datetime) else value
        for name, value in columns.items()
    }


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Make many objects without collecting garbage, which would be slow."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
