"""Tables that are filled when somebody first looks into them, and what time does to them."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from .compat import override
from .table import Record, Row, Table

#: Late rows and amendments stay this close to the end, so that a day of lookback finds them.
RECENT = timedelta(hours=20)
#: Somebody always called just before the end; these calls are the ones that grow finishes.
_LAST_CALLS = timedelta(minutes=45)

#: The rows that hang on a record of another table.
Derive = Callable[[Record], Iterable[Record]]


@dataclass(frozen=True)
class Plan:
    """What the first rows of a provider are: how many, from when to when, and which dice."""

    seed: int
    rows: int
    start: datetime
    end: datetime


class Store:
    """A table with its own dice. Rows are made when they are first needed."""

    def __init__(
        self,
        table: Table,
        plan: Plan,
        name: str,
        *,
        is_open: Callable[[Record], bool] = lambda _: False,
        share: float = 1.0,
    ) -> None:
        """Describe a table whose dice are named `name`.

        `is_open` tells records that time will finish. `share` is how many rows are invented for
        each call that is planned.
        """
        self.table = table
        self.rng = random.Random(f"{plan.seed}:{name}")
        self._plan = plan
        self._name = name
        self._open = is_open
        self._share = share
        self._filled = False
        self._postponed: list[Callable[[Table], None]] = []

    def ready(self) -> Table:
        """The table, filled and up to date."""
        if not self._filled:
            self._filled = True
            with _no_collecting():
                self._fill()
            for action in self._postponed:
                action(self.table)
        return self.table

    def when_filled(self, action: Callable[[Table], None]) -> None:
        """Do something to the table now, or as soon as it has rows."""
        if self._filled:
            action(self.table)
        else:
            self._postponed.append(action)

    def grow(self, seed: int, old_end: datetime, until: datetime) -> None:
        """Let time pass from `old_end` to `until`: new rows, late rows, changed rows."""
        rng = random.Random(f"{seed}:{self._name}:grow")
        table = self.table
        since = max(self._plan.start, old_end - RECENT)
        recent = [row for row in table.rows if since <= row.at < old_end]
        changed = [row for row in recent if self._open(row.canonical)]
        settled = [row for row in recent if not self._open(row.canonical)]
        changed += rng.sample(settled, min(3, len(settled)))
        for row in changed:
            table.mature(rng, row)
        if self._share:
            fresh = max(3, int(len(table.rows) * self._share) // 10)
            late = max(1, fresh // 10)
            table.add(rng, table.spread(rng, late, since, old_end), None)
            table.add(rng, table.spread(rng, fresh, old_end, until), until)

    def _fill(self) -> None:
        plan, table = self._plan, self.table
        amount = int(plan.rows * self._share)
        last = min(2, amount)
        since = max(plan.start, plan.end - _LAST_CALLS)
        times = table.spread(self.rng, amount - last, plan.start, plan.end)
        table.add(self.rng, times, plan.end)
        for at in table.spread(self.rng, last, since, plan.end):
            table.add(self.rng, [at], at)  # it ends after its own start: still going on


class LinkedStore(Store):
    """Rows that hang on rows of other tables, and follow them; a few stand alone.

    A row appears once the row it hangs on names it and its own time has come; it never goes away.
    """

    def __init__(
        self,
        table: Table,
        plan: Plan,
        name: str,
        *,
        sources: Sequence[tuple[Store, Derive]],
        now: Callable[[], datetime],
        is_open: Callable[[Record], bool] = lambda _: False,
        share: float = 0.0,
    ) -> None:
        """Describe the rows: those that hang on `sources`, and `share` that stand alone."""
        super().__init__(table, plan, name, is_open=is_open, share=share)
        self._sources = sources
        self._now = now
        #: What each source looked like, and each of its rows, when it was last followed.
        self._followed: list[tuple[int, datetime] | None] = [None] * len(sources)
        self._seen: list[dict[Row, Record]] = [{} for _ in sources]

    @override
    def ready(self) -> Table:
        """The table, with all that hangs on the other tables as they are now."""
        super().ready()
        self._follow()
        return self.table

    @override
    def _fill(self) -> None:
        super()._fill()
        self._follow()

    def _follow(self) -> None:
        now = self._now()
        for number, (store, derive) in enumerate(self._sources):
            source = store.ready()
            state = (source.version, now)
            if self._followed[number] != state:
                self._followed[number] = state
                self.table.put(self._due(self._seen[number], source.rows, derive, now))

    def _due(
        self, seen: dict[Row, Record], rows: Iterable[Row], derive: Derive, now: datetime
    ) -> list[Record]:
        """The records that hang on new and changed rows and are not there yet."""
        found: dict[str, Record] = {}
        for row in rows:
            if seen.get(row) is row.canonical:
                continue
            early = False
            for record, at in self._hanging_on(row, derive):
                if at > now >= row.sort_at:
                    early = True
                else:
                    found.setdefault(self.table.key(record), record)
            if not early:
                seen[row] = row.canonical
        return list(found.values())

    def _hanging_on(self, row: Row, derive: Derive) -> list[tuple[Record, datetime]]:
        """What a row names that is not there yet, with its time."""
        table = self.table
        try:
            records = derive(row.canonical)
            return [(one, table.time_of(one)) for one in records if not table.has(one)]
        except (TypeError, ValueError):
            return []  # somebody gave the row values that no provider would; nothing follows


@contextmanager
def _no_collecting() -> Iterator[None]:
    """A hundred thousand new objects and no garbage: looking for some is slow."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
