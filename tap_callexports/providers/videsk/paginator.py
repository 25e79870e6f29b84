"""Videsk's dialogue: no cursor and a cap, so a window is read from both ends. Pure.

https://docs.videsk.io/es-developers/api-privada/exportacion
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_callexports.core.compat import override
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.http.paginator import Paginator
from tap_callexports.core.rows.batch import Batch
from tap_callexports.core.time.instants import MILLISECOND, SECOND, floor_second, parse_instant
from tap_callexports.core.time.window import Window
from tap_callexports.providers.videsk.cap import Answer

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from datetime import datetime

    from tap_callexports.providers.videsk.pace import Pace

#: Values of `$sort`.
OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: So many different times in a row are in order by accident once in 40,000 answers.
RISES = 8
#: How far a second answer is asked for where the forecast was wrong, in the order of trying: shares
#: of the time that as many rows took last.
REACHES = (0.8, 0.4, 0.2)
#: Windows at least this long begin a second early; shorter ones, made by splitting, a millisecond.
_LONG = 10 * SECOND


@dataclass(frozen=True, slots=True)
class RangeToken:
    """A request: rows from `start` to `end` (UTC), in the order of `sort`.

    Whether the ends belong to it is unknown.
    """

    start: datetime
    end: datetime
    sort: int = OLDEST_FIRST


class TwoEndsPaginator(Paginator[RangeToken, Answer]):
    """Reads the beginning of a window by two answers that meet: oldest first and newest first.

    A cut answer holds, oldest first, every row before its last time; newest first, every row
    after its first. Where the second reaches back behind the end of the first, nothing is between
    them, whatever time the server filters by; but only if the first was asked as far as it. So
    the first is asked far, the second for as much as it may hold, and for less where the two do
    not meet.

    Args:
        window: What to read the beginning of.
        column: Column of instant texts that the rows are sorted by.
        keys: Columns that tell records apart.
        pace: How far to ask.

    Raises:
        WindowTooLarge: By `advance`: answers do not meet, or are not in order; with where to split.
    """

    def __init__(self, window: Window, column: str, keys: Sequence[str], pace: Pace) -> None:
        #: The beginning that was asked for last; and its answer, if that is there already.
        self.asked, self.early = pace.first_of(window)
        self._first = first_token(self.asked)
        super().__init__(self._first)
        self._window = window
        self._column = column
        self._keys = tuple(keys)
        self._pace = pace
        #: The first answer, while what follows it is asked for to learn of the cap.
        self._kept: Answer | None = None
        self._oldest = Batch([])
        #: Up to where the forecast knows the rows.
        self._learned = window.start
        #: Where newest answers are to end, in the order of trying.
        self._ends: list[datetime] = []
        #: The rows of `asked`, once nothing is missing.
        self.batch = Batch([])

    @override
    def has_more(self, page: Answer) -> bool:
        if self._kept:
            self._pace.come_early(page)
            page = self._kept
        if not self._pace.cap.may_be_cut(page):
            return self._read(page.batch)
        return not (self._oldest and self._meets(page.batch))

    @override
    def get_next(self, page: Answer) -> RangeToken:
        if self._kept:
            page, self._kept = self._kept, None
        elif not self._oldest and (follows := self._pace.peek(self.asked, page, self._window.end)):
            self._kept = page
            return first_token(follows)
        if not self._oldest:
            self._begin(page.batch)
        end = self._next_end()
        self.asked = Window(self._window.start, end)
        return replace(self._first, end=end, sort=NEWEST_FIRST)

    def _begin(self, oldest: Batch) -> None:
        """Take the oldest rows of the window."""
        if not self._pace.in_order:
            raise self._not_in_order("a cut answer, in an order not to be trusted", oldest)
        self._check_order(oldest)
        self._oldest = oldest
        if len(set(oldest[self._column])) - 1 < RISES:
            raise self._split("a cut answer holds a few seconds only")
        self._learned = max(min(self._last, self._first.end), self._window.start)
        read = Window(self._window.start, self._learned)
        self._pace.forecast.learn(read, self._times(self._oldest))
        self._ends = list(self._guesses())

    def _read(self, batch: Batch) -> bool:
        """Note that nothing is missing of what was asked; False: there is no more to ask."""
        self.batch = batch
        self._pace.closed(self.asked, self._times(batch), self._learned)
        return False

    def _meets(self, newest: Batch) -> bool:
        """Whether nothing lies between the two answers; what they hold is then read."""
        newest = newest.select(range(len(newest) - 1, -1, -1))
        self._check_order(newest)
        oldest, times = self._oldest, newest[self._column]
        first, last = times[0], oldest[self._column][-1]
        if first >= last:
            return False
        both = newest.keys(self._keys)[: bisect_left(times, last)]
        if not set(oldest.keys(self._keys)).issuperset(both):
            raise self._not_in_order("the rows of two answers do not agree on their order", newest)
        # What is shown after the first of the newest, and is not among them, lies behind the end
        # they were asked for.
        before = oldest.select(range(bisect_right(oldest[self._column], first)))
        self._read(Batch.joined([before, newest]))
        return True

    def _next_end(self) -> datetime:
        # Where the server filters by another time, its rows may be from before the window.
        if self._last <= self._window.start:
            raise self._split("two answers do not meet")
        is_first = self.current_value.sort == OLDEST_FIRST
        while self._ends:
            # Behind that the oldest answer does not show which rows come before its last.
            end = min(self._ends.pop(0), self._first.end)
            if is_first or end < self.asked.end:
                return end
        raise self._split("two answers hold less than a second, or do not meet")

    def _guesses(self) -> Iterator[datetime]:
        """Where the newest answer may end: behind as many rows as it may hold, or fewer."""
        last, rows = self._last, len(self._oldest)
        if end := self._pace.forecast.until(last, self._pace.reach(rows), self._window.end):
            yield end
        half = last - parse_instant(self._oldest[self._column][rows // 2])
        for share in REACHES:
            yield floor_second(last + 2 * share * half)
        yield last

    def _split(self, why: str) -> WindowTooLarge:
        """The window in two, before the last second of the oldest answer or behind it."""
        second = self._last
        return WindowTooLarge(why, at=second if second > self._window.start else second + SECOND)

    def _not_in_order(self, why: str, batch: Batch) -> WindowTooLarge:
        """The window in two, the first of which one answer may hold."""
        self._pace.in_order = False
        return WindowTooLarge(why, at=self._pace.shorter(self.asked, self._times(batch)))

    def _check_order(self, batch: Batch) -> None:
        """See that the rows of a cut answer come oldest first, as they should."""
        times = batch[self._column]
        if None in times or times != sorted(times):
            raise self._not_in_order("an answer that may be cut is not in time order", batch)

    @property
    def _last(self) -> datetime:
        """The last second of the oldest answer."""
        return floor_second(parse_instant(self._oldest[self._column][-1]))

    def _times(self, batch: Batch) -> list[str]:
        return sorted(filter(None, batch[self._column]))


def first_token(window: Window, sort: int = OLDEST_FIRST) -> RangeToken:
    """The request for a window, a little wider than it: its ends may not belong to an answer.

    Args:
        window: What to ask for; the end is widened by 1 ms as the request is built.
        sort: OLDEST_FIRST or NEWEST_FIRST.
    """
    margin = SECOND if window.length >= _LONG else MILLISECOND
    return RangeToken(window.start - margin, window.end, sort)


def joined(oldest: Sequence[Hashable], newest: Sequence[Hashable]) -> bool:
    """Whether two capped answers, one from each end, hold every row between them.

    They do when they meet: the rows they share end both, in opposite order. One shared row, or
    rows that tie in the same order both ways, prove nothing.

    Args:
        oldest: What tells the rows of the one apart, in its order.
        newest: The same of the other.
    """
    shared = len(set(oldest) & set(newest))
    return shared > 1 and oldest[-shared:] == newest[-shared:][::-1]
