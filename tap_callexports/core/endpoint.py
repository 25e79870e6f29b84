"""An endpoint: what it declares, and what helps it to read a window.

Knows neither the loop over windows (`core/export.py`) nor catalogs, bookmarks and failures of a
run (`core/stream.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.errors import StreamFailed, WindowTooLarge
from tap_callexports.core.http.paginator import PaginationError
from tap_callexports.core.http.policy import MAX_TRIES, Question
from tap_callexports.core.http.reply import MAX_ROWS
from tap_callexports.core.rows.naming import snake_case
from tap_callexports.core.rows.normalise import Normaliser
from tap_callexports.core.rows.rows import Shape
from tap_callexports.core.singer.sdk import BookmarkedStream
from tap_callexports.core.time.instants import SECOND, format_instant
from tap_callexports.core.time.window import TARGET_ROWS, Planner, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.account import Account
    from tap_callexports.core.http.paginator import Paginator
    from tap_callexports.core.http.reply import Reply
    from tap_callexports.core.progress.lines import Progress
    from tap_callexports.core.rows.batch import Batch
    from tap_callexports.core.rows.rows import Row
    from tap_callexports.core.tap import ExportTap
    from tap_callexports.core.time.instants import TimeReader

T = TypeVar("T")
TToken = TypeVar("TToken")
TPage = TypeVar("TPage")


class Endpoint(BookmarkedStream[TToken], Generic[TToken]):
    """One endpoint of a provider.

    Type parameter: the token, which tells one page from the next.
    """

    #: Path of the endpoint below the provider's address, or the setting that holds it.
    path: str
    path_setting: ClassVar[str | None] = None
    #: Columns that tell records apart, and the one bookmarks are named after; None for a full read.
    primary_keys: ClassVar[tuple[str, ...]]
    replication_key: ClassVar[str | None]
    #: Column the server's time range is known to act on; rows outside the range are then dropped.
    filter_field: ClassVar[str | None] = None
    #: Columns that `read_window` looks at, beside keys, replication key and filter field.
    watched: ClassVar[tuple[str, ...]] = ()
    #: Fields of the rows that are not exported: secrets.
    left_out: ClassVar[frozenset[str]] = frozenset()
    #: False where the provider has no time range: one read of everything, each run.
    windowed: ClassVar[bool] = True
    #: Setting that says how far before the bookmark each run reads.
    lookback_setting: ClassVar[str] = "lookback_hours"
    #: Rows behind a row in which it may come again, where a window may hold too many to remember;
    #: None for all of its window and the next one.
    doubles_within: ClassVar[int | None] = None
    #: How many rows a window aims at, at most.
    window_rows: ClassVar[int] = TARGET_ROWS
    #: Setting that lists what is read one by one, each with a bookmark of its own, and the column
    #: that says which of them a row is from; None for a stream without partitions.
    partition_setting: ClassVar[str | None] = None
    partition_column: ClassVar[str]
    #: Whether a request that is too much for the server gets smaller with the window.
    splittable: ClassVar[bool] = True

    #: Whether records go out as they are: JSON, in which values that need no change stay undecoded.
    verbatim = False

    def __init__(self, tap: ExportTap, account: Account) -> None:
        self.account = account
        #: The stream that messages name: another one's, where this one only reads for it.
        self.speaks_as = self.name
        # A catalog sets the SDK's attributes of these names on the instance.
        self.declared_primary_keys = self.primary_keys
        self.declared_replication_key = self.replication_key
        self._run = tap
        self._shape = Shape()
        super().__init__(tap)

    # What an endpoint or its provider says.

    @abstractmethod
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        """Every row of a window as records, a batch for each answer.

        Runs in a worker's thread. Rows may come in any order and more than once; those the filter
        field places outside the window are left out afterwards (`within`).

        Args:
            window: The time range; the user's whole one where the stream is not `windowed`.
            context: The partition, `{partition_column: value}`; None for a stream without any.

        Raises:
            WindowTooLarge: The answer is, or may be, incomplete; the window is split.
            PartlyRead: All rows up to some instant have come; the rest is asked for next.
            FilterIgnored: The server does not apply the time range at all; the rest is read by
                `scan`, which then must not raise it.
            StreamFailed: The window cannot be read.
            RunFailed: The credential was refused.
        """

    @abstractmethod
    @override
    def get_http_request(self, *, page: PageContext[TToken]) -> HTTPRequest:
        """The request of one page, without credential.

        Args:
            page: What to ask for: its token (`token_of`), and the partition.
        """

    def planner(self, span: Window, first_step: timedelta) -> Planner:
        """What cuts a span into the windows that `read_window` is asked for.

        Args:
            span: The time one run reads.
            first_step: How long the first window should be.
        """
        return Planner(span, first_step=first_step, target_rows=self.window_rows)

    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        """A window of a server that ignores time ranges: everything, once.

        To be overridden where `read_window` raises FilterIgnored. Args and Raises: As there.
        """
        return self.read_window(window, context)

    @property
    @abstractmethod
    def times(self) -> TimeReader:
        """How this provider writes times."""

    def name_of(self, field_name: str) -> str:
        """Column name of a provider's field; where there is no such column, it goes to `extra`."""
        return snake_case(field_name)

    def error_for(self, reply: Reply, page: PageContext[TToken]) -> Exception | None:
        """A provider's own reading of a status that is not 2xx.

        Args:
            reply: The answer.
            page: What was asked for.

        Returns:
            What is raised in place of the common reading (`core/http/policy.py`): StreamFailed
            (`fail`) with what the user should do, TransientFailure to ask again, or a signal that
            `read_window` catches. None for the common reading.
        """
        return None

    def report(self) -> None:
        """Log what else there is to say of a run that is over."""

    @property
    def gone(self) -> int:
        """How many calls that were listed were gone when they were asked for, in this run."""
        return 0

    @property
    def endpoint(self) -> str:
        """Path below the provider's address."""
        settings = self.account.settings
        return str(settings[self.path_setting]) if self.path_setting else self.path

    @property
    def lookback(self) -> timedelta:
        """How far before the bookmark each run reads."""
        return timedelta(hours=self.account.settings[self.lookback_setting])

    @property
    def ahead(self) -> timedelta:
        """How far beyond the frozen end each run reads, for rows that lie in the future."""
        return timedelta()

    @property
    def end(self) -> datetime:
        """First instant this run does not read; a user's `end_date` is never passed."""
        end = self.account.end
        return end if self.account.shared.end_date else end + self.ahead

    @property
    def bookmark_may_move(self) -> bool:
        """Whether what was read so far shows that a complete window really is one."""
        return True

    @property
    def windows_at_once(self) -> int:
        """How many windows are read side by side."""
        return int(self.account.settings["max_concurrency"])

    # Helpers for `read_window`.

    @staticmethod
    def token_of(page: PageContext[TToken]) -> TToken:
        """The token of a page `get_http_request` is asked for; `ask` always gives one."""
        assert page.next_page_token is not None  # noqa: S101 - for the type checker
        return page.next_page_token

    def ask(
        self,
        token: TToken,
        decode: Callable[[Reply], T],
        context: Context | None = None,
        *,
        tries: int = MAX_TRIES,
        spooled: bool = False,
    ) -> T:
        """Send the request of one page until it is answered and decoded.

        An answer that is not 2xx raises what `error_for` makes of it, else what follows here.

        Args:
            token: What tells this page from others, for `get_http_request`.
            decode: Makes of a 2xx answer what is wanted; raises TransientFailure for one that is
                not whole or not what the API answers, and it is asked again.
            context: The partition.
            tries: How often it is sent at most.
            spooled: Whether a large answer is decoded as a SpooledReply; otherwise it is too large.

        Returns:
            What `decode` made of the answer.

        Raises:
            WindowTooLarge: The answer is too much for the server, or for memory.
            StreamFailed: No answer came, or a final one.
            RunFailed: The credential was refused.
        """
        page = PageContext(stream_context=context, next_page_token=token)
        question = Question(
            self.get_http_request(page=page),
            self.speaks_as,
            error_for=lambda reply: self.error_for(reply, page),
            tries=tries,
            splittable=self.windowed and self.splittable,
            spooled=spooled,
        )
        return self.account.client.ask(
            question, lambda reply: decode(replace(reply, shape=self._shape))
        )

    def pages(
        self,
        paginator: Paginator[TToken, TPage],
        decode: Callable[[Reply], TPage],
        context: Context | None = None,
    ) -> Iterator[TPage]:
        """Every page of a dialogue.

        Args:
            paginator: Says what to ask for; a new one for each dialogue.
            decode: Makes a page of an answer, as in `ask`.
            context: The partition.

        Raises:
            StreamFailed: As `ask`, and where the paginator finds a contradiction.
            WindowTooLarge: As `ask`.
            RunFailed: As `ask`.
        """
        while not paginator.finished:
            page = self.ask(paginator.current_value, decode, context)
            try:
                paginator.advance(page)
            except PaginationError as error:
                raise self.fail(str(error)) from None
            yield page

    def batch(self, rows: Collection[Row], context: Context | None = None) -> Batch:
        """Rows of one answer as records: JSON where the stream is `verbatim`, else objects.

        Args:
            rows: As the provider sent them.
            context: The partition, or other columns that are the same for all of them.

        Raises:
            WindowTooLarge: There are more than MAX_ROWS of them.
            StreamFailed: A row lacks a primary key.
        """
        if len(rows) > MAX_ROWS:
            raise WindowTooLarge(f"an answer of {len(rows)} rows")
        try:
            return self._normalisers[self.verbatim].batch(rows, context)
        except StreamFailed as failure:
            raise self.fail(str(failure)) from None

    def size_of(self, batch: Batch) -> int:
        """How many rows a batch has because of its window; those without a time come with any."""
        column = self.filter_field
        return len(batch) if column is None else len(batch) - batch[column].count(None)

    def within(self, batch: Batch, window: Window) -> Batch:
        """A batch without the rows the filter field places outside a window.

        Rows without that time stay: no filter can have placed them. `outside` counts the others.
        """
        column = self.filter_field
        if column is None:
            return batch
        start, end, times = format_instant(window.start), format_instant(window.end), batch[column]
        known = list(filter(None, times))
        if not known or (start <= min(known) and max(known) < end):
            return batch
        inside = [row for row, time in enumerate(times) if time is None or start <= time < end]
        selected = batch.select(inside)
        selected.outside += len(batch) - len(inside)
        return selected

    def oldest_first(self, batch: Batch) -> Batch:
        """A batch by replication key, then by primary key: nothing tells how it was asked for."""
        return batch.in_order(str(self.declared_replication_key), self.declared_primary_keys)

    def far_outside(self, batch: Batch, window: Window) -> bool:
        """Whether rows show that the server does not filter: more than a second outside.

        False for an endpoint without a filter field.
        """
        wider = Window(window.start - SECOND, window.end + SECOND)
        return bool(self.within(batch, wider).outside)

    def fail(self, sentence: str) -> StreamFailed:
        """The failure of this stream, with provider and stream in front.

        Args:
            sentence: What happened and what to do; nothing of a row, and no secret.
        """
        return StreamFailed(f"{self.where}: {sentence}")

    @property
    def where(self) -> str:
        """Provider and stream, the first words of a message."""
        return f"{self.account.title} ({self.speaks_as})"

    @property
    def probing(self) -> bool:
        """Whether this is a connection test."""
        return self._run.probing

    @property
    def progress(self) -> Progress:
        """Where a run says how it gets on."""
        return self._run.progress

    @cached_property
    def _selected(self) -> list[str]:
        return [name for name in self._columns if self.mask.get(("properties", name), True)]

    @cached_property
    def _columns(self) -> dict[str, Any]:
        declared: Mapping[str, Any] = self.schema["properties"]
        wanted = self.effective_schema["properties"]
        return {name: column for name, column in declared.items() if name in wanted}

    @cached_property
    def _normalisers(self) -> dict[bool, Normaliser]:
        """One for values that may stay undecoded, one for those that may not."""
        watched = (self.declared_replication_key, self.filter_field, *self.watched)
        return {
            verbatim: Normaliser(
                {"properties": self._columns},
                primary_keys=self.declared_primary_keys,
                times=self.times,
                name_of=self.name_of,
                left_out=self.left_out,
                watched=[name for name in watched if name in self._columns],
                as_json=self._selected if verbatim else None,
            )
            for verbatim in (False, True)
        }
