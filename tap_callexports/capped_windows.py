"""Windows of an API whose responses have a cap and no cursor. Pure: no clock, no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_callexports.compat import override
from tap_callexports.records.timestamps import SECOND
from tap_callexports.windows import (
    MONTH,
    TARGET_ROWS,
    ClosedWindow,
    Planner,
    Window,
    step_after,
)

if TYPE_CHECKING:
    from tap_callexports.http.capped import Cap

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
        self._planned.append(CappedWindow(window.start, window.end, cap=replace(self._cap)))
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
