"""A cap on responses, of an API without cursors: what is known of it, and windows that fit it.

What is known is the length of the longest response so far: a server that sent n rows does not cut
below n. That needs no order of the rows and no knowledge of what the server filters by.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tap_callexports.compat import override
from tap_callexports.records.timestamps import SECOND
from tap_callexports.windows import MONTH, TARGET_ROWS, ClosedWindow, Planner, Window, step_after

#: A response with fewer rows than this was cut by no cap, unless its length looks like one.
TRUSTED_ROWS = 1000
#: From here on a length may look like a cap,
SUSPICIOUS_ROWS = 100
#: if it is a multiple of this.
ROUND = 50
#: How many times the rows that surely fit a response are asked for, to learn how many it may have.
_MORE = 4


def looks_like_a_cap(rows: int) -> bool:
    """Whether a response of so many rows may have been cut at a round number."""
    return rows > 0 and rows % ROUND == 0


@dataclass(slots=True)
class Cap:
    """What is known of the cap on responses.

    Args:
        limit: The most rows a response may have, as last asked for, named by the server, or
            assumed. Something in between may cut lower.
        longest: Rows of the longest response so far.
        reached: The most rows that two responses had, or one as long as its limit, or the longest
            one when the server could not send more.

    >>> cap = Cap(5000)
    >>> cap.is_complete(999, 5000), cap.is_complete(1800, 5000), cap.is_complete(1799, 5000)
    (True, False, True)
    """

    limit: int
    longest: int = 0
    reached: int = 0

    def is_complete(self, rows: int, limit: int) -> bool:
        """Whether a response has every row of its range; takes its length into account.

        Args:
            rows: How many it has.
            limit: How many it may have.
        """
        known = self.longest
        reached = rows if rows == known or rows >= limit else 0
        self.learn(Cap(limit, rows, reached))
        if rows >= limit:
            return False
        looks_cut = rows >= SUSPICIOUS_ROWS and (rows == known or looks_like_a_cap(rows))
        return rows < known or (rows < TRUSTED_ROWS and not looks_cut)

    def note_overload(self) -> None:
        """Note that a range was too large for the server: no more rows should be asked for."""
        self.reached = self.longest

    def learn(self, other: Cap) -> None:
        """Add what was learned later."""
        self.limit = other.limit
        self.longest = max(self.longest, other.longest)
        self.reached = max(self.reached, other.reached)

    @property
    def fitting(self) -> int:
        """How many rows surely fit a response."""
        return min(self.limit, max(self.longest, TRUSTED_ROWS))

    @property
    def wanted(self) -> int:
        """How many rows to ask for: more than surely fit, as long as the cap is not known."""
        return self.fitting if self.longest == self.reached else self.fitting * _MORE


#: The density of the rows of so much time says how long the next window should be.
_WEEK = timedelta(days=7)
#: The share of the rows it may hold that a window aims at: density varies.
_SHARE = 0.75
#: A window with at most this share of them will surely fit.
_SURE = 0.9
#: The next window is at most so many times as long as the time the density is from.
_GROWTH = 4


@dataclass(frozen=True, slots=True)
class CappedWindow(Window):
    """A window, with what was known of the cap when it was planned.

    Its own responses and those to its parts add to that; those to other windows do not, so that
    a run does not depend on which of them comes first.
    """

    cap: Cap = field(kw_only=True, compare=False, repr=False)


class CappedPlanner(Planner):
    """Cuts a span into windows that one response should hold, by the density of the last week.

    As long as the cap is not known, windows aim at more. Such a window is read alone: the next ones
    need what it shows.

    Args:
        span: The time to cover.
        first_step: Length of the first window.
        cap: What is known of the cap; learns as windows close.
        target_rows: How many rows a window aims at, at most.
    """

    def __init__(
        self, span: Window, *, first_step: timedelta, cap: Cap, target_rows: int = TARGET_ROWS
    ) -> None:
        super().__init__(span, first_step=first_step, target_rows=target_rows)
        self._cap = cap
        self._planned: deque[CappedWindow] = deque()
        self._last_week: deque[ClosedWindow] = deque()

    @override
    def next_window(self) -> Window | None:
        if self._planned and not self._fits(self._step):
            return None
        window = super().next_window()
        if window is None:
            return None
        self._planned.append(
            CappedWindow(
                window.start, window.end, window.only, window.granule, cap=replace(self._cap)
            )
        )
        return self._planned[-1]

    @override
    def learn(self, closed: ClosedWindow) -> None:
        self._last_week.append(closed)
        while closed.window.end - self._last_week[0].window.end >= _WEEK:
            self._last_week.popleft()
        if closed.window.end == self._planned[0].end:
            self._cap.learn(self._planned.popleft().cap)
        self._step = self._next_step()

    def _next_step(self) -> timedelta:
        rows, time = self._density()
        if not rows:
            return step_after(self._last_week[-1].window.length, 0)
        wanted = min(self._cap.wanted, self._target_rows) * _SHARE
        # What does not fit is halved.
        longest = MONTH if self._fits(MONTH) else 2 * MONTH
        return max(min(time * min(wanted / rows, _GROWTH), longest), SECOND) // SECOND * SECOND

    def _fits(self, step: timedelta) -> bool:
        """Whether one response should hold a window of this length."""
        rows, time = self._density()
        return bool(time) and rows * (step / time) <= self._cap.fitting * _SURE

    def _density(self) -> tuple[int, timedelta]:
        """How many rows there were in how much time, of late."""
        last_week = self._last_week
        time = sum((closed.window.length for closed in last_week), timedelta())
        return sum(closed.rows for closed in last_week), time
