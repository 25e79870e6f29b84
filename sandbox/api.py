"""What the four providers have in common: rows, faults, a request log, growth and the truth."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from .faults import FaultQueue
from .handle import Handle
from .http import Json, LoggedRequest, RefusalError, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from .store import Plan, Store
    from .table import Key, Record, Row


class Api(ABC):
    """One provider. Rows are made when they are first needed, so an unused provider is free."""

    name: ClassVar[str]
    #: First path segments that belong to this provider.
    prefixes: ClassVar[tuple[str, ...]]
    #: The streams and their primary keys. The first one is the provider's calls.
    keys: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self, plan: Plan) -> None:
        """Set up an empty provider that will hold what `plan` says."""
        self.faults = FaultQueue()
        self.requests: list[LoggedRequest] = []
        #: The most requests that were ever being answered at the same time.
        self.most_in_flight = 0
        #: How far this server's `Date` header is off.
        self.clock_offset_seconds = 0.0
        self.lock = threading.RLock()
        #: The end of the time that has passed so far.
        self.now = plan.end
        #: How many rows the last growth added to each stream and changed in it.
        self.grown: dict[str, dict[str, int]] = {}
        self._plan = plan
        self._address = ""
        self._in_flight = 0
        self._counter = threading.Lock()
        self._stores = self._make_stores()
        self._handles = {stream: self._make_handle(stream) for stream in self.keys}
        self._calls = self._handles[self.streams[0]]

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams `truth` and `of` know."""
        return tuple(self.keys)

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
    def _make_stores(self) -> dict[str, Store]:
        """The rows behind each stream; a store comes after those its rows hang on."""

    def _make_handle(self, stream: str) -> Handle:
        """How a test gets hold of a stream."""
        return Handle(self._stores[stream], self.lock, partial(self.truth, stream))

    @abstractmethod
    def _record(self, stream: str, row: Row) -> Record | None:
        """What an exporter must make of a visible row; None where the stream does not have it."""

    @abstractmethod
    def _answer(self, request: Request) -> Reply:
        """Answer a request, or raise RefusalError."""

    @abstractmethod
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """An error the way this provider words it."""

    # -- rows -------------------------------------------------------------------------------

    def of(self, stream: str) -> Handle:
        """The rows of one stream."""
        return self._handles[stream]

    def truth(self, stream: str) -> dict[Key, Record]:
        """Every record of a stream that can be exported now, by its key."""
        store, keys = self._stores[stream], self.keys[stream]
        truth: dict[Key, Record] = {}
        with self.lock:
            for row in store.ready().rows:
                record = self._record(stream, row) if row.visible else None
                if record is not None:
                    truth[tuple(record[name] for name in keys)] = record
        return truth

    @property
    def rows(self) -> list[Row]:
        """All calls in order of arrival."""
        return self._calls.rows

    def add(self, n: int, start: datetime, end: datetime) -> list[Row]:
        """Make `n` more calls between `start` and `end` (exclusive)."""
        return self._calls.add(n, start, end)

    def add_at(self, *instants: datetime, **columns: Json) -> list[Row]:
        """Make one finished call at each of these instants, with the given columns."""
        return self._calls.add_at(*instants, **columns)

    def amend(self, row: Row, **columns: Json) -> None:
        """Change columns of a call, as a provider does when it ends or is billed."""
        self._calls.amend(row, **columns)

    def remove(self, row: Row) -> None:
        """Delete a call."""
        self._calls.remove(row)

    def grow(self, seed: int, old_end: datetime, until: datetime) -> dict[str, int]:
        """Let time pass from `old_end` to `until`: new rows, late rows, changed rows.

        Counts what that does to the truth of each stream, and returns the sums.
        """
        with self.lock:
            before = {stream: self.truth(stream) for stream in self.streams}
            for store in dict.fromkeys(self._stores.values()):
                store.grow(seed, old_end, until)
            self.now = until
            self.grown = {
                stream: _difference(before[stream], self.truth(stream)) for stream in self.streams
            }
        return {
            kind: sum(counts[kind] for counts in self.grown.values())
            for kind in ("added", "changed")
        }

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
            with self.lock:
                return self._answer(request)
        except RefusalError as refusal:
            return self.error(refusal.status, str(refusal), refusal.detail)


def joined(rows: Sequence[bytes]) -> bytes:
    """Encoded rows as one JSON array."""
    return b"[" + b",".join(rows) + b"]"


def _difference(before: Mapping[Key, Record], after: Mapping[Key, Record]) -> dict[str, int]:
    """How many records are new and how many are others than they were."""
    changed = sum(key in after and after[key] != record for key, record in before.items())
    return {"added": len(after.keys() - before.keys()), "changed": changed}
