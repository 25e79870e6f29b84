"""How far Videsk is asked: by what its answers hold, and by when rows come. Pure.

Whether an answer is whole is decided in cap.py and paginator.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_callexports.core.time.instants import SECOND, floor_second, parse_instant
from tap_callexports.core.time.window import QUIET, TARGET_ROWS, Window, step_after
from tap_callexports.providers.videsk.cap import TRUSTED_ROWS
from tap_callexports.providers.videsk.forecast import Forecast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from tap_callexports.providers.videsk.cap import Answer, Cap

#: Rows in order are asked for this many times what an answer holds: it is then surely full.
FAR = 4
#: Of rows in no order an answer must hold all there are: they are asked for this share of it.
SHARE = 0.8
#: A forecast made of fewer rows than this is none.
ENOUGH_ROWS = 100
#: How many standard deviations a second answer keeps away from where it would not reach back.
CAUTION = 1.5
#: It is asked for no less than this share of what the first holds.
LEAST_REACH = 0.2


class Pace:
    """Ends of the requests of one export.

    Args:
        cap: What is known of the cap.
        first_step: How long the first request is, where a whole span is read as one window; None
            where windows are planned.
    """

    def __init__(self, cap: Cap, first_step: timedelta | None = None) -> None:
        self.cap = cap
        self.forecast = Forecast()
        #: Whether cut answers were in order so far.
        self.in_order = True
        self._step = first_step
        #: Whether the last range that was read had no rows.
        self._quiet = True
        #: How long requests may be after one was too much for the server.
        self._most: timedelta | None = None
        #: What was asked for to learn of the cap, and its answer until it is needed.
        self._peeked: Window | None = None
        self._early: tuple[Window, Answer] | None = None

    def first_of(self, window: Window) -> tuple[Window, Answer | None]:
        """The beginning of a window to ask for first, and its answer if `peek` brought it."""
        early, self._early = self._early, None
        if early and early[0].start == window.start and early[0].end <= window.end:
            return early
        if self._step is None:
            return window, None
        wanted = self._wanted(window.start, self._step)
        if self._most and wanted <= self._most:
            self._most = None
        length = min(window.length, wanted, self._most or wanted)
        return Window(window.start, window.start + length), None

    def _wanted(self, start: datetime, step: timedelta) -> timedelta:
        """How long a request should be: a step where its rows are unknown or too few to count."""
        if self.forecast.rows < ENOUGH_ROWS:
            return step
        latest, rows = start + QUIET, self._rows_wanted
        few = self.forecast.until(start, min(rows, self.cap.size, TRUSTED_ROWS), latest)
        if few in {None, latest}:
            return step
        end = self.forecast.until(start, rows, latest) or latest
        return max(end - start, step if self._quiet else SECOND)

    @property
    def _rows_wanted(self) -> float:
        size = self.cap.size
        if self.in_order:
            return FAR * size if 2 * size <= TARGET_ROWS else SHARE * min(size, TARGET_ROWS)
        return SHARE * min(self.cap.believed, TARGET_ROWS)

    def reach(self, rows: int) -> float:
        """How many more rows to ask a second answer for, behind a first one that was cut.

        Args:
            rows: How many the first one holds.
        """
        sure = rows - CAUTION * self.forecast.doubt(rows)
        return max(min(sure, TARGET_ROWS - rows), LEAST_REACH * rows)

    def peek(self, asked: Window, answer: Answer, latest: datetime) -> Window | None:
        """What to ask next to learn whether the cap that is named is the real one.

        Once an answer has reached it, shorter ones need no second one to count as whole. It is
        what follows, which has to be asked for anyway.

        Args:
            asked: The range that was asked for last.
            answer: Its answer, which may be cut.
            latest: Where the window ends.

        Returns:
            None where it would not show the cap, and after the first time.
        """
        size, rows = self.cap.size, len(answer.batch)
        if self._step is None or self._peeked or self.cap.reached or not self.cap.named:
            return None
        full = asked.length * size / rows
        if 2 * size > TARGET_ROWS or full > min(QUIET, latest - asked.end):
            return None
        self._peeked = Window(asked.end, min(asked.end + _whole(FAR * full), latest))
        return self._peeked

    def come_early(self, answer: Answer) -> None:
        """Keep the answer to what `peek` gave, until it is its turn."""
        assert self._peeked is not None  # noqa: S101 - for the type checker
        self._early = self._peeked, answer
        self.cap.note(answer)

    def shorter(self, asked: Window, times: Sequence[str]) -> datetime:
        """Where to split a range whose answer was cut and in no order.

        Args:
            asked: The range.
            times: Instant texts of the answer, sorted: some of the rows, so they may tell little.
        """
        share = SHARE * self.cap.believed
        guesses = [asked.start + max(_whole(asked.length / 2), SECOND)]
        if end := self.forecast.until(asked.start, share, asked.end):
            guesses.append(end)
        if times:
            guesses.append(floor_second(parse_instant(times[int(len(times) * SHARE / 2)])))
        return min(guess for guess in guesses if guess > asked.start)

    def closed(self, window: Window, times: Sequence[str], learned: datetime) -> None:
        """Learn from a range that was read.

        Args:
            window: The range.
            times: Instant texts of its rows, sorted.
            learned: Up to where the forecast knows them already.
        """
        if learned < window.end:
            self.forecast.learn(Window(learned, window.end), times)
        self._quiet = not times
        if self._step is not None:
            self._step = step_after(window.length, len(times))
        if self._most:
            self._most = min(self._most + max(_whole(self._most / 4), SECOND), QUIET)

    def too_much(self, window: Window) -> None:
        """Note that a range was too much for the server."""
        if self._step is not None:
            self._most = max(_whole(window.length / 2), SECOND)


def _whole(length: timedelta) -> timedelta:
    return length // SECOND * SECOND
