"""An endpoint as a Singer stream: what it declares, and the SDK's side of it.

Knows neither a provider's requests nor the loop over windows (`core/export.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.streams.rest import PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.errors import Forbidden, ProbeFinished, StreamFailed, WindowTooLarge
from tap_callexports.core.export import Export
from tap_callexports.core.instants import SECOND, format_instant
from tap_callexports.core.manners import MAX_TRIES, Question
from tap_callexports.core.naming import snake_case
from tap_callexports.core.normalise import Batch, Normaliser
from tap_callexports.core.paginator import PaginationError
from tap_callexports.core.sdk import BookmarkedStream, quiet
from tap_callexports.core.state import Bookmark
from tap_callexports.core.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_callexports.core.normalise import Record, Row
    from tap_callexports.core.paginator import Paginator
    from tap_callexports.core.provider import Provider
    from tap_callexports.core.reply import Reply
    from tap_callexports.core.tap import ExportTap

T = TypeVar("T")
TToken = TypeVar("TToken")
TPage = TypeVar("TPage")

#: Requests a connection test may send for a stream.
PROBE_REQUESTS = 2


class ExportStream(BookmarkedStream[TToken], Generic[TToken]):
    """Base of every endpoint.

    Type parameter: what tells one page from the next.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the normaliser has done it

    #: Path of the endpoint below the provider's address.
    path: str
    primary_keys: ClassVar[tuple[str, ...]]
    replication_key: ClassVar[str | None]
    #: Column the server's time range is known to act on; rows outside the range are then dropped.
    filter_field: ClassVar[str | None] = None
    #: Fields of the rows that are not exported: secrets.
    left_out: ClassVar[frozenset[str]] = frozenset()
    #: False where the provider has no time range: one read of everything, each run.
    windowed: ClassVar[bool] = True

    def __init__(self, tap: ExportTap, provider: Provider) -> None:
        self.provider = provider
        # A catalog sets the SDK's attributes of these names on the instance.
        self.declared_primary_keys = self.primary_keys
        self.declared_replication_key = self.replication_key
        self._run = tap
        super().__init__(tap)
        self.logger.addFilter(quiet)

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

    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        """A window of a server that ignores time ranges: everything, once."""
        return self.read_window(window, context)

    @abstractmethod
    def read_time(self, value: object) -> str:
        """Instant text of a time as this provider writes it; ValueError for anything else."""

    def name_of(self, field_name: str) -> str:
        """Column name of a provider's field."""
        return snake_case(field_name)

    def refused(self, reply: Reply, token: TToken) -> Exception | None:
        """A provider's own reading of an error status; None for the common one."""
        return None

    @property
    def lookback(self) -> timedelta:
        """How far before the bookmark each run reads."""
        return self.provider.lookback

    @property
    def end(self) -> datetime:
        """First instant this run does not read."""
        return self.provider.end

    # Helpers for `read_window`.

    @staticmethod
    def token_of(page: PageContext[TToken]) -> TToken:
        """The page `get_http_request` is asked for; `ask` always names one."""
        assert page.next_page_token is not None  # noqa: S101 - for the type checker
        return page.next_page_token

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
            splittable=self.windowed,
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

    def batch(self, rows: Sequence[Row], context: Context | None = None) -> Batch:
        """Normalised rows; a partition's context names columns the rows do not hold."""
        try:
            return self._normaliser.batch(rows, context)
        except StreamFailed as failure:
            raise self.fail(str(failure)) from None

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

    def far_outside(self, batch: Batch, window: Window) -> bool:
        """Whether rows show that the server does not filter: more than a second outside."""
        wider = Window(window.start - SECOND, window.end + SECOND)
        return bool(self.within(batch, wider).outside)

    def fail(self, sentence: str) -> StreamFailed:
        """The failure of this stream, with provider and stream in front."""
        return StreamFailed(f"{self.where}: {sentence}")

    @property
    def where(self) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.provider.title} ({self.name})"

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
        entry = catalog.get_stream(self.name)
        # The SDK prefers the method of the discovered entry, where users set the metadata's.
        if entry and (forced := entry.metadata.root.forced_replication_method):
            self.forced_replication_method = forced
        if not self.primary_keys:
            self.primary_keys = self.declared_primary_keys  # type: ignore[misc] # an SDK property
        if self.replication_key not in {None, self.declared_replication_key}:
            raise self.fail(
                f"the catalog's replication key {self.replication_key!r} is not the stream's; "
                f"leave it out or use {self.declared_replication_key!r}"
            )
        self.replication_key = self.declared_replication_key  # type: ignore[misc] # as above

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Records in window order; the bookmark moves as windows close.

        A failure of this stream is kept for the exit code and ends it, so that the streams after
        it still run.
        """
        export = Export(self, context, self._bookmark(context), probing=self._run.probing)
        client = self.provider.client
        before = client.answered
        if self._run.probing:
            client.probe_budget = PROBE_REQUESTS
        try:
            yield from export.records()
        except ProbeFinished:
            if client.answered > before:
                self.logger.info("connection test passed")
            else:
                self._run.stream_failed(self.name, self.fail("no request was answered"))
        except Forbidden as failure:
            if not self.provider.shared.skip_forbidden_streams:
                self._run.stream_failed(self.name, failure)
            else:
                self.logger.warning("%s; skipped as skip_forbidden_streams says", failure)
        except WindowTooLarge as failure:
            # In halves it cannot be asked for, or a connection test does not ask further.
            if not self._run.probing or client.answered == before:
                self._run.stream_failed(self.name, self.fail(str(failure)))
        except StreamFailed as failure:
            self._run.stream_failed(self.name, failure)
        finally:
            if not self._run.probing:
                export.report()

    def _bookmark(self, context: Context | None) -> Bookmark | None:
        """The bookmark, None for streams that are read from the start each time."""
        key = self.declared_replication_key
        if key is None or self.replication_method != "INCREMENTAL":
            return None
        writer, state = self._run.state_writer, self.tap_state
        return Bookmark(self.get_context_state(context), key, lambda: writer.write_state(state))

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
