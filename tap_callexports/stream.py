"""The base class of streams: one endpoint of a provider, read in time windows.

`sync.py` reads its span window by window; `singer/sdk.py` adapts it to the SDK.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, ClassVar, Generic, TypeVar, cast

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.errors import (
    CursorRefused,
    FilterIgnored,
    KeyMissing,
    StreamFailed,
    WindowTooLarge,
)
from tap_callexports.http.paginators import CursorPaginator, Page, PaginationError, Paginator
from tap_callexports.http.request import Request
from tap_callexports.http.response import MAX_ROWS, Response
from tap_callexports.progress.stats import Stats
from tap_callexports.provider import Provider
from tap_callexports.records.batch import Batch
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.mixed import with_texts
from tap_callexports.records.naming import snake_case
from tap_callexports.records.rows import Row
from tap_callexports.records.timestamps import ISO_TIMES, SECOND, TimeReader, format_instant
from tap_callexports.singer.sdk import SingerStream, SingerTap
from tap_callexports.windows import TARGET_ROWS, CappedWindow, Planner, Window, plan

T = TypeVar("T")
TToken = TypeVar("TToken")

#: How far outside a window rows may be: requests may be a little wider than the window.
_MARGIN = 2 * SECOND
#: How often a list that cannot be split is read from its start again after a refused cursor.
_MAX_RESTARTS = 3


class CallStream(SingerStream, Generic[TToken]):
    """One endpoint, read in time windows.

    A subclass declares the endpoint (attributes below), how a window is paginated (`paginator`),
    how a page is requested (`build_request`), and, if the envelope is unusual, how a response is
    parsed (`parse_page`). The type parameter is the paginator's token.
    """

    #: Path of the endpoint below the provider's address, or the setting that holds it.
    path: ClassVar[str]
    path_setting: ClassVar[str | None] = None
    primary_keys: ClassVar[tuple[str, ...]]
    #: None for a full table.
    replication_key: ClassVar[str | None]
    #: Column that the provider's time range is known to act on; rows outside a window are dropped.
    filter_field: ClassVar[str | None] = None
    #: Length of the smallest window; if that cannot be read, the stream fails.
    granularity: ClassVar[timedelta] = SECOND
    #: False if the endpoint has no time range: each run reads all of it.
    windowed: ClassVar[bool] = True
    #: Whether responses get smaller with the window, so that a too large one can be split.
    splittable: ClassVar[bool] = True
    #: Field of a response with its rows; None if the response is the list of rows.
    rows_field: ClassVar[str | None] = "items"
    #: Names of other fields of a response, by field of `Page`.
    page_fields: ClassVar[Mapping[str, str]] = {}
    #: Fields, or paths inside them (`Exclusions`), that are never exported.
    excluded_fields: ClassVar[frozenset[str]] = frozenset()
    #: Fields or columns in which every key that names a secret is removed at any depth.
    secrets_inside: ClassVar[frozenset[str]] = frozenset()
    #: Setting with the hours that each run reads again.
    lookback_setting: ClassVar[str] = "lookback_hours"
    #: Setting that lists the partitions, each with its own bookmark, and their column.
    partition_setting: ClassVar[str | None] = None
    partition_column: ClassVar[str]
    #: Setting that lists ids with one bookmark, requested one by one per window, and their column.
    ids_setting: ClassVar[str | None] = None
    ids_column: ClassVar[str]
    #: Whether to sort the rows of a window by time, because the server may not.
    sorts_rows: ClassVar[bool] = False
    #: Most rows that a window is planned to hold.
    target_rows: ClassVar[int] = TARGET_ROWS
    #: Whether one row outside a window shows that the server ignores the time range.
    strict_filter: ClassVar[bool] = False
    #: Whether to read everything if it does; else the stream fails.
    can_scan: ClassVar[bool] = True
    #: Deduplicate among this many rows instead of two windows, which may be too large for memory.
    dedupe_window: ClassVar[int | None] = None

    def __init__(self, tap: SingerTap, provider: Provider) -> None:
        self.provider = provider
        self.run = provider.run
        self.name = provider.stream_name(type(self))
        #: The stream's name in messages; a list stream has that of its `DetailStream`.
        self.log_name = self.name
        #: Whether records are written as JSON without the SDK; most values are never decoded then.
        self.passthrough = False
        #: Of the stream or the current partition.
        self.stats = Stats(self.name)
        if self.run.nested_mixed_as_text:
            self.schema = with_texts(self.schema)  # type: ignore[misc] # endpoints set it, too
        super().__init__(tap)
        if self.run.nested_mixed_as_text:
            # A catalog may have been discovered without the setting.
            self.entry = self.entry and {**self.entry, "schema": with_texts(self.entry["schema"])}

    def paginator(self, window: Window) -> Paginator[TToken]:
        """A new paginator for a window; by default it follows the cursor of `page_fields`."""
        name = self.page_fields["cursor"]
        return cast("Paginator[Any]", CursorPaginator(name, keys=self.declared_primary_keys))

    @abstractmethod
    def build_request(self, window: Window, token: TToken) -> Request:
        """The request (`get` or `post`) for a page; `window.only` names the partition."""

    def parse_page(self, response: Response, window: Window) -> Page:
        """Parse a 2xx response.

        Raises:
            TransientFailure: The response is invalid; the request is sent again.
            WindowTooLarge: It holds too many rows.
            KeyMissing: A row lacks a primary key.
        """
        names = self.page_fields
        rows, body = response.list_of_rows(self.rows_field, *names.values())
        fields = {field: body.get(name) for field, name in names.items()}
        return Page(self.batch(rows, window.only if self.partition_setting else None), **fields)

    def error_for(self, response: Response, request: Request) -> Exception | None:
        """The exception for a status that is not 2xx; None for the default in `http/retry.py`.

        A failure (`fail`) ends the stream, TransientFailure sends the request again, WindowTooLarge
        splits the window.
        """
        return None

    @property
    def endpoint(self) -> str:
        """Path below the provider's address."""
        return str(self.provider.settings[self.path_setting]) if self.path_setting else self.path

    @property
    def filter_ignored_text(self) -> str:
        """The message if the server ignores the time range."""
        return "the server does not apply the time range"

    @property
    def ids_ignored_failure(self) -> StreamFailed:
        """The failure if a response has rows of another id than the requested one."""
        return self.fail(
            f"requested one id of {self.provider.name}.{self.ids_setting}, and the response has "
            "rows of another one: the server ignores this filter"
        )

    def column_of(self, field: str) -> str:
        """Column name of a provider's field, without a suffix for the unit of an instant."""
        return snake_case(field).removesuffix("_unix_secs")

    @property
    def tracked_columns(self) -> tuple[str, ...]:
        """Columns that reading needs, beside keys, replication key and filter field.

        The schema may lack them.
        """
        return ()

    def report(self) -> None:
        """Log more at the end of the stream."""

    @property
    def times(self) -> TimeReader:
        """Parses the provider's times."""
        return ISO_TIMES

    @property
    def lookback(self) -> timedelta:
        """How much time before the last run each run reads again."""
        return timedelta(hours=self.provider.settings[self.lookback_setting])

    @property
    def ahead(self) -> timedelta:
        """How far beyond the cutoff each run reads, for rows in the future."""
        return timedelta()

    @property
    def end(self) -> datetime:
        """First instant this run does not read, never after `end_date`."""
        cutoff = self.provider.cutoff
        return cutoff if self.run.end_date else cutoff + self.ahead

    @property
    def cap(self) -> Cap | None:
        """The cap on responses of an API without cursors (`CappedPage`)."""
        return None

    @property
    def workers(self) -> int:
        """How many windows are read concurrently."""
        return int(self.provider.settings["max_concurrency"])

    @property
    def bookmark_may_move(self) -> bool:
        """Whether to trust that windows read so far are complete."""
        return True

    def planner(self, span: Window, first_step: timedelta) -> Planner:
        """Plans the windows of a span."""
        return plan(span, first_step, target_rows=self.target_rows, cap=self.cap)

    def cap_for(self, window: Window) -> Cap:
        """The cap as known when the window was planned."""
        cap = window.cap if isinstance(window, CappedWindow) else self.cap
        assert cap is not None  # noqa: S101 - the stream has one
        return cap

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Every row of a window as records, perhaps with duplicates.

        Raises:
            WindowTooLarge, Unreadable: The window has to be split.
            FilterIgnored: The server does not apply the time range.
            StreamFailed: The window cannot be read.
        """
        ids = self.provider.settings[self.ids_setting] if self.ids_setting else []
        if not ids:
            batches = self.read_pages(window)
            yield from map(self.oldest_first, batches) if self.sorts_rows else batches
            return
        known: set[object] = set()
        found = []
        for each in ids:
            batch = Batch.joined([*self.read_pages(replace(window, only={self.ids_column: each}))])
            keys = set(batch.keys(self.declared_primary_keys))
            if keys & known:
                raise self.ids_ignored_failure
            known |= keys
            found.append(batch)
        yield self.oldest_first(Batch.joined(found))

    def read_pages(self, window: Window) -> Iterator[Batch]:
        """Request the pages of a window."""
        paginator, restarts = self.paginator(window), 0
        while not paginator.finished:
            request = self.build_request(window, paginator.token)
            request = replace(
                request,
                splittable=request.splittable and not window.scan,
                cursor=paginator.cursor_name if paginator.token else None,
            )
            try:
                page = self.send(request, partial(self.parse_page, window=window))
            except CursorRefused as refusal:
                if restarts == _MAX_RESTARTS:
                    raise self.fail(f"{refusal}; gave up after {restarts} restarts") from None
                self.logger.info(
                    "%s: %s; reading the list from its start again", self.where, refusal
                )
                paginator, restarts = self.paginator(window), restarts + 1
                continue
            except WindowTooLarge:
                paginator.note_overload()
                raise
            self.check_page(page, window)
            try:
                batches = paginator.advance(page)
            except PaginationError as error:
                raise self.fail(str(error)) from None
            yield from batches

    def check_page(self, page: Page, window: Window) -> None:
        """Raise FilterIgnored, or a failure, if a page shows that the time range is ignored."""
        if window.scan or not self.strict_filter:
            return
        wider = replace(window, start=window.start - _MARGIN, end=window.end + _MARGIN)
        if self.within(page.rows, wider).outside:
            if not self.can_scan:
                raise self.fail(
                    f"{self.filter_ignored_text}, and this list cannot be read as a whole"
                )
            raise FilterIgnored(f"{self.where}: {self.filter_ignored_text}")

    def send(self, request: Request, parse: Callable[[Response], T]) -> T:
        """Send a request, as `HttpClient.send`; responses decode rows with this stream's codec."""

        def parse_and_count(response: Response) -> T:
            response = replace(response, decoder=self._codecs[self.passthrough])
            parsed = parse(response)
            if response.repairs:
                self.stats.repairs.append(response.repairs)
            return parsed

        return self.provider.client.send(request, parse_and_count)

    def get(self, path: str, /, **params: Any) -> Request:  # noqa: ANN401 - any parameter
        """A GET request; parameters that are None are dropped."""
        return self._request(path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Request:
        """A POST request with a JSON body."""
        return self._request(path, json=body)

    def _request(self, path: str, **parts: Any) -> Request:  # noqa: ANN401 - any field of a Request
        return Request(
            self.provider.url(path),
            sender=self.log_name,
            error_for=self.error_for,
            splittable=self.windowed and self.splittable,
            **parts,
        )

    def batch(self, rows: Collection[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Make records of rows, as `Codec.batch`; raise WindowTooLarge for more than MAX_ROWS."""
        if len(rows) > MAX_ROWS:
            raise WindowTooLarge(f"a response of {len(rows)} rows")
        try:
            return self._codecs[self.passthrough].batch(rows, added)
        except KeyMissing as failure:
            raise KeyMissing(f"{self.where}: {failure}", others=failure.others) from None

    @cached_property
    def _codecs(self) -> dict[bool, Codec]:
        """By whether records are JSON."""
        tracked = (self.declared_replication_key, self.filter_field, *self.tracked_columns)
        return {
            as_json: Codec(
                self.schema,
                primary_keys=self.declared_primary_keys,
                times=self.times,
                name_of=self.column_of,
                exclusions=Exclusions(self.excluded_fields, self.secrets_inside),
                tracked_columns=[n for n in tracked if n and n in self.schema["properties"]],
                selected=self.selected_columns,
                as_json=as_json,
            )
            for as_json in (False, True)
        }

    def within(self, batch: Batch, window: Window) -> Batch:
        """Drop and count rows whose filter field is outside the window; those without it stay."""
        if self.filter_field is None:
            return batch
        start, end = format_instant(window.start), format_instant(window.end)
        return batch.between(self.filter_field, start, end)

    def rows_of(self, batch: Batch) -> int:
        """How many rows of a batch the window holds: rows without a time come with any window."""
        column = self.filter_field
        return len(batch) if column is None else len(batch) - batch[column].count(None)

    def oldest_first(self, batch: Batch) -> Batch:
        """Sort a batch by replication key, then by primary key."""
        return batch.in_order(str(self.declared_replication_key), self.declared_primary_keys)

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """The partitions; in a connection test only the first."""
        if self.partition_setting is None:
            return None
        values = dict.fromkeys(self.provider.settings[self.partition_setting])
        contexts = [{self.partition_column: value} for value in values]
        return contexts[:1] if self.run.connection_test else contexts

    @property
    def where(self) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.provider.title} ({self.log_name})"

    def fail(self, sentence: str) -> StreamFailed:
        """A failure of this stream: what happened and what to do, without data or secrets."""
        return StreamFailed(f"{self.where}: {sentence}")
