"""What the four providers have in common: rows, faults, a request log, growth and the truth."""

from __future__ import annotations

import gc
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from .faults import FaultQueue
from .http import Json, LoggedRequest, RefusalError, Reply, Request

if TYPE_CHECKING:
    from .table import Record, Row, Table

#: Late rows and amendments stay this close to the end, so that a day of lookback finds them.
_RECENT = timedelta(hours=20)
#: Somebody always called just before the end; these calls are the ones that grow finishes.
_LAST_CALLS = timedelta(minutes=45)

Handler = Callable[[Request], Reply]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Plan:
    """What the first rows of a provider are: how many, from when to when, and which dice."""

    seed: int
    rows: int
    start: datetime
    end: datetime


class Api(ABC):
    """One provider. Rows are made when they are first needed, so an unused provider is free."""

    name: ClassVar[str]
    #: First path segments that belong to this provider.
    prefixes: ClassVar[tuple[str, ...]]
    #: The streams `truth` knows.
    streams: ClassVar[tuple[str, ...]]

    def __init__(self, plan: Plan) -> None:
        """Set up an empty provider that will hold what `plan` says."""
        self.faults = FaultQueue()
        self.requests: list[LoggedRequest] = []
        #: The most requests that were ever being answered at the same time.
        self.most_in_flight = 0
        #: How far this server's `Date` header is off.
        self.clock_offset_seconds = 0.0
        self.lock = threading.RLock()
        self._plan = plan
        self._rng = random.Random(f"{plan.seed}:{self.name}")
        self._address = ""
        self._in_flight = 0
        self._counter = threading.Lock()
        self._filled = False
        self._main = self._table()

    @property
    def base_url(self) -> str:
        """Where the sandbox listens; known once it was opened."""
        if not self._address:
            raise RuntimeError("the sandbox has no address before it is opened")
        return self._address

    @base_url.setter
    def base_url(self, address: str) -> None:
        self._address = address

    # -- what a provider has to say ---------------------------------------------------------

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The settings object of this provider, ready for the tap."""

    @abstractmethod
    def truth(self, stream: str) -> dict[Key, Record]:
        """Every record of a stream that can be exported now, by its key."""

    @abstractmethod
    def _table(self) -> Table:
        """The table that `rows` lists."""

    @abstractmethod
    def _handle(self, request: Request) -> Reply:
        """Answer a request, or raise RefusalError."""

    @abstractmethod
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """An error the way this provider words it."""

    # -- rows -------------------------------------------------------------------------------

    @property
    def rows(self) -> list[Row]:
        """All rows in order of arrival."""
        return self._filled_table().rows

    def add(self, n: int, start: datetime, end: datetime) -> list[Row]:
        """Make `n` more calls between `start` and `end` (exclusive)."""
        with self.lock:
            table = self._filled_table()
            return table.add(self._rng, table.spread(self._rng, n, start, end), end)

    def add_at(self, *instants: datetime, **columns: Json) -> list[Row]:
        """Make one finished call at each of these instants, with the given columns."""
        with self.lock:
            return self._filled_table().add_at(self._rng, instants, columns)

    def amend(self, row: Row, **columns: Json) -> None:
        """Change columns of a row, as a provider does when a call ends or is billed."""
        with self.lock:
            self._filled_table().amend(row, columns)

    def remove(self, row: Row) -> None:
        """Delete a row."""
        with self.lock:
            self._filled_table().remove(row)

    def grow(self, seed: int, old_end: datetime, until: datetime) -> dict[str, int]:
        """Let time pass from `old_end` to `until`: new calls, late calls, changed calls."""
        rng = random.Random(f"{seed}:{self.name}:grow")
        with self.lock:
            table = self._filled_table()
            since = max(self._plan.start, old_end - _RECENT)
            recent = [row for row in table.rows if since <= row.at < old_end]
            changed = [row for row in recent if self._open(row)]
            settled = [row for row in recent if not self._open(row)]
            changed += rng.sample(settled, min(3, len(settled)))
            for row in changed:
                table.mature(rng, row)
            fresh = max(3, len(table.rows) // 10)
            late = max(1, fresh // 10)
            table.add(rng, table.spread(rng, late, since, old_end), None)
            table.add(rng, table.spread(rng, fresh, old_end, until), until)
            return {"added": fresh + late, "changed": len(changed)}

    @abstractmethod
    def _open(self, row: Row) -> bool:
        """Whether the call of this row is still going on."""

    def _filled_table(self) -> Table:
        with self.lock:
            if not self._filled:
                self._filled = True
                self._fill()
            return self._main

    def _fill(self) -> None:
        plan, table = self._plan, self._main
        last = min(2, plan.rows)
        since = max(plan.start, plan.end - _LAST_CALLS)
        times = table.spread(self._rng, plan.rows - last, plan.start, plan.end)
        collecting = gc.isenabled()
        gc.disable()  # a hundred thousand new objects and no garbage: looking for some is slow
        try:
            table.add(self._rng, times, plan.end)
            for at in table.spread(self._rng, last, since, plan.end):
                table.add(self._rng, [at], at)  # it ends after its own start: still going on
        finally:
            if collecting:
                gc.enable()

    # -- answering --------------------------------------------------------------------------

    def serve(self, request: Request) -> Reply:
        """Answer one request: a fault if one is due, else the handler; and write the log."""
        with self._counter:
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            reply = self._reply(request)
        finally:
            with self._counter:
                self._in_flight -= 1
        self.requests.append(LoggedRequest.of(request, reply.status))
        return reply

    def _reply(self, request: Request) -> Reply:
        fault = self.faults.take(request)
        if fault is None:
            return self._honest(request)
        if fault.seconds:
            time.sleep(fault.seconds)
        return fault.replacement(self.error) or fault.spoil(self._honest(request))

    def _honest(self, request: Request) -> Reply:
        try:
            self._filled_table()
            with self.lock:
                return self._handle(request)
        except RefusalError as refusal:
            return self.error(refusal.status, str(refusal), refusal.detail)


def joined(rows: Sequence[bytes]) -> bytes:
    """Encoded rows as one JSON array."""
    return b"[" + b",".join(rows) + b"]"
