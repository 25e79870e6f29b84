"""A stream of calls without a server, and a log of what a sync of it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any, ClassVar

from singer_sdk import Stream
from singer_sdk.helpers.types import Context

from tap_callexports.compat import override
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http.client import Auth
from tap_callexports.http.paginators import Paginator
from tap_callexports.http.request import Request
from tap_callexports.progress.lines import Progress
from tap_callexports.provider import Provider
from tap_callexports.records.batch import Batch, Record
from tap_callexports.records.timestamps import UTC, format_instant, parse_instant
from tap_callexports.run import Run
from tap_callexports.singer.messages import LineWriter
from tap_callexports.singer.sdk import SingerTap
from tap_callexports.singer.state import AS_OF, VALUE, Bookmark
from tap_callexports.stream import CallStream
from tap_callexports.sync import Sync, read_stream
from tap_callexports.windows import ClosedWindow, Planner, Window

JSON = dict[str, Any]
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2024, 5, 1, tzinfo=UTC)
#: What a first run reads.
SPAN = Window(START, START + 4 * DAY)
#: The ids of the calls there are if no times are given: one every six hours.
ALL = list(range(16))


class FakeTap(SingerTap):
    """A tap without streams."""

    name = "tap-test"
    config_jsonschema = {"properties": {}}
    entries: dict[str, JSON] = {}

    @override
    def checked_config(self, config: JSON) -> tuple[JSON, list[str]]:
        return config, []

    @override
    def read_stream(self, stream: CallStream[Any], context: Context | None) -> Iterator[Record]:
        return read_stream(stream, context)

    @override
    def terminate(self, signum: int) -> None: ...

    @override
    def discover_streams(self) -> list[Stream]:
        return []


class FakeProvider(Provider):
    """A provider that is never connected to."""

    name, title, credentials = "test", "Test", (("key",), ("user", "password"))

    @property
    @override
    def auth(self) -> Auth:
        return lambda request: request


def fake_provider(
    end_date: datetime | None = None,
    *,
    skip_unreadable: bool = False,
    connection_test: bool = False,
    **settings: object,
) -> FakeProvider:
    """The provider in a run that begins when the span is over."""
    logger = logging.getLogger("test")
    run = Run(
        start_date=START,
        end_date=end_date,
        started=SPAN.end,
        request_timeout=5,
        max_retry_wait=7,
        skip_forbidden_streams=False,
        user_agent="test/1",
        skip_unreadable=skip_unreadable,
        nested_mixed_as_text=False,
        logger=logger,
        writer=LineWriter(),
        progress=Progress(logger, lambda: False),
        connection_test=connection_test,
    )
    defaults = {"api_url": "https://test.example", "max_concurrency": 1}
    times = {"settle_minutes": 0, "lookback_hours": 0}
    return FakeProvider({**defaults, **times, **settings}, run)


class Days(Planner):
    """Windows of a day each, whatever they hold."""

    @override
    def learn(self, closed: ClosedWindow) -> None:
        super().learn(closed)
        self._step = DAY


class FakeCalls(CallStream["str | None"]):
    """Calls at these times after the start of the span, every six hours by default.

    Their windows are read without a request. Options are those of `fake_provider`.
    """

    name = "test_calls"
    path = "/calls"
    primary_keys = ("id",)
    replication_key = "at"
    filter_field: ClassVar[str | None] = "at"
    strict_filter = True
    schema = {
        "properties": {
            "id": {"type": "integer"},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "seconds": {"type": ["integer", "null"]},
        }
    }

    def __init__(self, *times: timedelta, **options: Any) -> None:
        super().__init__(FakeTap(config={}), fake_provider(**options))
        times = times or tuple(number * 6 * HOUR for number in ALL)
        self.rows: list[JSON] = [
            {"id": number, "at": format_instant(START + time)} for number, time in enumerate(times)
        ]
        #: The windows that were requested, and those that were scanned.
        self.requested: list[Window] = []
        self.scanned: list[Window] = []
        #: How they are read.
        self.read: Callable[[Window], Iterator[Batch]] = self.inside
        self.read_all: Callable[[Window], Iterator[Batch]] = self.everything

    def inside(self, window: Window) -> Iterator[Batch]:
        """The calls of a window, two in a response."""
        rows = [row for row in self.rows if row["at"]]
        inside = [row for row in rows if window.start <= parse_instant(row["at"]) < window.end]
        for first in range(0, len(inside), 2):
            yield self.batch(inside[first : first + 2])

    def everything(self, _: Window) -> Iterator[Batch]:
        """All calls, whatever is requested."""
        yield self.batch(self.rows)

    def up_to(self, longest: timedelta, *, after: int = 0) -> FakeCalls:
        """Read windows up to some length; longer ones are too large."""
        too_large = WindowTooLarge("too many rows")
        return self.failing(too_large, lambda window: window.length > longest, after=after)

    def failing(
        self,
        failure: Exception,
        where: Callable[[Window], bool] = lambda _: True,
        *,
        after: int | None = 0,
    ) -> FakeCalls:
        """Fail in some windows, after so many responses, or after all of them (None)."""
        before = self.read

        def read(window: Window) -> Iterator[Batch]:
            if not where(window):
                yield from before(window)
                return
            yield from islice(before(window), after)
            raise failure

        self.read = read
        return self

    @override
    def paginator(self, window: Window) -> Paginator[str | None]:
        raise NotImplementedError

    @override
    def build_request(self, window: Window, token: str | None) -> Request:
        raise NotImplementedError

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        (self.scanned if window.scan else self.requested).append(window)
        return self.read_all(window) if window.scan else self.read(window)

    @override
    def planner(self, span: Window, first_step: timedelta) -> Planner:
        return Days(span, first_step=DAY)


class SyncLog(list["list[int] | datetime"]):
    """The ids that a sync emits and the bookmarks that it writes, in their order.

    It is given the bookmark of the run before, and its `as_of`; `pairs` are both as it writes them.
    """

    def __init__(
        self, calls: FakeCalls, bookmark: datetime | None = None, as_of: datetime | None = None
    ) -> None:
        super().__init__()
        given = {VALUE: bookmark, AS_OF: as_of}
        self.state: JSON = {name: format_instant(at) for name, at in given.items() if at}
        self.pairs: list[tuple[datetime | None, datetime | None]] = []
        self._bookmark = Bookmark(self.state, "at", self._written)
        self._failures = calls.run.failures
        self._sync = Sync(calls, None, self._bookmark)
        self.stats = self._sync.stats

    def _written(self) -> None:
        self.append(parse_instant(self.state[VALUE]))
        self.pairs.append((self._bookmark.value, self._bookmark.as_of))

    def run(self) -> SyncLog:
        """Run to the end; raises the failure that the run keeps for its exit code."""
        for batch in self._sync.run():
            if batch:
                self.append([record["id"] for record in batch])
        for name, failure in self._failures.items():
            assert name == FakeCalls.name
            self._failures.clear()
            raise failure
        return self

    @property
    def ids(self) -> list[int]:
        """What was emitted."""
        return [number for ids in self if isinstance(ids, list) for number in ids]

    @property
    def bookmarks(self) -> list[datetime]:
        """What was written."""
        return [bookmark for bookmark in self if isinstance(bookmark, datetime)]


def at(*hours: float) -> list[datetime]:
    """Instants, in hours after the start of the span."""
    return [START + number * HOUR for number in hours]


def windows(*hours: float) -> list[Window]:
    """Windows between such instants, one behind the other."""
    return [Window(*edges) for edges in pairwise(at(*hours))]
