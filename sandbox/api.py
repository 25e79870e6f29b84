"""What all providers have in common: rows, faults, a request log, growth and the truth."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from .faults import FaultQueue
from .handle import Handle
from .http import Json, LoggedRequest, RefusalError, Reply, Request
from .table import Kind, Table

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from .calls import Call, Rows
    from .table import Key, Plan, Record, Row


class Api(ABC):
    """One provider on localhost. Rows are made when they are first needed.

    To add a provider, put a module into this folder with a subclass that has a `name`: it is
    found by itself, is served below `/<name>/`, and a `Sandbox` has it as an attribute.
    It says in

    - `keys`: its streams with their primary keys, its calls first;
    - `config`: the settings that point the tap at it;
    - `_tables`: the rows behind each stream, a `Kind` each; streams may share a table;
    - `_answer`: what it answers to a request; a `RefusalError` becomes an `error`;
    - `error`: how it words an error.

    What is exported of a row is `Row.canonical`, unless `_record` says otherwise. Rows should be
    encoded by `Row.encoded`, which does it once. The ways in which the real server may behave are
    fields of a dataclass `options`; those that a run must survive are chosen at random in `vary`.
    `calls` makes the rows of the table of all calls, with the functions of calls.py; amounts and
    durations there are decimals (`times`). Times are multiples of `Kind.step`, a millisecond unless
    it is given. A small example::

        from .api import Api
        from .calls import Call, Rows, call, statuses, times
        from .compat import override
        from .http import Json, RefusalError, Reply, Request
        from .instants import SECOND, text
        from .invent import below, uuid
        from .query import Query, page
        from .table import Kind, Record, Row, Table

        KEY = "acme_canary_key_1f2e3d"
        STATUSES = statuses(answered="ended", ongoing="ongoing")

        class AcmeApi(Api):
            \"\"\"Acme on localhost.\"\"\"

            name = "acme"
            keys: ClassVar = {"acme_calls": ("id",)}
            call_streams: ClassVar = ("acme_calls",)

            def __init__(self, plan: Plan) -> None:
                super().__init__(plan)
                self.options = AcmeOptions()

            @override
            def config(self) -> dict[str, Any]:
                \"\"\"The tap's `acme` object.\"\"\"
                return {"api_url": f"{self.base_url}/acme", "api_key": KEY}

            @override
            def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
                \"\"\"An error object.\"\"\"
                return Reply.of_json(status, {"error": message or f"error {status}"})

            @override
            def _tables(self) -> dict[str, Table]:
                calls = Kind(make=_make, mature=_mature, key=lambda c: c["id"], time="created_at")
                return {"acme_calls": self.table(calls)}

            @override
            def _answer(self, request: Request) -> Reply:
                if request.header("Authorization") != f"Bearer {KEY}":
                    raise RefusalError(401, "unauthorized")
                if (request.method, self.path(request)) != ("GET", "/calls"):
                    raise RefusalError(404, "no such path")
                query = Query(request.query)
                low, high = query.instant("from"), query.instant("to")
                rows = self.table_of("acme_calls").between(low, high, "[)")
                found, following = page(rows, request.query.get("cursor"), 100)
                calls = [row.encoded("call", _encode) for row in found]
                return Reply.of_rows(200, {"next": following}, "calls", calls)

            @override
            @classmethod
            def calls(cls, rows: Rows) -> Iterator[Call]:
                \"\"\"One of each record.\"\"\"
                for row in rows["acme_calls"]:
                    yield call(
                        "acme_calls",
                        row,
                        "call_id=id started_at=created_at raw_status=status",
                        duration_seconds=times(row["duration"]),
                        status=STATUSES.get(row["status"], "other"),
                    )

        def _make(rng: random.Random, at: datetime, end: datetime | None) -> Record:
            made = {"id": uuid(rng), "created_at": text(at), "duration": below(rng, 600)}
            over = at + made["duration"] * SECOND
            return {**made, "status": "ended" if end is None or over <= end else "ongoing"}

        def _mature(rng: random.Random, record: Record, until: datetime) -> Record:
            return {"status": "ended", "duration": record["duration"] + 1}

        def _encode(row: Row) -> bytes:
            return json.dumps({**row.canonical, **row.extra_wire}).encode()
    """

    name: ClassVar[str]
    #: The streams and their primary keys. The first one is the provider's calls.
    keys: ClassVar[Mapping[str, tuple[str, ...]]]
    #: First path segments that belong to this provider, too.
    more_prefixes: ClassVar[tuple[str, ...]] = ()
    #: The streams that `calls` reads.
    call_streams: ClassVar[tuple[str, ...]] = ()
    #: The most rows of one instant, and of one second, that random schedules add at once.
    largest_bursts: ClassVar[tuple[int, int]] = (6, 6)

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
        self._tables_by_stream = self._tables()
        self._handles = {
            stream: Handle(
                self.table_of(stream),
                self.lock,
                partial(self.truth, stream),
                partial(self._defaults, stream),
            )
            for stream in self.keys
        }
        self._calls = self._handles[self.streams[0]]

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams `truth` and `of` know."""
        return tuple(self.keys)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """First path segments that belong to this provider."""
        return (self.name, *self.more_prefixes)

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
    def _tables(self) -> dict[str, Table]:
        """The rows behind each stream."""

    @abstractmethod
    def _answer(self, request: Request) -> Reply:
        """Answer a request, or raise RefusalError."""

    @abstractmethod
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """An error the way this provider words it."""

    # -- what it may say --------------------------------------------------------------------

    def _record(self, stream: str, row: Row) -> Record | None:
        """What an exporter must make of a visible row; None where the stream does not have it."""
        return dict(row.canonical)

    def _defaults(self, stream: str, columns: Record) -> Record:
        """Further columns of a row that `add_at` makes with these."""
        return {}

    def vary_once(self, dice: random.Random) -> dict[str, Any]:
        """Choose what stays as it is for several runs; the settings of the tap that go with it."""
        return {}

    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Choose what may differ in each run of these streams; the settings that go with it."""
        return {}

    @classmethod
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """The rows of the table of all calls that records of `call_streams` amount to."""
        yield from ()

    # -- rows -------------------------------------------------------------------------------

    def table(self, kind: Kind, name: str = "") -> Table:
        """A new table; its random numbers are its own if it has a `name`."""
        name = f"{self.name}:{name}" if name else self.name
        return Table(kind, self._plan, name, lambda: self.now)

    def table_of(self, stream: str) -> Table:
        """The rows behind a stream."""
        return self._tables_by_stream[stream]

    def of(self, stream: str) -> Handle:
        """The rows of one stream."""
        return self._handles[stream]

    def truth(self, stream: str) -> dict[Key, Record]:
        """Every record of a stream that can be exported now, by its key."""
        keys = self.keys[stream]
        truth: dict[Key, Record] = {}
        with self.lock:
            for row in self.table_of(stream).rows:
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
            for table in dict.fromkeys(self._tables_by_stream.values()):
                table.grow(seed, old_end, until)
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

    def path(self, request: Request) -> str:
        """The path of a request after the provider's name."""
        return request.path.removeprefix(f"/{self.name}")

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


def _difference(before: Mapping[Key, Record], after: Mapping[Key, Record]) -> dict[str, int]:
    """How many records are new and how many are others than they were."""
    changed = sum(key in after and after[key] != record for key, record in before.items())
    return {"added": len(after.keys() - before.keys()), "changed": changed}
