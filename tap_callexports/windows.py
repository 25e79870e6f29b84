"""Windows of time: how a span is cut, split and paced. Pure: no clock, no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_callexports.compat import override
from tap_callexports.records.timestamps import SECOND, format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_callexports.cap import Cap

#: A window aims at no more rows than this, so that a bookmark moves often.
TARGET_ROWS = 20_000
#: A window with calls in it spans no more than this.
MONTH = timedelta(days=31)
#: Over time without calls windows grow up to this, so that quiet years cost few requests.
QUIET = timedelta(days=366)
#: The first window of an export whose density is unknown.
FIRST_STEP = timedelta(days=1)
_GROWTH = 4
#: The density of the rows of so much time says how long the next window should be.
_WEEK = timedelta(days=7)
#: The share of the rows it may hold that a window aims at: density varies.
_SHARE = 0.75
#: A window with at most this share of them will surely fit.
_SURE = 0.9
#: The next window is at most so many times as long as the time the density is from.
_CAPPED_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open time range `[start, end)`, both aware UTC.

    Args:
        start: First instant inside.
        end: First instant that is not.
        only: Restricts its rows further: values by column, such as `{"form_id": "7"}`.
        granule: The smallest window; this one is cut at whole granules from its start.
        scan: Whether the server ignores time ranges: whatever it sends is taken, and as each part
            would be the same, there are none.
    """

    start: datetime
    end: datetime
    only: Mapping[str, Any] = field(default_factory=dict, compare=False)
    granule: timedelta = field(default=SECOND, compare=False, repr=False)
    scan: bool = field(default=False, compare=False, repr=False)

    @property
    def length(self) -> timedelta:
        """How much time the window covers."""
        return self.end - self.start

    def split(self) -> tuple[Window, Window] | None:
        """The halves of this window, the earlier one first.

        Returns:
            None for a window of one granule or less, and for a scan.
        """
        if self.scan:
            return None
        half = (self.length // 2) // self.granule * self.granule
        middle = self.start + max(half, self.granule)
        if middle >= self.end:
            return None
        return replace(self, end=middle), replace(self, start=middle)

    @override
    def __str__(self) -> str:
        return f"{format_instant(self.start)} to {format_instant(self.end)}"


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A window whose every row has been handed over.

    Args:
        window: The time range.
        rows: Rows the provider answered for its time range, duplicates included.
        requests: HTTP requests it cost.
        retries: Those among them that repeat an earlier one.
        skipped: Whether it could not be read, and none of its rows was handed over.
        whole: Whether a planned window ends here. False inside one whose rows may come again
            because an answer was handed over before the window had to be split.
    """

    window: Window
    rows: int
    requests: int
    retries: int = 0
    whole: bool = True
    skipped: bool = False


def span_of(
    *,
    start_date: datetime,
    end: datetime,
    bookmark: datetime | None,
    as_of: datetime | None,
    lookback: timedelta,
) -> Window | None:
    """The time one run reads, `[max(start_date, min(bookmark, as_of - lookback)), end)`.

    The lookback counts from when rows were read, not from when calls were made: what an
    interrupted backfill has read of years ago was old already, so it resumes at its bookmark.

    Args:
        start_date: The user's; nothing before it is read.
        end: First instant that is not read.
        bookmark: End of the last complete window; None before the first, and then there is
            nothing to look back at.
        as_of: When what lies before the bookmark was read; None where a state does not say so,
            and then the bookmark is taken for it.
        lookback: How far before `as_of` is read again.

    Returns:
        None when nothing is left to read.
    """
    start = start_date
    if bookmark is not None:
        read_at = bookmark if as_of is None else as_of
        # Compared as lengths: an early instant minus the lookback may leave the calendar.
        if read_at - start_date > lookback:
            start = max(start_date, min(bookmark, read_at - lookback))
    return Window(start, end) if start < end else None


class Planner:
    """Cuts a span into windows, sized by how many rows the windows before them held.

    Args:
        span: The time to cover; its windows join without gap or overlap.
        first_step: Length of the first window.
        target_rows: How many rows a window aims at, at most.
    """

    def __init__(
        self, span: Window, *, first_step: timedelta = FIRST_STEP, target_rows: int = TARGET_ROWS
    ) -> None:
        self._span = span
        self._next = span.start
        self._step = first_step
        self._target_rows = target_rows

    def next_window(self) -> Window | None:
        """The window after the last one given out.

        Returns:
            None when the span is covered, or until a window given out before is closed.
        """
        if self._next >= self._span.end:
            return None
        # Room is compared before it is added: `start + step` may leave the calendar.
        room = self._span.end - self._next
        window = replace(self._span, start=self._next, end=self._next + min(self._step, room))
        self._next = window.end
        return window

    def learn(self, closed: ClosedWindow) -> None:
        """Set the next window's length by how many rows a closed one held."""
        self._step = step_after(closed.window.length, closed.rows, self._target_rows)


def step_after(length: timedelta, rows: int, target_rows: int = TARGET_ROWS) -> timedelta:
    """How long the next window should be after one of `length` held `rows`.

    Grows at most fourfold, so one quiet hour does not decide a busy month.

    Args:
        length: How much time the window covered.
        rows: What it held.
        target_rows: Most that the next one should hold; four fifths of it are aimed at.

    Returns:
        1 s to MONTH, or to QUIET where there were no rows.
    """
    if rows == 0:
        return max(min(length * _GROWTH, QUIET), SECOND)
    wanted = length * min(_GROWTH, target_rows * 0.8 / rows)
    return max(min(wanted, MONTH), SECOND) // SECOND * SECOND


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
        return (
            max(min(time * min(wanted / rows, _CAPPED_GROWTH), longest), SECOND) // SECOND * SECOND
        )

    def _fits(self, step: timedelta) -> bool:
        """Whether one response should hold a window of this length."""
        rows, time = self._density()
        return bool(time) and rows * (step / time) <= self._cap.fitting * _SURE

    def _density(self) -> tuple[int, timedelta]:
        """How many rows there were in how much time, of late."""
        last_week = self._last_week
        time = sum((closed.window.length for closed in last_week), timedelta())
        return sum(closed.rows for closed in last_week), time


def plan(
    span: Window, first_step: timedelta, *, target_rows: int = TARGET_ROWS, cap: Cap | None = None
) -> Planner:
    """What cuts a span into windows.

    Args:
        span: The time to cover.
        first_step: Length of the first window.
        target_rows: How many rows a window aims at, at most.
        cap: What is known of the cap on responses, of an API that has one and no cursor.
    """
    if cap is None:
        return Planner(span, first_step=first_step, target_rows=target_rows)
    return CappedPlanner(span, first_step=first_step, cap=cap, target_rows=target_rows)
