"""The tap and the sandbox in one process: requests without sockets, waits that take no time.

Everything from the transport adapter inward is the tap's own code and the real libraries'.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from expected_streams import entry_of
from seam import fake_clock, no_secrets_known, rows_per_window, transport
from support import JSON, Run, catalog_of, kept_signals
from transport import Clock, WatchedFaults, Wire, late

from sandbox import Row, Sandbox
from sandbox.http import Reply, Request
from sandbox.instants import UTC
from tap_callexports.compat import override
from tap_callexports.tap import TapCallExports

START, END = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC)


class Died(BaseException):
    """The process is dead: nothing the tap does after this happens."""


class _Output(io.StringIO):
    """Standard output of a process that dies after some lines, perhaps inside the next one."""

    def __init__(self, dies_after: int | None) -> None:
        super().__init__()
        self._left = dies_after

    @override
    def write(self, text: str) -> int:
        if self._left is None:
            return super().write(text)
        lines = text.splitlines(keepends=True)
        if len(lines) <= self._left:
            self._left -= len(lines)
            return super().write(text)
        rest = "".join(lines[: self._left])
        torn = lines[self._left] if self._left >= 0 else ""
        self._left = -1  # dead: the rest goes nowhere
        super().write(rest + torn[: len(torn) // 2])
        raise Died


class _Log(logging.Handler):
    """Everything that is logged, as text."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@dataclass(repr=False, kw_only=True)
class Ran(Run):
    """A run, and what it did to get there.

    Attributes:
        text: Standard output as it was written.
        log: Every line it logged.
        wire: Its requests.
        died: Whether the process was killed.
    """

    wire: Wire
    text: str = ""
    log: list[str] = field(default_factory=list)
    died: bool = False


class Place:
    """One provider of a sandbox, reached without sockets. Made by `opened`."""

    def __init__(self, box: Sandbox, provider: str, clock: Clock) -> None:
        self.box, self.clock = box, clock
        self.api = box.apis[provider]
        self.api.base_url = f"https://{provider}.example.test"
        self.faults = WatchedFaults()
        self.api.faults = self.faults
        #: How much of a response arrives where it is cut.
        self.cut_share = 0.5
        #: What happens on the server just before the nth request of a run.
        self.events: dict[int, Callable[[], None]] = {}
        self._wire: Wire | None = None

    @property
    def options(self) -> Any:
        """How the server behaves; each provider has its own options."""
        return self.api.options  # type: ignore[attr-defined] # each provider has its own

    def pass_time(self, length: timedelta) -> None:
        """Move all clocks on."""
        self.clock.now += length
        self.box.end = self.api.now = self.clock.now

    def before_request(self, number: int) -> None:
        """Let the event of this request happen, if there is one."""
        if event := self.events.pop(number, None):
            event()

    def new_wire(self) -> Wire:
        """The wire of the run that begins now."""
        self._wire = Wire(self)
        self.api.requests.clear()
        return self._wire

    def wire(self) -> Wire:
        """The wire of the run that began last."""
        assert self._wire is not None, "a request outside of a run"
        return self._wire

    def export(
        self, stream: str, state: JSON | None = None, top: JSON | None = None, **settings: object
    ) -> Ran:
        """One run of a stream from START to END."""
        known = {**entry_of(stream).settings, "settle_minutes": 0, **settings}
        config = {
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
            self.api.name: {**self.api.config(), **known},
            **(top or {}),
        }
        return self.run(config, streams=(stream,), state=state)

    def run(
        self,
        config: JSON,
        *,
        streams: tuple[str, ...],
        state: JSON | None = None,
        dies_after: int | None = None,
    ) -> Ran:
        """One run of the tap."""
        out, log, wire = _Output(dies_after), _Log(), self.new_wire()
        ran = Ran(1, [], log=log.texts, wire=wire)
        token = late.set(0.0)
        with _logging_to(log), kept_signals(), contextlib.redirect_stdout(out):
            try:
                ran.tap = TapCallExports(
                    config=copy.deepcopy(config),
                    state=copy.deepcopy(state),
                    catalog=_catalog(self.api.name, self.api.config(), streams),
                )
                ran.code = ran.tap.run()
            except Died:
                ran.died = True
            except Exception as caught:  # noqa: BLE001 - the oracle looks at it
                ran.error = caught
            finally:
                wire.cut()
        late.reset(token)
        ran.text = out.getvalue()
        ran.lines = [json.loads(line) for line in ran.text.split("\n")[:-1]]
        return ran

    def change_responses(self, change: Callable[[Request, Reply], Reply]) -> None:
        """From now on the server sends what `change` makes of its response to a request."""
        honest = self.api._answer

        def answer(request: Request) -> Reply:
            return change(request, honest(request))

        self.api._answer = answer  # type: ignore[method-assign] # a server with a fault

    def unpacked(self, reply: Reply) -> bytes:
        """The body of a response, without gzip."""
        zipped = reply.headers.get("Content-Encoding") == "gzip"
        return gzip.decompress(reply.body) if zipped else reply.body

    def key(self, stream: str, row: Row) -> tuple[Any, ...]:
        """The primary key of a row."""
        return tuple(row.canonical[name] for name in self.api.keys[stream])


@contextlib.contextmanager
def opened(
    provider: str,
    now: datetime = END,
    *,
    seed: int = 1,
    rows: int = 0,
    start: datetime = START,
    window_rows: int | None = None,
) -> Iterator[Place]:
    """A provider with rows from `start` to `now`, where all clocks stand at `now`.

    Args:
        provider: Its name.
        now: The end of the time that has passed.
        seed: Of its rows.
        rows: How many calls it has.
        start: When they begin.
        window_rows: Rows a window aims at; by default as many as the tap says.
    """
    clock = Clock(now)
    place = Place(Sandbox(seed, rows, start, now), provider, clock)
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            fake_clock(time=clock.time, monotonic=clock.monotonic, sleep=clock.sleep)
        )
        stack.enter_context(transport(place.wire))
        # A process that lives for many runs would look for the secrets of all of them.
        stack.enter_context(no_secrets_known())
        if window_rows:
            stack.enter_context(rows_per_window(window_rows))
        yield place


@contextlib.contextmanager
def opened_for(stream: str, **how: Any) -> Iterator[Place]:
    """The provider of a stream, as `opened` makes it, whose server behaves as the stream needs."""
    entry = entry_of(stream)
    with opened(entry.api, **how) as place:
        for name, value in entry.options.items():
            setattr(place.options, name, value)
        yield place


@contextlib.contextmanager
def _logging_to(log: _Log) -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    root.handlers = [log]
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


_discovered: dict[str, JSON] = {}


def _catalog(provider: str, config: JSON, streams: tuple[str, ...]) -> JSON:
    """The entries of these streams as discovery finds them, selected; discovered once."""
    if provider not in _discovered:
        streams_of_provider = TapCallExports(config={provider: config}).streams
        _discovered[provider] = catalog_of({provider: config}, streams_of_provider)
    entries = _discovered[provider]["streams"]
    return {"streams": [entry for entry in entries if entry["tap_stream_id"] in streams]}
