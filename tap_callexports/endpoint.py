"""An endpoint: what it declares, and how a window of it becomes records.

Knows neither requests (`asking.py`) nor the loop over windows (`sync.py`) nor
catalogs, bookmarks and failures of a run (`stream.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from tap_callexports.asking import AskingStream
from tap_callexports.capped_windows import CappedPlanner
from tap_callexports.compat import override
from tap_callexports.errors import KeyMissing, WindowTooLarge
from tap_callexports.http.response import MAX_ROWS
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.naming import snake_case
from tap_callexports.records.timestamps import SECOND, format_instant
from tap_callexports.windows import TARGET_ROWS, Planner, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from singer_sdk.helpers.types import Context

    from tap_callexports.account import Account
    from tap_callexports.export_tap import ExportTap
    from tap_callexports.http.capped import Cap
    from tap_callexports.records.batch import Batch
    from tap_callexports.records.rows import Row
    from tap_callexports.records.timestamps import TimeReader

TToken = TypeVar("TToken")


class Endpoint(AskingStream[TToken], Generic[TToken]):
    """One endpoint of a provider.

    Type parameter: the token, which tells one page from the next.
    """

    #: Columns that tell records apart, and the one bookmarks are named after; None for a full read.
    primary_keys: ClassVar[tuple[str, ...]]
    replication_key: ClassVar[str | None]
    #: Column the server's time range is known to act on; rows outside the range are then dropped.
    filter_field: ClassVar[str | None] = None
    #: Columns that `read_window` looks at, beside keys, replication key and filter field.
    tracked_columns: ClassVar[tuple[str, ...]] = ()
    #: What of the rows is not exported: fields, or paths inside of them (`records/exclusions.py`).
    excluded_fields: ClassVar[frozenset[str]] = frozenset()
    #: Fields, or their columns, in which every key that names a secret is removed at any depth.
    secrets_inside: ClassVar[frozenset[str]] = frozenset()
    #: Setting that says how far before the last run each run reads.
    lookback_setting: ClassVar[str] = "lookback_hours"
    #: Rows behind a row in which it may come again, where a window may hold too many to remember;
    #: None for all of its window and the next one.
    dedupe_window: ClassVar[int | None] = None
    #: How many rows a window aims at, at most.
    window_rows: ClassVar[int] = TARGET_ROWS
    #: Setting that lists what is read one by one, each with a bookmark of its own, and the column
    #: that says which of them a row is from; None for a stream without partitions.
    partition_setting: ClassVar[str | None] = None
    partition_column: ClassVar[str]

    #: Whether records go out as they are: JSON, in which values that need no change stay undecoded.
    passthrough = False

    def __init__(self, tap: ExportTap, account: Account) -> None:
        # A catalog sets the SDK's attributes of these names on the instance.
        self.declared_primary_keys = self.primary_keys
        self.declared_replication_key = self.replication_key
        #: Windows and calls of this run that could not be read and were passed, in words.
        self.skipped: list[str] = []
        super().__init__(tap, account)

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
            FilterIgnored: The server does not apply the time range at all; the rest is read by
                `scan`, which then must not raise it.
            Unreadable: The provider answers, but not for this window; it is split.
            StreamFailed: The window cannot be read.
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """

    def planner(self, span: Window, first_step: timedelta) -> Planner:
        """What cuts a span into the windows that `read_window` is asked for.

        Args:
            span: The time one run reads.
            first_step: How long the first window should be.
        """
        rows, cap = self.window_rows, self.cap
        if cap is not None:
            return CappedPlanner(span, first_step=first_step, cap=cap, target_rows=rows)
        return Planner(span, first_step=first_step, target_rows=rows)

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

    def report(self) -> None:
        """Log what else there is to say of a run that is over."""

    @property
    def gone(self) -> int:
        """How many calls that were listed were gone when they were asked for, in this run."""
        return 0

    @property
    def lookback(self) -> timedelta:
        """How far before the last run each run reads."""
        return timedelta(hours=self.account.settings[self.lookback_setting])

    @property
    def ahead(self) -> timedelta:
        """How far beyond the cutoff each run reads, for rows that lie in the future."""
        return timedelta()

    @property
    def end(self) -> datetime:
        """First instant this run does not read; a user's `end_date` is never passed."""
        cutoff = self.account.cutoff
        return cutoff if self.account.shared.end_date else cutoff + self.ahead

    @property
    def bookmark_may_move(self) -> bool:
        """Whether what was read so far shows that a complete window really is one."""
        return True

    @property
    def cap(self) -> Cap | None:
        """What is known of the cap on responses, of an API without cursors (`CappedPage`).

        Windows then aim at what one response should hold.
        """
        return None

    @property
    def windows_at_once(self) -> int:
        """How many windows are read side by side."""
        return int(self.account.settings["max_concurrency"])

    # Helpers for `read_window`.

    def batch(self, rows: Collection[Row], context: Context | None = None) -> Batch:
        """Rows of one answer as records: JSON where the stream is `passthrough`, else objects.

        Args:
            rows: As the provider sent them.
            context: The partition, or other columns that are the same for all of them.

        Raises:
            WindowTooLarge: There are more than MAX_ROWS of them.
            KeyMissing: A row lacks a primary key.
        """
        if len(rows) > MAX_ROWS:
            raise WindowTooLarge(f"an answer of {len(rows)} rows")
        try:
            return self.codec.batch(rows, context)
        except KeyMissing as failure:
            raise KeyMissing(f"{self.where}: {failure}", others=failure.others) from None

    def size_of(self, batch: Batch) -> int:
        """How many rows a batch has because of its window; those without a time come with any."""
        column = self.filter_field
        return len(batch) if column is None else len(batch) - batch[column].count(None)

    def within(self, batch: Batch, window: Window) -> Batch:
        """A batch without the rows the filter field places outside a window.

        Rows without that time stay: no filter can have placed them. `outside` counts the others.
        """
        if self.filter_field is None:
            return batch
        start, end = format_instant(window.start), format_instant(window.end)
        return batch.between(self.filter_field, start, end)

    def oldest_first(self, batch: Batch) -> Batch:
        """A batch by replication key, then by primary key: nothing tells how it was asked for."""
        return batch.in_order(str(self.declared_replication_key), self.declared_primary_keys)

    def violates_filter(self, batch: Batch, window: Window) -> bool:
        """Whether rows show that the server does not filter: more than a second outside.

        False for an endpoint without a filter field.
        """
        wider = Window(window.start - SECOND, window.end + SECOND)
        return bool(self.within(batch, wider).outside)

    @property
    def _selected(self) -> list[str]:
        """The columns of its records, as in its SCHEMA.

        Of a stream that is not selected no record is written; another stream may use them.
        """
        if not self.selected:
            return list(self.schema["properties"])
        columns = self.effective_schema["properties"]
        return [name for name in columns if self.mask["properties", name]]

    @property
    @override
    def codec(self) -> Codec:
        return self._codecs[self.passthrough]

    @cached_property
    def _codecs(self) -> dict[bool, Codec]:
        """One that makes JSON, and one that makes objects."""
        tracked_columns = (self.declared_replication_key, self.filter_field, *self.tracked_columns)
        return {
            passthrough: Codec(
                self.schema,
                primary_keys=self.declared_primary_keys,
                times=self.times,
                name_of=self.name_of,
                exclusions=Exclusions(self.excluded_fields, self.secrets_inside),
                tracked_columns=[
                    name for name in tracked_columns if name and name in self.schema["properties"]
                ],
                selected=self._selected,
                as_json=passthrough,
            )
            for passthrough in (False, True)
        }
