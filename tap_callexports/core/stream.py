"""A windowed export as a Singer stream: span, windows, records, bookmark.

The loop around an endpoint. What a window's requests and answers look like is the provider's
(`read_window`); everything here is the same for all of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.streams.rest import PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.doubles import Doubles
from tap_callexports.core.errors import (
    FilterIgnored,
    Forbidden,
    ProbeFinished,
    StreamFailed,
    WindowTooLarge,
)
from tap_callexports.core.fetch_ahead import Event, fetch_ahead
from tap_callexports.core.http import MAX_TRIES, Question
from tap_callexports.core.instants import format_instant
from tap_callexports.core.naming import snake_case
from tap_callexports.core.normalise import Batch, Normaliser, Record, Row
from tap_callexports.core.paginator import PaginationError, Paginator
from tap_callexports.core.sdk import BookmarkedStream
from tap_callexports.core.state import bookmark_of, set_bookmark
from tap_callexports.core.window import FIRST_STEP, QUIET, Closed, Planner, Window, span_of

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_callexports.core.provider import Provider
    from tap_callexports.core.reply import Reply
    from tap_callexports.core.tap import ExportTap

T = TypeVar("T")
TToken = TypeVar("TToken")
TPage = TypeVar("TPage")

#: What a connection test asks for.
PROBE_SPAN = timedelta(days=7)
PROBE_REQUESTS = 2


@dataclass(slots=True)
class Tally:
    """What happened in one run of a stream, for its last log line."""

    rows: int = 0
    requests: int = 0
    windows: int = 0
    doubles: int = 0
    outside: int = 0
    misfits: Counter[str] = field(default_factory=Counter)


class ExportStream(BookmarkedStream[TToken], Generic[TToken]):
    """Base of every endpoint.

    Type parameter: what tells one page from the next.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the normaliser has done it

    #: Path of the endpoint below the provider's address.
    path: str
    primary_keys: ClassVar[tuple[str, ...]]  # type: ignore[assignment,misc] # a property in the SDK
    replication_key: ClassVar[str | None]  # type: ignore[assignment,misc] # a property in the SDK
    #: Column the server's time range is known to act on; rows outside the range are then dropped.
    filter_field: ClassVar[str | None] = None
    #: Fields of the rows that are not exported: secrets.
    left_out: ClassVar[frozenset[str]] = frozenset()
    #: Windows cannot be asked for: one read of everything, each run.
    windowed: ClassVar[bool] = True

    def __init__(self, tap: ExportTap, provider: Provider) -> None:
        self.provider = provider
        self.declared_replication_key = self.replication_key
        self.declared_primary_keys = self.primary_keys
        self.tally = Tally()
        self._run = tap
        super().__init__(tap)

    # What an endpoint or its provider says.

    @abstractmethod
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        """Every row of a window, an answer at a time.

        Runs in a worker's thread. Rows may come in any order and more than once.

        Raises:
            WindowTooLarge: The answer is, or may be, incomplete; the window is split.
            FilterIgnored: The server does not apply the time range at all.
            StreamFailed: The window cannot be read.
        """

    @abstractmethod
    def read_time(self, value: object) -> str:
        """Instant text of a time as this provider writes it; ValueError for anything else."""

    def name_of(self, field_name: str) -> str:
        """Column name of a provider's field."""
        return snake_case(field_name)

    def refused(self, reply: Reply, token: TToken) -> Exception | None:  # noqa: ARG002 - a default
        """A provider's own reading of an error status; None for the common one."""
        return None

    # Helpers for `read_window`.

    def ask(
        self,
        token: TToken,
        decode: Callable[[Reply], T],
        context: Context | None = None,
        *,
        tries: int = MAX_TRIES,
    ) -> T:
        """Send the request of one page until it is answered and decoded."""
        page = PageContext(stream_context=context, next_page_token=token)
        question = Question(
            self.get_http_request(page=page),
            self.name,
            refused=lambda reply: self.refused(reply, token),
            tries=tries,
        )
        return self.provider.client.ask(question, decode)

    def pages(
        self,
        paginator: Paginator[TToken, TPage],
        decode: Callable[[Reply], TPage],
        context: Context | None = None,
    ) -> Iterator[TPage]:
        """Every page of a dialogue; what the paginator finds wrong in it fails the stream."""
        while not paginator.finished:
            page = self.ask(paginator.current_value, decode, context)
            try:
                paginator.advance(page)
            except PaginationError as error:
                raise self.fail(str(error)) from None
            yield page

    def batch(self, rows: list[Row], context: Context | None = None) -> Batch:
        """Normalised rows; a partition's context names columns the rows do not hold."""
        try:
            return self._normaliser.batch(rows, context)
        except StreamFailed as failure:
            raise StreamFailed(f"{self.where}: {failure}") from None

    def fail(self, sentence: str) -> StreamFailed:
        """The failure of this stream, with its name in front."""
        return StreamFailed(f"{self.where}: {sentence}")

    # The SDK's side.

    @property
    @override
    def url_base(self) -> str:
        return self.provider.url("")

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and method from a catalog; keys it leaves out are the declared ones.

        Raises:
            StreamFailed: The catalog names another replication key.
        """
        super().apply_catalog(catalog)
        if not self.primary_keys:
            self.primary_keys = self.declared_primary_keys  # type: ignore[misc] # see above
        if self.replication_key not in {None, self.declared_replication_key}:
            raise self.fail(
                f"the catalog's replication key {self.replication_key!r} is not the stream's; "
                f"leave it out or use {self.declared_replication_key!r}"
            )
        self.replication_key = self.declared_replication_key  # type: ignore[misc] # see above

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Records in window order; the bookmark moves as windows close.

        A failure of this stream is kept for the exit code and ends it, so that the streams after
        it still run.
        """
        try:
            yield from self._records(context)
        except ProbeFinished:
            pass
        except WindowTooLarge as failure:
            self._run.stream_failed(self.name, StreamFailed(str(failure)))
        except Forbidden as failure:
            if not self.provider.shared.skip_forbidden_streams:
                self._run.stream_failed(self.name, failure)
            else:
                self.logger.warning("%s; skipped as skip_forbidden_streams says", failure)
        except StreamFailed as failure:
            self._run.stream_failed(self.name, failure)
        finally:
            self._report()

    # The loop.

    def _records(self, context: Context | None) -> Iterator[Record]:
        bookmark = self._bookmark(context)
        span = self._span(bookmark)
        if span is None:
            self.logger.info("nothing new to read")
            return
        self.logger.info("reading %s", span)
        doubles = Doubles(self.declared_primary_keys)
        done = span.start
        try:
            for item in self._emit(self._windows(span, bookmark, context), doubles):
                if isinstance(item, Closed):
                    done = item.window.end
                    self._close(item, context)
                else:
                    yield item
        except FilterIgnored as ignored:
            self.logger.warning("%s; reading the rest as one scan", ignored)
            rest = Window(done, span.end)
            for item in self._emit(self._read(rest, context, scan=True), doubles):
                if isinstance(item, Closed):
                    self._close(item, context)
                else:
                    yield item

    def _windows(
        self, span: Window, bookmark: datetime | None, context: Context | None
    ) -> Iterator[Event]:
        if not self.windowed or self._run.probing:
            return self._read(span, context)
        # After a bookmark the span is mostly the lookback, which an idle run reads in one go.
        first = FIRST_STEP if bookmark is None else self.lookback + FIRST_STEP
        planner = Planner(span, first_step=min(first, QUIET))
        workers = self.provider.settings["max_concurrency"]
        return fetch_ahead(planner, lambda window: self._read(window, context), workers)

    def _read(
        self, window: Window, context: Context | None, *, scan: bool = False
    ) -> Iterator[Event]:
        """One planned window, split as often as its provider asks for."""
        todo, torn = [window], False
        while todo:
            part = todo.pop()
            client = self.provider.client
            before, rows = client.requests_of_thread, 0
            try:
                for batch in self.scan(part, context) if scan else self.read_window(part, context):
                    rows += len(batch.records)
                    yield batch
            except WindowTooLarge as failure:
                halves = part.split()
                if halves is None or self._run.probing or not self.windowed:
                    raise
                self.logger.info("%s; asking %s in halves", failure, part)
                todo += reversed(halves)
                torn = torn or rows > 0
            else:
                sent = client.requests_of_thread - before
                yield Closed(part, rows, sent, whole=not (torn and todo))

    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        """A window of a server that ignores time ranges: everything, once."""
        return self.read_window(window, context)

    def _emit(self, events: Iterator[Event], doubles: Doubles) -> Iterator[Record | Closed]:
        """Records to hand over, without doubles and rows the filter field excludes."""
        for event in events:
            if isinstance(event, Closed):
                self.tally.requests += event.requests
                if event.whole:
                    doubles.next_window()
                yield event
                continue
            self.tally.misfits.update(event.misfits)
            self.tally.outside += event.outside
            for record in event.records:
                if doubles.is_double(record):
                    self.tally.doubles += 1
                else:
                    self.tally.rows += 1
                    yield record

    def within(self, batch: Batch, window: Window) -> Batch:
        """A batch without the rows the filter field places outside a window.

        Rows without that time stay: no filter can have placed them.
        """
        column = self.filter_field
        if column is None:
            return batch
        start, end = format_instant(window.start), format_instant(window.end)
        inside = [
            record
            for record in batch.records
            if record[column] is None or start <= record[column] < end
        ]
        return Batch(inside, batch.misfits, outside=len(batch.records) - len(inside))

    # Span, bookmark, report.

    @property
    def lookback(self) -> timedelta:
        """How far before the bookmark each run reads."""
        return self.provider.lookback

    @property
    def end(self) -> datetime:
        """First instant this run does not read."""
        return self.provider.end

    @cached_property
    def bookmarked(self) -> bool:
        """Whether the stream reads from its bookmark and moves it."""
        return bool(self.replication_key) and self.replication_method == "INCREMENTAL"

    def _span(self, bookmark: datetime | None) -> Window | None:
        shared = self.provider.shared
        if self._run.probing:
            return Window(shared.run_start - PROBE_SPAN, shared.run_start)
        return span_of(
            start_date=shared.start_date,
            end=self.end,
            bookmark=bookmark,
            lookback=self.lookback,
        )

    def _bookmark(self, context: Context | None) -> datetime | None:
        """The bookmark to read from; one from the future is lowered first."""
        if not self.bookmarked or self._run.probing:
            return None
        state = self.get_context_state(context)
        bookmark = bookmark_of(state)
        if bookmark is not None and bookmark > self.provider.shared.run_start:
            settled = self.provider.settled
            self.logger.warning(
                "the bookmark %s lies in the future; lowered to %s",
                format_instant(bookmark),
                format_instant(settled),
            )
            self._move_bookmark(context, settled)
            return settled
        return bookmark

    def _close(self, closed: Closed, context: Context | None) -> None:
        """Log a closed window and move the bookmark to its end, forward only."""
        self.tally.windows += 1
        self.logger.info(
            "%s: %d rows, %d requests",
            closed.window,
            closed.rows,
            closed.requests,
        )
        if not self.bookmarked or self._run.probing:
            return
        bookmark = bookmark_of(self.get_context_state(context))
        if bookmark is None or closed.window.end > bookmark:
            self._move_bookmark(context, closed.window.end)

    def _move_bookmark(self, context: Context | None, end: datetime) -> None:
        if self.declared_replication_key:
            set_bookmark(self.get_context_state(context), self.declared_replication_key, end)
            self._run.state_writer.write_state(self.tap_state)

    def _report(self) -> None:
        tally = self.tally
        self.logger.info(
            "%d records from %d windows and %d requests; %d doubles and %d rows outside the "
            "range left out",
            tally.rows,
            tally.windows,
            tally.requests,
            tally.doubles,
            tally.outside,
        )
        for column, count in sorted(tally.misfits.items()):
            self.logger.warning(
                "%d values did not fit column %s; they are in extra",
                count,
                column,
            )

    @property
    def where(self) -> str:
        return f"{self.provider.title} ({self.name})"

    @cached_property
    def _normaliser(self) -> Normaliser:
        declared: Mapping[str, Any] = self.schema["properties"]
        wanted = self.effective_schema["properties"]
        columns = {name: column for name, column in declared.items() if name in wanted}
        return Normaliser(
            {"properties": columns},
            primary_keys=self.declared_primary_keys,
            instant=self.read_time,
            name_of=self.name_of,
            left_out=self.left_out,
        )
