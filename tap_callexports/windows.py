"""Time windows, and how a span is planned. Pure: no clock, no I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.records.timestamps import SECOND, format_instant

#: Most rows that a window is planned to hold, so that bookmarks move often.
TARGET_ROWS = 20_000
#: Longest window with calls in it, and without: quiet years cost few requests.
MONTH, QUIET = timedelta(days=31), timedelta(days=366)
#: Length of the first window of an export whose density is unknown.
FIRST_STEP = timedelta(days=1)
_GROWTH = 4
#: Capped windows are planned by the density of this much time,
_WEEK = timedelta(days=7)
#: for this share of the cap, as density varies;
_SHARE = 0.75
#: a window with at most this share of the cap surely fits,
_SURE = 0.9
#: and a window is at most this many times as long as the time the density is from.
_CAPPED_GROWTH = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open time range `[start, end)`, both aware UTC.

    Args:
        start: First instant inside.
        end: First instant outside.
        only: Further restrictions, values by column, such as `{"form_id": "7"}`.
        granule: Length of the smallest window; windows are split at whole granules.
        scan: Whether the server ignores time ranges: all rows are taken, and it cannot be split.
    """

    start: datetime
    end: datetime
    only: Mapping[str, Any] = field(default_factory=dict, compare=False)
    granule: timedelta = field(default=SECOND, compare=False, repr=False)
    scan: bool = field(default=False, compare=False, repr=False)

    @property
    def length(self) -> timedelta:
        """The covered time."""
        return self.end - self.start

    def split(self) -> tuple[Window, Window] | None:
        """The halves, the earlier first; None for one granule or less, and for a scan."""
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
    """A window of which every row was emitted.

    Args:
        window: The time range.
        rows: Rows of its time range, including duplicates.
        requests: HTTP requests for it.
        retries: The requests among them that repeat an earlier one.
        whole: Whether no earlier row of the planned window can come again. False inside a window
            that was split after a response of it was emitted.
        skipped: Whether it could not be read, so that none of its rows was emitted.
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
    """The span of one run, `[max(start_date, min(bookmark, as_of - lookback)), end)`.

    The lookback counts from when rows were read, not from when calls were made: an interrupted
    backfill of old calls resumes at its bookmark.

    Args:
        start_date: First instant to export.
        end: First instant that is not read.
        bookmark: End of the last complete window; None before the first, without a lookback then.
        as_of: When the rows before the bookmark were read; None in older states, then the bookmark.
        lookback: How far before `as_of` is read again.

    Returns:
        None if nothing is left to read.
    """
    start = start_date
    if bookmark is not None:
        read_at = bookmark if as_of is None else as_of
        # Compared as lengths: an early instant minus the lookback may leave the calendar.
        if read_at - start_date > lookback:
            start = max(start_date, min(bookmark, read_at - lookback))
    return Window(start, end) if start < end else None


class Planner:
    """Plans the windows of a span, without gap or overlap, by the rows of the windows before.

    The first window is read alone, because the next ones depend on its rows.

    Args:
        span: The time to cover.
        first_step: Length of the first window.
        target_rows: Most rows that a window should hold.
    """

    def __init__(
        self, span: Window, *, first_step: timedelta = FIRST_STEP, target_rows: int = TARGET_ROWS
    ) -> None:
        self._span = span
        self._next = span.start
        self._step = first_step
        self._target_rows = target_rows
        self._any_closed = False

    def next_window(self) -> Window | None:
        """The next window; None if the span is covered, or until an earlier window is closed."""
        waiting = self._next > self._span.start and not self._any_closed
        if waiting or self._next >= self._span.end:
            return None
        # Room is compared before it is added: `start + step` may leave the calendar.
        room = self._span.end - self._next
        window = replace(self._span, start=self._next, end=self._next + min(self._step, room))
        self._next = window.end
        return window

    def learn(self, closed: ClosedWindow) -> None:
        """Set the length of the next window by the rows of a closed one."""
        first, self._any_closed = not self._any_closed, True
        self._step = step_after(closed.window.length, closed.rows, self._target_rows, first=first)


def step_after(
    length: timedelta, rows: int, target_rows: int = TARGET_ROWS, *, first: bool = False
) -> timedelta:
    """Length of the next window after one of `length` with `rows`, aimed at 80 % of `target_rows`.

    Grows at most fourfold, so that one quiet night does not decide a busy month. After the first
    window, which is a day or longer, also to where a tenth of `target_rows` is expected: an export
    of few calls takes few requests.

    Returns:
        1 s to MONTH, or to QUIET after a window without rows.
    """
    if rows == 0:
        return max(min(length * _GROWTH, QUIET), SECOND)
    growth = max(_GROWTH, target_rows * 0.1 / rows) if first else _GROWTH
    wanted = length * min(growth, target_rows * 0.8 / rows)
    return max(min(wanted, MONTH), SECOND) // SECOND * SECOND


@dataclass(frozen=True, slots=True)
class CappedWindow(Window):
    """A window with the cap as known when it was planned.

    Only its own responses and those for its parts update that cap, so that a run does not depend on
    the order in which concurrent windows end.
    """

    cap: Cap = field(kw_only=True, compare=False, repr=False)


class CappedPlanner(Planner):
    """Plans windows that one response should hold, by the density of the last week.

    As long as the cap is not known, windows aim at more rows. Such a window is read alone, because
    the next ones depend on its result.

    Args:
        span: The time to cover.
        first_step: Length of the first window.
        cap: The known cap; learns as windows close.
        target_rows: Most rows that a window should hold.
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
        super().learn(closed)
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
        # A window that does not fit is halved.
        longest = MONTH if self._fits(MONTH) else 2 * MONTH
        return (
            max(min(time * min(wanted / rows, _CAPPED_GROWTH), longest), SECOND) // SECOND * SECOND
        )

    def _fits(self, step: timedelta) -> bool:
        """Whether one response should hold a window of this length."""
        rows, time = self._density()
        return bool(time) and rows * (step / time) <= self._cap.fitting * _SURE

    def _density(self) -> tuple[int, timedelta]:
        """Rows of the last week, and the time they are from."""
        last_week = self._last_week
        time = sum((closed.window.length for closed in last_week), timedelta())
        return sum(closed.rows for closed in last_week), time


def plan(
    span: Window, first_step: timedelta, *, target_rows: int = TARGET_ROWS, cap: Cap | None = None
) -> Planner:
    """The planner of a span; `cap` is that of an API that caps responses and has no cursor."""
    if cap is None:
        return Planner(span, first_step=first_step, target_rows=target_rows)
    return CappedPlanner(span, first_step=first_step, cap=cap, target_rows=target_rows)
