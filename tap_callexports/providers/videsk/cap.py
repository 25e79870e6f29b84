"""What Videsk's cap is: answers name it, and something in between may cut lower. Pure.

The cap is the most rows of an answer. Knows no time of a row.
https://docs.videsk.io/es-developers/api-privada/exportacion
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_callexports.core.compat import override
from tap_callexports.core.time.window import ClosedWindow, Planner, Window

if TYPE_CHECKING:
    from datetime import timedelta

    from tap_callexports.core.rows.batch import Batch

#: An answer with fewer rows than this was cut by no cap, declared or not.
TRUSTED_ROWS = 1000
#: From here on a length may look like a cap.
SUSPICIOUS_ROWS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded reply.

    Args:
        batch: Its rows as records, in its order.
        limit: The cap it names (`$limit`), None when it names none.
    """

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
        #: How many rows an answer may hold, and whether answers say so.
        self.size = assumed
        self.named = False

    def copy(self) -> Cap:
        """What is known now; does not learn with the original."""
        known = Cap(self._assumed)
        known.learn(self)
        return known

    def learn(self, other: Cap) -> None:
        """Take over what another one has come to know."""
        self._reached |= other._reached
        self._lengths |= other._lengths
        self.size, self.named = other.size, other.named

    @property
    def reached(self) -> bool:
        """Whether an answer was as long as the cap that is named now."""
        return self.named and self.size in self._reached

    @property
    def believed(self) -> int:
        """An answer with fewer rows than this counts as whole."""
        return self.size if self.reached else min(self.size, TRUSTED_ROWS)

    def note(self, answer: Answer) -> None:
        """Take in what an answer tells of the cap."""
        rows, limit = len(answer.batch), answer.limit
        # Longer than the cap it names: that is not the cap.
        self.named = limit is not None and rows <= limit
        self.size = limit if limit is not None and self.named else self._assumed
        if self.named and rows == self.size:
            self._reached.add(self.size)

    def may_be_cut(self, answer: Answer) -> bool:
        """Whether there may be rows behind an answer; takes in what it tells of the cap.

        A named cap is believed once an answer has reached it; until then, and where none is
        named, something in between may cut lower, so only short answers count as whole, and of
        them not those whose length looks like a cap: a round one, or one seen before.
        """
        rows = len(answer.batch)
        self.note(answer)
        if self.reached:
            return rows >= self.size
        looks_cut = rows >= SUSPICIOUS_ROWS and (rows % 50 == 0 or rows in self._lengths)
        self._lengths.add(rows)
        return looks_cut or rows >= min(self.size, TRUSTED_ROWS)


class CapPlanner(Planner):
    """Windows that are read side by side, each with what is known of the cap.

    What the others learn meanwhile is left out of it: runs do not depend on timing.

    Args:
        span: The time to cover.
        first_step: Length of the first window.
        cap: What is known when the first window is planned; learns as windows close.
    """

    def __init__(self, span: Window, first_step: timedelta, cap: Cap) -> None:
        super().__init__(span, first_step=first_step)
        self._cap = cap
        # Workers read it: another one takes its place, and none is changed.
        self._caps: tuple[tuple[Window, Cap], ...] = ()

    @override
    def next_window(self) -> Window | None:
        if window := super().next_window():
            self._caps = (*self._caps, (window, self._cap.copy()))
        return window

    @override
    def learn(self, closed: ClosedWindow) -> None:
        super().learn(closed)
        (planned, cap), *others = self._caps
        if closed.window.end == planned.end:
            self._cap.learn(cap)
            self._caps = tuple(others)

    def cap_for(self, window: Window) -> Cap:
        """What was known of the cap when a window was planned; learns by the window's own answers.

        Args:
            window: One that was given out, or a part of it.
        """
        caps = (cap for planned, cap in self._caps if planned.start <= window.start < planned.end)
        return next(caps, self._cap)
