"""Videsk's dialogue: no cursor and a cap, so a window is walked through by time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_callexports.core.compat import override
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.instants import (
    MILLISECOND,
    SECOND,
    floor_second,
    format_instant,
    parse_instant,
)
from tap_callexports.core.paginator import Paginator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_callexports.core.normalise import Batch, Record
    from tap_callexports.core.window import Window

OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: An answer with fewer rows than this was cut by no cap, declared or not.
TRUSTED_ROWS = 1000
#: Rows that are asked for again when walking on, at least; a hundredth where that is more.
OVERLAP_ROWS = 20
#: Fewer rows than this do not show the server's order.
WALKABLE_ROWS = 2 * OVERLAP_ROWS
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
    """Walks a window oldest first, each answer beginning a little before the last one ended.

    The rows of that overlap must come again, and none before them: else the server sorts or
    filters by another time, and walking on would lose rows. Answers of few rows cannot tell that,
    so they are not walked behind.

    Args:
        window: What to walk.
        column: Column the rows are sorted by.
        keys: Columns that tell rows apart.
        cap: What is known of the cap.
        walkable: Fewest rows of an answer that may be walked behind.
    """

    def __init__(
        self,
        window: Window,
        column: str,
        keys: Sequence[str],
        cap: Cap,
        *,
        walkable: int = WALKABLE_ROWS,
    ) -> None:
        super().__init__(first_ask(window))
        self._column = column
        self._keys = tuple(keys)
        self._cap = cap
        self._walkable = walkable
        self._overlap: set[tuple[object, ...]] = set()
        self._overlap_start = ""

    @override
    def has_more(self, page: Answer) -> bool:
        records = page.batch.records
        if not self._overlap <= {self.key(record) for record in records} or any(
            (record[self._column] or "") < self._overlap_start for record in records
        ):
            raise WindowTooLarge("an answer does not begin where the one before it ended")
        return self._cap.may_be_cut(page)

    @override
    def get_next(self, page: Answer) -> Ask:
        times = [record[self._column] for record in page.batch.records]
        if len(times) < self._walkable:
            raise WindowTooLarge("an answer of few rows may be cut")
        if None in times or times != sorted(times):
            raise WindowTooLarge("an answer that may be cut is not in time order")
        begin = self._begin_of_next(times)
        self._overlap_start = format_instant(begin)
        self._overlap = {
            self.key(record)
            for record in page.batch.records
            if record[self._column] >= self._overlap_start
        }
        return replace(self.current_value, start=begin - MILLISECOND)

    def _begin_of_next(self, times: Sequence[str]) -> datetime:
        """The second the next answer begins in: some rows back, or that of the last row."""
        back = min(max(OVERLAP_ROWS, len(times) // 100), len(times) // 2)
        for time in (times[-1 - back], times[-1]):
            begin = floor_second(parse_instant(time))
            if begin - MILLISECOND > self.current_value.start:
                return begin
        raise WindowTooLarge("one second holds more rows than an answer")

    def key(self, record: Record) -> tuple[object, ...]:
        """What tells a row apart."""
        return tuple(record[name] for name in self._keys)


def first_ask(window: Window, sort: int = OLDEST_FIRST) -> Ask:
    """The request for a window, a little wider than it: its ends may not belong to an answer."""
    margin = SECOND if window.length >= _LONG else MILLISECOND
    return Ask(window.start - margin, window.end, sort)


def last_second(answer: Answer, column: str) -> datetime:
    """The second the last row of an answer names."""
    return floor_second(parse_instant(answer.batch.records[-1][column]))


def joined(oldest: Sequence[Record], newest: Sequence[Record], keys: Sequence[str]) -> bool:
    """Whether two capped answers, one from each end, hold every row between them.

    They do when they meet: the rows they share end both, in opposite order. One shared row, or
    rows that tie in the same order both ways, prove nothing.
    """
    first = [tuple(record[name] for name in keys) for record in oldest]
    last = [tuple(record[name] for name in keys) for record in newest]
    shared = len(set(first) & set(last))
    return shared > 1 and first[-shared:] == last[-shared:][::-1]
