"""Videsk's dialogue: no cursor and a cap, so a window is walked through by time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_callexports.core.compat import override
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.instants import MILLISECOND, SECOND, floor_second, parse_instant
from tap_callexports.core.paginator import Paginator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_callexports.core.normalise import Batch, Record
    from tap_callexports.core.window import Window

OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: An answer with fewer rows than this was cut by no cap, declared or not.
TRUSTED_ROWS = 1000
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


class TimeWalk(Paginator[Ask, Answer]):
    """Walks a window oldest first, each answer beginning in the second the last one ended in.

    An answer must hold every row of that second again; one that does not, or is not in time
    order, shows that the server sorts or filters by something else, and walking would lose rows.

    Args:
        window: What to walk.
        column: Column the rows are sorted by.
        keys: Columns that tell rows apart.
        cap: What is known of the cap.
    """

    def __init__(self, window: Window, column: str, keys: Sequence[str], cap: Cap) -> None:
        super().__init__(first_ask(window))
        self._column = column
        self._keys = tuple(keys)
        self._cap = cap
        self._seam: set[tuple[object, ...]] = set()

    @override
    def has_more(self, page: Answer) -> bool:
        records = page.batch.records
        if not self._seam <= {self._key(record) for record in records}:
            raise WindowTooLarge("an answer does not begin where the one before it ended")
        return self._cap.may_be_cut(page)

    @override
    def get_next(self, page: Answer) -> Ask:
        times = [record[self._column] for record in page.batch.records]
        if None in times or times != sorted(times):
            raise WindowTooLarge("an answer that may be cut is not in time order")
        last = floor_second(parse_instant(times[-1]))
        start = last - MILLISECOND
        if start <= self.current_value.start:
            raise WindowTooLarge("one second holds more rows than an answer")
        self._seam = {
            self._key(record)
            for record in page.batch.records
            if floor_second(parse_instant(record[self._column])) == last
        }
        return replace(self.current_value, start=start)

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
