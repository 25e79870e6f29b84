"""A stream: one endpoint of a provider, read in time windows.

A subclass declares an endpoint. How its span is read, window by window, is in `sync.py`; what the
SDK sees of it is in `singer/sdk.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from tap_callexports.compat import override
from tap_callexports.errors import FilterIgnored, KeyMissing, StreamFailed, WindowTooLarge
from tap_callexports.http.paginators import Page, PaginationError, Paginator
from tap_callexports.http.request import Request
from tap_callexports.http.response import MAX_ROWS
from tap_callexports.progress.stats import Stats
from tap_callexports.records.batch import Batch
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.naming import snake_case
from tap_callexports.records.timestamps import ISO_TIMES, SECOND, TimeReader, format_instant
from tap_callexports.singer.sdk import SingerStream
from tap_callexports.windows import TARGET_ROWS, CappedWindow, Planner, Window, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from tap_callexports.cap import Cap
    from tap_callexports.http.response import Response
    from tap_callexports.provider import Provider
    from tap_callexports.records.rows import Row
    from tap_callexports.singer.sdk import SingerTap

T = TypeVar("T")
TToken = TypeVar("TToken")

#: How far outside a window rows may be because a request is wider than it.
_MARGIN = 2 * SECOND


class CallStream(SingerStream, Generic[TToken]):
    """One endpoint, read in time windows.

    A subclass declares the endpoint (the attributes below), which pages a window has (`paginator`),
    how a page is requested (`build_request`), and, where the envelope is unusual, how a response is
    parsed (`parse_page`).

    Type parameter: the token, which tells one page of a window from the next.
    """

    #: Path of the endpoint below the provider's address, or the setting that holds it.
    path: ClassVar[str]
    path_setting: ClassVar[str | None] = None
    #: Columns that tell records apart, and the one bookmarks are named after; None for a full read.
    primary_keys: ClassVar[tuple[str, ...]]
    replication_key: ClassVar[str | None]
    #: Column that the provider's time range is known to act on; rows outside a window are dropped.
    filter_field: ClassVar[str | None] = None
    #: Smallest window; one that cannot be read fails the stream.
    granularity: ClassVar[timedelta] = SECOND
    #: False where the provider has no time range: one read of everything, each run.
    windowed: ClassVar[bool] = True
    #: Whether a request that is too much for the server gets smaller with the window.
    splittable: ClassVar[bool] = True
    #: Field of a response that holds its rows; None where the response is the list of rows.
    rows_field: ClassVar[str | None] = "items"
    #: Other fields of a response: its own name for each field of a Page.
    page_fields: ClassVar[Mapping[str, str]] = {}
    #: What of the rows is never exported: fields, or paths inside of them (`Exclusions`).
    excluded_fields: ClassVar[frozenset[str]] = frozenset()
    #: Fields, or their columns, in which every key that names a secret is removed at any depth.
    secrets_inside: ClassVar[frozenset[str]] = frozenset()
    #: Columns that reading a window looks at, beside keys, replication key and filter field.
    tracked_columns: ClassVar[tuple[str, ...]] = ()
    #: Setting that says how far before the last run each run reads.
    lookback_setting: ClassVar[str] = "lookback_hours"
    #: Setting that lists ids which are read one by one, each with a bookmark of its own, and the
    #: column that says which of them a row is from; None for a stream without partitions.
    partition_setting: ClassVar[str | None] = None
    partition_column: ClassVar[str]
    #: The same of ids that share a bookmark: a window is read once for each.
    ids_setting: ClassVar[str | None] = None
    ids_column: ClassVar[str]
    #: Whether the rows of a window are put in order of time, because the server may not do so.
    sorts_rows: ClassVar[bool] = False
    #: How many rows a window aims at, at most.
    target_rows: ClassVar[int] = TARGET_ROWS
    #: Whether a server that ignores the time range is read as a whole; else the stream fails.
    can_scan: ClassVar[bool] = True
    #: Rows after a row in which it may come again, where a window may hold too many to remember;
    #: None for all of its window and the next one.
    dedupe_window: ClassVar[int | None] = None

    def __init__(self, tap: SingerTap, provider: Provider) -> None:
        self.provider = provider
        self.run = provider.run
        #: The stream that messages name: another one's, where this one only reads for it.
        self.log_name = self.name
        #: Whether records go out as they are: JSON, in which most values were never decoded.
        self.passthrough = False
        #: What was read so far of the stream, or of the partition at hand.
        self.stats = Stats(self.name)
        super().__init__(tap)

    # What an endpoint declares.

    @abstractmethod
    def paginator(self, window: Window) -> Paginator[TToken]:
        """How the pages of a window follow each other; a new one each time."""

    @abstractmethod
    def build_request(self, window: Window, token: TToken) -> Request:
        """The request of one page (`get` or `post`), without credential.

        Args:
            window: The time range; `only` names the partition or id, if there is one.
            token: Which page, as the paginator says.
        """

    def parse_page(self, response: Response, window: Window) -> Page:
        """The page in a 2xx response.

        Args:
            response: The response.
            window: What it was requested for.

        Raises:
            TransientFailure: The response is not what the API sends; it is requested again.
            WindowTooLarge: It holds too many rows.
            KeyMissing: A row lacks a primary key.
        """
        names = self.page_fields
        rows, body = response.list_of_rows(self.rows_field, *names.values())
        fields = {field: body.get(name) for field, name in names.items()}
        return Page(self.batch(rows, window.only if self.partition_setting else None), **fields)

    def error_for(self, response: Response, request: Request) -> Exception | None:
        """The provider's own reading of a status that is not 2xx.

        Returns:
            What is raised in place of the common reading (`http/retry.py`): a failure (`fail`)
            that says what to do, TransientFailure to send the request again, WindowTooLarge to
            split the window. None for the common reading.
        """
        return None

    @property
    def endpoint(self) -> str:
        """Path below the provider's address."""
        return str(self.provider.settings[self.path_setting]) if self.path_setting else self.path

    @property
    def filter_ignored(self) -> str:
        """What is said of a server that ignores the time range."""
        return "the server does not apply the time range"

    @property
    def ids_ignored(self) -> StreamFailed:
        """The failure where rows of another id came than the one that was requested."""
        return self.fail(
            f"requested one id of {self.provider.name}.{self.ids_setting}, and the response has "
            "rows of another one: the server does not apply it"
        )

    def column_of(self, field: str) -> str:
        """Column name of a provider's field; where there is no such column, it goes to `extra`."""
        return snake_case(field)

    def report(self) -> None:
        """Log what else there is to say of a run that is over."""

    @property
    def times(self) -> TimeReader:
        """How the provider writes times."""
        return ISO_TIMES

    @property
    def lookback(self) -> timedelta:
        """How far before the last run each run reads."""
        return timedelta(hours=self.provider.settings[self.lookback_setting])

    @property
    def ahead(self) -> timedelta:
        """How far beyond the cutoff each run reads, for rows that lie in the future."""
        return timedelta()

    @property
    def end(self) -> datetime:
        """First instant this run does not read; a user's `end_date` is never passed."""
        cutoff = self.provider.cutoff
        return cutoff if self.run.end_date else cutoff + self.ahead

    @property
    def cap(self) -> Cap | None:
        """What is known of the cap on responses, of an API without cursors (`CappedPage`)."""
        return None

    @property
    def workers(self) -> int:
        """How many windows are read at the same time."""
        return int(self.provider.settings["max_concurrency"])

    @property
    def bookmark_may_move(self) -> bool:
        """Whether what was read so far shows that a complete window really is one."""
        return True

    def planner(self, span: Window, first_step: timedelta) -> Planner:
        """What cuts a span into windows, the first of them so long."""
        return plan(span, first_step, target_rows=self.target_rows, cap=self.cap)

    def cap_for(self, window: Window) -> Cap:
        """What was known of the cap when a window was planned."""
        cap = window.cap if isinstance(window, CappedWindow) else self.cap
        assert cap is not None  # noqa: S101 - the stream has one
        return cap

    # Reading a window; runs in a worker's thread.

    def read_window(self, window: Window) -> Iterator[Batch]:
        """Every row of a window as records; they may repeat.

        Raises:
            WindowTooLarge: The response is, or may be, incomplete; the window is split.
            FilterIgnored: The server does not apply the time range; the rest is read as one scan.
            Unreadable: The provider answers, but not for this window; it is split.
            StreamFailed: The window cannot be read.
            ProviderFailed: The credential was refused, or the host cannot be reached.
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
                raise self.ids_ignored
            known |= keys
            found.append(batch)
        yield self.oldest_first(Batch.joined(found))

    def read_pages(self, window: Window) -> Iterator[Batch]:
        """Request the pages of a window, and give out rows as the paginator says."""
        paginator = self.paginator(window)
        while not paginator.finished:
            request = self.build_request(window, paginator.token)
            if window.scan:
                request = replace(request, splittable=False)
            try:
                page = self.send(request, partial(self.parse_page, window=window))
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
        """Refuse a page with rows outside the window, by more than a request is wider than it."""
        if window.scan:
            return
        wider = replace(window, start=window.start - _MARGIN, end=window.end + _MARGIN)
        if self.within(page.rows, wider).outside:
            if not self.can_scan:
                raise self.fail(f"{self.filter_ignored}, and cannot be read without it")
            raise FilterIgnored(f"{self.where}: {self.filter_ignored}")

    def send(self, request: Request, parse: Callable[[Response], T]) -> T:
        """Send a request until it is answered and parsed.

        Args:
            request: What to send.
            parse: Makes of a 2xx response what is wanted; raises TransientFailure for one that is
                not whole or not what the API sends, and it is requested again.

        Raises:
            WindowTooLarge: The response is too much for the server, or for memory.
            StreamFailed: No response came, or a final one.
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """

        def parse_and_count(response: Response) -> T:
            response = replace(response, decoder=self._codecs[self.passthrough])
            parsed = parse(response)
            if response.repairs:
                self.stats.repairs.append(response.repairs)
            return parsed

        return self.provider.client.send(request, parse_and_count)

    def get(self, path: str, /, **params: Any) -> Request:  # noqa: ANN401 - any parameter
        """A GET request for this stream; parameters that are None are left out."""
        return self._request(path, params=params)

    def post(self, path: str, body: Mapping[str, Any]) -> Request:
        """A POST request for this stream, with a JSON body."""
        return self._request(path, json=body)

    def _request(self, path: str, **parts: Any) -> Request:  # noqa: ANN401 - any field of a Request
        return Request(
            self.provider.url(path),
            sender=self.log_name,
            error_for=self.error_for,
            splittable=self.windowed and self.splittable,
            **parts,
        )

    # From rows to records.

    def batch(self, rows: Collection[Row], added: Mapping[str, Any] | None = None) -> Batch:
        """Rows of one response as records: JSON where they are passed through, else objects.

        Args:
            rows: As the provider sent them.
            added: Columns that are the same for all of them, such as the partition's.

        Raises:
            WindowTooLarge: There are more than MAX_ROWS of them.
            KeyMissing: A row lacks a primary key.
        """
        if len(rows) > MAX_ROWS:
            raise WindowTooLarge(f"a response of {len(rows)} rows")
        try:
            return self._codecs[self.passthrough].batch(rows, added)
        except KeyMissing as failure:
            raise KeyMissing(f"{self.where}: {failure}", others=failure.others) from None

    @cached_property
    def _codecs(self) -> dict[bool, Codec]:
        """One for records that are passed through, one for objects."""
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
        """A batch without the rows that the filter field places outside a window.

        Rows without that time stay: no filter can have placed them. `outside` counts the others.
        """
        if self.filter_field is None:
            return batch
        start, end = format_instant(window.start), format_instant(window.end)
        return batch.between(self.filter_field, start, end)

    def rows_of(self, batch: Batch) -> int:
        """How many rows a batch has because of its window; those without a time come with any."""
        column = self.filter_field
        return len(batch) if column is None else len(batch) - batch[column].count(None)

    def oldest_first(self, batch: Batch) -> Batch:
        """A batch by replication key, then by primary key, however it was requested."""
        return batch.in_order(str(self.declared_replication_key), self.declared_primary_keys)

    # What the SDK asks for.

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """What is read one by one; a connection test tries the first."""
        if self.partition_setting is None:
            return None
        values = dict.fromkeys(self.provider.settings[self.partition_setting])
        contexts = [{self.partition_column: value} for value in values]
        return contexts[:1] if self.run.connection_test else contexts

    # Messages.

    @property
    def where(self) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.provider.title} ({self.log_name})"

    def fail(self, sentence: str) -> StreamFailed:
        """The failure of this stream, with provider and stream in front.

        Args:
            sentence: What happened and what to do; nothing of a row, and no secret.
        """
        return StreamFailed(f"{self.where}: {sentence}")
