"""An endpoint without a server, and what an export does with it, told in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from singer_sdk import Stream
from singer_sdk.helpers.types import Context
from singer_sdk.streams.rest import HTTPRequest, PageContext
from tap_callexports.export_tap import ExportTap

from tap_callexports.compat import override
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, TapSettings
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import ISO_TIMES, UTC, format_instant, parse_instant
from tap_callexports.singer.state import AS_OF, VALUE, Bookmark
from tap_callexports.stream import CallStream
from tap_callexports.sync import Export
from tap_callexports.windows import ClosedWindow, Planner, Window

JSON = dict[str, Any]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2024, 5, 1, tzinfo=UTC)
#: What a first run reads.
SPAN = Window(START, START + 4 * DAY)
#: The ids of the calls there are if no times are given: one every six hours.
ALL = list(range(16))


class Nobody(ExportTap):
    """A tap without streams."""

    name = "tap-test"
    config_jsonschema = {"properties": {}}

    @override
    def checked_config(self, config: JSON) -> tuple[JSON, list[str]]:
        return config, []

    @override
    def discover_streams(self) -> list[Stream]:
        return []


class Lonely(Provider):
    """An account at nobody's."""

    name, title, credentials = "lonely", "Lonely", (("key",), ("user", "password"))

    @property
    @override
    def auth(self) -> Auth:
        return lambda request: request


def account(end_date: datetime | None = None, **settings: object) -> Lonely:
    """An account in a run that begins when the span is over."""
    shared = TapSettings(START, end_date, SPAN.end, 5, 7, False, "test/1")  # noqa: FBT003 - as declared
    defaults = {"api_url": "https://lonely.example", "max_concurrency": 1}
    times = {"settle_minutes": 0, "lookback_hours": 0}
    return Lonely({**defaults, **times, **settings}, shared, logging.getLogger("test"))


class Days(Planner):
    """Windows of a day each, whatever they hold."""

    @override
    def learn(self, closed: ClosedWindow) -> None: ...


class Calls(CallStream[int]):
    """Calls in the order of time.

    Args:
        times: When they start, after the start of the span; every six hours by default.
        settings: Of the account.
    """

    name = "test_calls"
    path = "/calls"
    url_base = ""
    primary_keys = ("id",)
    replication_key = "at"
    filter_field = "at"
    times = ISO_TIMES
    schema = {
        "properties": {
            "id": {"type": "integer"},
            "at": {"type": ["string", "null"], "format": "date-time"},
            "seconds": {"type": ["integer", "null"]},
        }
    }

    def __init__(self, *times: timedelta, **settings: Any) -> None:
        super().__init__(Nobody(config={}), account(**settings))
        times = times or tuple(number * 6 * HOUR for number in ALL)
        self.rows: list[JSON] = [
            {"id": number, "at": format_instant(START + time)} for number, time in enumerate(times)
        ]
        #: The windows that were asked for, and those that were scanned.
        self.asked: list[Window] = []
        self.scanned: list[Window] = []
        #: How they are answered.
        self.read: Callable[[Window], Iterator[Batch]] = self.inside
        self.read_all: Callable[[Window], Iterator[Batch]] = self.everything

    def inside(self, window: Window) -> Iterator[Batch]:
        """The calls of a window, two in an answer."""
        rows = [row for row in self.rows if row["at"]]
        inside = [row for row in rows if window.start <= parse_instant(row["at"]) < window.end]
        for first in range(0, len(inside), 2):
            yield self.batch(inside[first : first + 2])

    def everything(self, _: Window) -> Iterator[Batch]:
        """All calls, whatever is asked for."""
        yield self.batch(self.rows)

    def up_to(self, longest: timedelta) -> Callable[[Window], Iterator[Batch]]:
        """Answers windows up to some length."""

        def read(window: Window) -> Iterator[Batch]:
            if window.length > longest:
                raise WindowTooLarge("too many rows")
            return self.inside(window)

        return read

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        self.asked.append(window)
        return self.read(window)

    @override
    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        self.scanned.append(window)
        return self.read_all(window)

    @override
    def planner(self, span: Window, first_step: timedelta) -> Planner:
        return Days(span, first_step=DAY)

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        return HTTPRequest(url=self.provider.url(f"{self.endpoint}/{self.token_of(page)}"))


class Story(list["list[int] | datetime"]):
    """Ids that are handed over and bookmarks that are written by an export, in their order.

    Args:
        calls: What to read.
        bookmark: Where the run before ended; None for a first run.
        as_of: As of when; None where the state does not say so.
        connection_test: Whether it is a connection test.

    Attributes:
        pairs: Bookmark and `as_of` as they are written.
    """

    def __init__(
        self,
        calls: Calls,
        bookmark: datetime | None = None,
        as_of: datetime | None = None,
        *,
        connection_test: bool = False,
    ) -> None:
        super().__init__()
        given = {VALUE: bookmark, AS_OF: as_of}
        self.state: JSON = {name: format_instant(at) for name, at in given.items() if at}
        self.pairs: list[tuple[datetime | None, datetime | None]] = []
        self._bookmark = Bookmark(self.state, "at", self._written)
        self.export = Export(calls, None, self._bookmark, connection_test=connection_test)
        self.stats = self.export.stats

    def _written(self) -> None:
        self.append(parse_instant(self.state[VALUE]))
        self.pairs.append((self._bookmark.value, self._bookmark.as_of))

    def told(self) -> Story:
        """Run to the end."""
        for records in self.export.batches():
            if records:
                self.append([record["id"] for record in records])
        return self

    @property
    def ids(self) -> list[int]:
        """What was handed over."""
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
