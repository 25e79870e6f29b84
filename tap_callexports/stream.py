"""A stream: an endpoint as the SDK runs it, with its catalog, its bookmarks and its failures.

Knows neither how a span is read (`sync.py`) nor what is asked (the endpoint).
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL

from tap_callexports.compat import override
from tap_callexports.endpoint import Endpoint
from tap_callexports.errors import Forbidden, StreamFailed, TestFinished, WindowTooLarge
from tap_callexports.progress.stats import COMPLETE, FAILED, FORBIDDEN
from tap_callexports.redaction import sanitize
from tap_callexports.singer.catalog import (
    Declared,
    is_selected,
    resolved,
    stream_errors,
    unknown_columns,
)
from tap_callexports.singer.flattening import flattenable
from tap_callexports.singer.input import config_error
from tap_callexports.singer.sdk import quiet
from tap_callexports.singer.state import Bookmark
from tap_callexports.sync import Export

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.helpers.types import Context
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import Catalog

    from tap_callexports.account import Account
    from tap_callexports.export_tap import ExportTap
    from tap_callexports.progress.stats import Stats
    from tap_callexports.records.batch import Record

TToken = TypeVar("TToken")

#: The catalog's place of a column; longer ones are inside of it.
_COLUMN = ("properties", "name")
#: Requests a connection test may send for a stream.
TEST_REQUESTS = 2


class ExportStream(Endpoint[TToken], Generic[TToken]):
    """Base of every stream.

    Type parameter: the token, which tells one page from the next.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # the normaliser has done it

    def __init__(self, tap: ExportTap, account: Account) -> None:
        super().__init__(tap, account)
        self.logger.addFilter(quiet)

    @property
    @override
    def url_base(self) -> str:
        return self.account.url("")

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        """What is read one by one; a connection test tries the first."""
        if self.partition_setting is None:
            return None
        values = dict.fromkeys(self.account.settings[self.partition_setting])
        contexts = [{self.partition_column: value} for value in values]
        return contexts[:1] if self.connection_test else contexts

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take selection and method from the catalog's entry of this stream, if there is one.

        What its schema leaves out of a declared column, or all of it, is not selected.

        Raises:
            ConfigValidationError: The stream is selected, and asked for what it cannot do.
        """
        if given := self._run.entries.get(self.name):
            declared = Declared(
                self.name, self.schema, self.declared_primary_keys, self.declared_replication_key
            )
            if is_selected(given):
                if errors := list(stream_errors(given, declared)):
                    raise config_error(*errors)
                if unknown := unknown_columns(given, declared):
                    self.logger.warning(
                        "--catalog: %s: there is no column %s",
                        self.name,
                        sanitize(", ".join(unknown)),
                    )
            catalog[self.name] = resolved(given, declared)
        super().apply_catalog(catalog)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Records in window order; the bookmark moves as windows close.

        They are objects for the SDK. Where nothing is to be done to them (`passthrough`) they are
        written past it, and nothing is yielded.

        A failure of this stream is kept for the exit code and ends it, so that the streams after
        it still run.

        Raises:
            RunFailed: A record cannot be written.
        """
        if self.partitions == []:
            setting = f"{self.account.name}.{self.partition_setting}"
            self.logger.info("%s: nothing to read, %s is empty", self.where, setting)
            self.progress.nothing(self.name)
            return
        self.passthrough = self.writing and self._unmapped
        export = Export(
            self, context, self._bookmark(context), connection_test=self.connection_test
        )
        self.progress.begin(export.stats)
        try:
            with (
                self._probe(export.stats)
                if self.connection_test
                else self._failures_kept(export.stats)
            ):
                for records in export.batches():
                    if self.passthrough:
                        self._write(records)
                    else:
                        yield from records
        finally:
            if not self.connection_test:
                export.report()
                self.report()
                self.progress.end(export.stats)

    @cached_property
    def _unmapped(self) -> bool:
        """Whether nothing is done to a record: no map, no flattening, no column in parts."""
        if self.connection_test or not self.selected or self.ABORT_AT_RECORD_COUNT is not None:
            return False
        maps, mask = self.stream_maps, self.mask
        in_parts = any(
            len(column) > len(_COLUMN) and not wanted and mask[column[: len(_COLUMN)]]
            for column, wanted in mask.items()
        )
        same = [type(each) is SameRecordTransform and not each.flattening_enabled for each in maps]
        return same == [True] and not in_parts

    def _write(self, records: list[bytes]) -> None:
        """Write JSON records past the SDK, and tell it so."""
        self._run.writer.write_records(self.name, records)
        self._counter.increment(len(records))
        self.state_manager.is_flushed = False

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Records go into files as they are written, behind all that is done to them."""

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        """A record as the SDK can flatten it, where it is to."""
        for each in self.stream_maps:
            if each.flattening_options and each.flattening_enabled:
                return flattenable(row, self.schema, each.flattening_options.max_level)
        return row

    @override
    def get_record_counter(
        self, *, endpoint: str | None = None, log_interval: float = DEFAULT_LOG_INTERVAL
    ) -> Counter:
        self._counter = super().get_record_counter(endpoint=endpoint, log_interval=log_interval)
        return self._counter

    @contextmanager
    def _failures_kept(self, stats: Stats) -> Iterator[None]:
        try:
            yield
            stats.outcome = COMPLETE
        except Forbidden as failure:
            stats.outcome = FORBIDDEN
            if not self.account.shared.skip_forbidden_streams:
                self._run.stream_failed(self.name, failure)
            else:
                self.logger.warning("%s; skipped as skip_forbidden_streams says", failure)
        except WindowTooLarge as failure:
            # A stream that cannot be asked for in halves.
            stats.outcome = FAILED
            self._run.stream_failed(self.name, self.fail(str(failure)))
        except StreamFailed as failure:
            stats.outcome = FAILED
            self._run.stream_failed(self.name, failure)

    @contextmanager
    def _probe(self, stats: Stats) -> Iterator[None]:
        """A connection test: few requests, and one answer is enough."""
        client = self.account.client
        client.test_budget = TEST_REQUESTS
        before = client.answered
        with self._failures_kept(stats):
            try:
                yield
            except WindowTooLarge as failure:
                if client.answered == before:
                    raise self.fail(str(failure)) from None
            except TestFinished:
                if client.answered == before:
                    raise self.fail("no request was answered") from None

    def _bookmark(self, context: Context | None) -> Bookmark | None:
        """The bookmark, None for streams that are read from the start each time."""
        key = self.declared_replication_key
        if key is None or self.replication_method != "INCREMENTAL":
            return None
        writer, state = self._run.state_writer, self.tap_state
        return Bookmark(self.get_context_state(context), key, lambda: writer.write_state(state))
