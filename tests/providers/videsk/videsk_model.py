"""A model of Videsk's server, a list, a cap and a slice; and a reader without HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, cast

from batch_of import batch_of

from sandbox.instants import MILLISECOND, SECOND, UTC, floor, parse, text
from tap_callexports.cap import Cap
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http.paginators import Page
from tap_callexports.providers.videsk.export import VideskStream
from tap_callexports.tap import TapCallExports
from tap_callexports.windows import CappedPlanner, ClosedWindow, Window

DAY = datetime(2024, 5, 9, tzinfo=UTC)
Ends: TypeAlias = Literal["[]", "[)", "(]", "()"]
Order: TypeAlias = Literal["honest", "newest_first", "by_id", "by_filter"]
ENDS: tuple[Ends, ...] = ("[]", "[)", "(]", "()")
_TAP = TapCallExports(config={"videsk": {"api_token": "t"}})
STREAM = cast("VideskStream", _TAP.streams["videsk_calls"])


@dataclass(frozen=True)
class Call:
    """A call: when it starts, and the time the server's filter acts on."""

    id: str
    start: datetime
    filtered: datetime


@dataclass
class Model:
    """A server that cuts its answers at `cap` and says that it does so at `limit`."""

    calls: list[Call]
    cap: int
    limit: int
    ends: Ends = "[]"
    order: Order = "honest"

    def answer(self, body: Mapping[str, Any]) -> Page:
        """The first rows of a range, in this server's order.

        Args:
            body: Of the request.
        """
        first, last = self.ends
        start, end, newest_first = parse(body["start"]), parse(body["end"]), body["$sort"] == -1
        found = [
            call
            for call in self.calls
            if (start < call.filtered or (first == "[" and start == call.filtered))
            and (call.filtered < end or (last == "]" and end == call.filtered))
        ]
        found.sort(key=lambda call: (call.start, call.id))
        if self.order == "by_id":
            found.sort(key=lambda call: call.id)
        elif self.order == "by_filter":
            found.sort(key=lambda call: (call.filtered, call.id), reverse=newest_first)
        elif newest_first != (self.order == "newest_first"):
            found.reverse()
        rows = [{"id": c.id, "time": text(floor(c.start, SECOND))} for c in found[: self.cap]]
        return Page(batch_of(rows), limit=self.limit)


def calls_at(*millis: int, shifts: tuple[int, ...] = ()) -> list[Call]:
    """A call at each of these milliseconds of the day, filtered by a time that much later."""
    moved = [*shifts, *[0] * len(millis)]
    # Ids say nothing of the time, so that an order by id is no order by time.
    return [
        Call(f"{number * 7919 % 10007:05}", at, at + moved[number] * MILLISECOND)
        for number, at in enumerate(DAY + ms * MILLISECOND for ms in millis)
    ]


def read(server: Model, span: Window, first: timedelta) -> tuple[set[str], bool]:
    """Ids of everything read, in windows that are planned and halved; and whether that is all.

    False: a second held more than could be asked for, and would have been reported.

    Args:
        server: What is asked.
        span: The time to read.
        first: Length of the first window.
    """
    found, whole = set[str](), True
    plan = CappedPlanner(span, first_step=first, cap=Cap(server.limit))
    while window := plan.next_window():
        todo = [window]
        while todo:
            part = todo.pop()
            paginator, rows = STREAM.paginator(part), set[str]()
            try:
                while not paginator.finished:
                    page = server.answer(STREAM.build_request(part, paginator.token).json)
                    for batch in paginator.advance(page):
                        rows |= {record["id"] for record in batch.records}
            except WindowTooLarge:
                if halves := part.split():
                    todo += reversed(halves)
                    continue
                whole = False
            found |= rows
            plan.learn(ClosedWindow(part, len(rows), 1))
    return found, whole


def inside(server: Model, window: Window) -> set[str]:
    return {call.id for call in server.calls if window.start <= call.filtered < window.end}
