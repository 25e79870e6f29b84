"""Videsk's dialogue: no cursor and a cap, so a window is read from both ends. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_callexports.core.compat import override
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.instants import MILLISECOND, SECOND, floor_second, parse_instant
from tap_callexports.core.normalise import Batch
from tap_callexports.core.paginator import Paginator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_callexports.core.normalise import Record
    from tap_callexports.core.window import Window

OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: An answer with fewer rows than this was cut by no cap, declared or not.
TRUSTED_ROWS = 1000
#: So many different times in a row are in order by accident once in 40,000 answers.
RISES = 8
#: How much time a second answer is asked for beyond the first, as a share of what the first took;
#: less with each try. Where the whole window is little more, it is asked for at once.
REACHES = (0.8, 0.4, 0.2)
FULL_REACH = 0.95
#: From here on a length may look like a cap.
SUSPICIOUS_ROWS = 100
#: Windows at least this long begin a second early; shorter ones, made by splitting, a millisecond.
_LONG = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: rows from `start` to `end`, sorted. Whether the ends belong to it is unknown."""

    start: datetime
    end: datetime
    sort: int = OLDEST_FIRST


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a request, and the cap (`$limit`) it names, None when it names none."""

    batch: Batch
    limit: int | None


class Cap:
    """What is known of the cap on answers.

    Args:
        assumed: The cap of answers that do not name theirs.
    """

    def __init__(self, assumed: int) -> None:
        self._assumed = assumed
        self._reached: set[int] = set()
        self._lengths: set[int] = set()

    def may_be_cut(self, answer: Answer) -> bool:
        """Whether there may be rows behind an answer.

        A named cap is believed once an answer has reached it; until then, and where none is
        named, something in between may cut lower, so only short answers count as whole, and of
        them not those whose length looks like a cap: a round one, or one seen before.
        """
        rows, limit = len(answer.batch.records), answer.limit
        if limit is not None and rows > limit:
            limit = None  # longer than the cap it names: that is not the cap
        if limit is not None and rows == limit:
            self._reached.add(limit)
        if limit is not None and limit in self._reached:
            return rows >= limit
        looks_cut = rows >= SUSPICIOUS_ROWS and (rows % 50 == 0 or rows in self._lengths)
        self._lengths.add(rows)
        return looks_cut or rows >= min(limit or self._assumed, TRUSTED_ROWS)


class Meeting(Paginator[Ask, Answer]):
    """Reads a window, or its beginning, by two answers that meet: oldest first and newest first.

    A cut answer holds, oldest first, every row before its last time; newest first, every row
    after its first. Where the second reaches back behind the end of the first, nothing is between
    them, whatever time the server filters by. So the second is asked for as much of the window
    as it may hold, and for less where it does not reach.

    Args:
        window: What to read.
        column: Column the rows are sorted by.
        keys: Columns that tell rows apart.
        cap: What is known of the cap.
    """

    def __init__(self, window: Window, column: str, keys: Sequence[str], cap: Cap) -> None:
        super().__init__(first_ask(window))
        self._window = window
        self._column = column
        self._keys = tuple(keys)
        self._cap = cap
        self._oldest: list[Record] = []
        self._misfits: dict[int, list[str]] = {}
        self._tries = 0
        #: The rows up to `read_until`, oldest first, once nothing is missing.
        self.batch = Batch([])

    @property
    def read_until(self) -> datetime:
        """Up to where the window was asked for last."""
        return self.current_value.end

    @override
    def has_more(self, page: Answer) -> bool:
        if not self._cap.may_be_cut(page):
            self.batch = page.batch
            return False
        return not (self._oldest and self._meets(page.batch))

    @override
    def get_next(self, page: Answer) -> Ask:
        if not self._oldest:
            self._oldest = self._in_order(page.batch.records)
            rises = len({record[self._column] for record in self._oldest}) - 1
            if rises < RISES:
                raise self._split("a cut answer holds a few seconds only")
            self._misfits = page.batch.misfits
        end = self._next_end()
        self._tries += 1
        return replace(self.current_value, end=end, sort=NEWEST_FIRST)

    def _meets(self, newest: Batch) -> bool:
        """Whether nothing lies between the two answers; what they hold is then in `batch`."""
        records = self._in_order(newest.records[::-1])
        first, last = records[0][self._column], self._oldest[-1][self._column]
        if first >= last:
            return False
        known = {self._key(record) for record in self._oldest}
        if any(r[self._column] < last and self._key(r) not in known for r in records):
            raise WindowTooLarge("the rows of two answers do not agree on their order")
        # What is shown after the first of the newest, and is not among them, lies behind the end
        # they were asked for.
        before = [record for record in self._oldest if record[self._column] <= first]
        self.batch = Batch([*before, *records], {**self._misfits, **newest.misfits})
        return True

    def _next_end(self) -> datetime:
        """Where the newest answer ends: behind as many rows again as the oldest holds, or fewer."""
        times = [parse_instant(record[self._column]) for record in self._oldest]
        last, half = floor_second(times[-1]), times[-1] - times[len(times) // 2]
        start, end = self._window.start, self._window.end
        if self._tries == 0 and last + 2 * half * FULL_REACH >= end:
            return end
        if self._tries < len(REACHES):
            last = floor_second(last + 2 * half * REACHES[self._tries])
        # Where the server filters by another time, its rows may be from before the window.
        if self._tries <= len(REACHES) and last > start:
            return min(last, end)
        raise self._split("two answers hold less than a second, or do not meet")

    def _split(self, why: str) -> WindowTooLarge:
        """The window in two, before the last second of the oldest answer or behind it."""
        second = floor_second(parse_instant(self._oldest[-1][self._column]))
        return WindowTooLarge(why, at=second if second > self._window.start else second + SECOND)

    def _in_order(self, records: list[Record]) -> list[Record]:
        """The rows of a cut answer, oldest first as they should be."""
        times = [record[self._column] for record in records]
        if None in times or times != sorted(times):
            raise WindowTooLarge("an answer that may be cut is not in time order")
        return records

    def _key(self, record: Record) -> tuple[object, ...]:
        return tuple(record[name] for name in self._keys)


def first_ask(window: Window, sort: int = OLDEST_FIRST) -> Ask:
    """The request for a window, a little wider than it: its ends may not belong to an answer."""
    margin = SECOND if window.length >= _LONG else MILLISECOND
    return Ask(window.start - margin, window.end, sort)


def joined(oldest: Sequence[Record], newest: Sequence[Record], keys: Sequence[str]) -> bool:
    """Whether two capped answers, one from each end, hold every row between them.

    They do when they meet: the rows they share end both, in opposite order. One shared row, or
    rows that tie in the same order both ways, prove nothing.
    """
    first = [tuple(record[name] for name in keys) for record in oldest]
    last = [tuple(record[name] for name in keys) for record in newest]
    shared = len(set(first) & set(last))
    return shared > 1 and first[-shared:] == last[-shared:][::-1]
