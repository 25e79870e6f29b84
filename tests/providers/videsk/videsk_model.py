"""A model of Videsk's server, a list, a cap and a slice; and a reader without HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from batch_of import batch_of

from sandbox.instants import MILLISECOND, SECOND, UTC, floor, text
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.time.window import Window
from tap_callexports.providers.videsk.cap import Answer, Cap
from tap_callexports.providers.videsk.pace import Pace
from tap_callexports.providers.videsk.paginator import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    RangeToken,
    TwoEndsPaginator,
    first_token,
    joined,
)

DAY = datetime(2024, 5, 9, tzinfo=UTC)
Ends: TypeAlias = Literal["[]", "[)", "(]", "()"]
Order: TypeAlias = Literal["honest", "newest_first", "by_id", "by_filter"]
ENDS: tuple[Ends, ...] = ("[]", "[)", "(]", "()")


@dataclass(frozen=True)
class Call:
    """A call: when it starts, and the time the server's filter acts on."""

    id: str
    start: datetime
    filtered: datetime


@dataclass
class Model:
    """A server that cuts its answers; `named` is the cap it tells, if it tells any."""

    calls: list[Call]
    cap: int
    named: int | None
    ends: Ends = "[]"
    order: Order = "honest"
    cut: bool = False

    def answer(self, ask: RangeToken) -> Answer:
        """The first rows of a range, in this server's order."""
        first, last = self.ends
        found = [
            call
            for call in self.calls
            if (ask.start < call.filtered or (first == "[" and ask.start == call.filtered))
            and (call.filtered < ask.end or (last == "]" and ask.end == call.filtered))
        ]
        found.sort(key=lambda call: (call.start, call.id))
        if self.order == "by_id":
            found.sort(key=lambda call: call.id)
        elif self.order == "by_filter":
            found.sort(key=lambda call: (call.filtered, call.id), reverse=ask.sort == NEWEST_FIRST)
        elif (ask.sort == NEWEST_FIRST) != (self.order == "newest_first"):
            found.reverse()
        self.cut = len(found) > self.cap
        rows = [{"id": c.id, "time": text(floor(c.start, SECOND))} for c in found[: self.cap]]
        return Answer(batch_of(rows), self.named)


def calls_at(*millis: int, shifts: tuple[int, ...] = ()) -> list[Call]:
    """A call at each of these milliseconds of the day, filtered by a time that much later."""
    moved = [*shifts, *[0] * len(millis)]
    # Ids say nothing of the time, so that an order by id is no order by time.
    return [
        Call(f"{number * 7919 % 10007:05}", at, at + moved[number] * MILLISECOND)
        for number, at in enumerate(DAY + ms * MILLISECOND for ms in millis)
    ]


def read(server: Model, window: Window, first: timedelta | None = None) -> tuple[set[str], bool]:
    """Ids of everything read, the window split as often as asked for; and whether that is all.

    False: a second held more than could be asked for, and would have been reported.
    With a `first` step the dialogue ends its windows itself.
    """
    cap, found, whole = Cap(server.named or server.cap), set[str](), True
    pace = Pace(cap, first)
    todo = [window]
    for _ in range(20_000):
        if not todo:
            return found, whole
        part = todo.pop()
        meeting = TwoEndsPaginator(part, "time", ("id",), pace if first else Pace(cap))
        far = meeting.asked.end
        try:
            if meeting.early:
                meeting.advance(meeting.early)
            while not meeting.finished:
                ask = meeting.current_value
                # Beyond that the first answer knows of no rows that should come before its last.
                assert ask.sort == OLDEST_FIRST or ask.end <= far
                meeting.advance(server.answer(ask))
        except WindowTooLarge as failure:
            asked = meeting.asked
            assert part.start == asked.start < asked.end <= part.end
            if halves := asked.split(failure.at):
                todo += [Window(halves[0].end, part.end), halves[0]]
                continue
            if asked.end < part.end:
                todo.append(Window(asked.end, part.end))
            answers = [
                server.answer(first_token(asked, sort)) for sort in (OLDEST_FIRST, NEWEST_FIRST)
            ]
            found |= {record["id"] for answer in answers for record in answer.batch.records}
            oldest, newest = (answer.batch.keys(("id",)) for answer in answers)
            cut = all(cap.may_be_cut(answer) for answer in answers)
            whole = whole and not (cut and not joined(oldest, newest))
            continue
        found |= {record["id"] for record in meeting.batch.records}
        assert part.start == meeting.asked.start < meeting.asked.end <= part.end
        if meeting.asked.end < part.end:
            todo.append(Window(meeting.asked.end, part.end))
    raise AssertionError("the reading does not end")


def inside(server: Model, window: Window) -> set[str]:
    return {call.id for call in server.calls if window.start <= call.filtered < window.end}
