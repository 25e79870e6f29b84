"""A stream: an endpoint as the SDK runs it, with its catalog, its bookmarks and its failures.

Knows neither how a span is read (`core/export.py`) nor what is asked (the endpoint).
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.metrics import DEFAULT_LOG_INTERVAL

from tap_callexports.core.compat import override
from tap_callexports.core.endpoint import Endpoint
from tap_callexports.core.errors import Forbidden, ProbeFinished, StreamFailed, WindowTooLarge
from tap_callexports.core.export import Export
from tap_callexports.core.progress.tally import COMPLETE, FAILED, FORBIDDEN
from tap_callexports.core.redact import shown
from tap_callexports.core.singer.catalog import (
    Declared,
    is_selected,
    resolved,
    stream_mistakes,
    unknown_columns,
)
from tap_callexports.core.singer.flattening import flattenable
from tap_callexports.core.singer.input import wrong
from tap_callexports.core.singer.sdk import quiet
from tap_callexports.core.singer.state import Bookmark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.helpers.types import Context
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import Catalog

    from tap_callexports.core.account import Account
    from tap_callexports.core.progress.tally import Tally
    from tap_callexports.core.rows.batch import Record
    from tap_callexports.core.tap import ExportTap

TToken = TypeVar("TToken")

#: The catalog's place of a column; longer ones are inside of it.
_COLUMN = ("properties", "name")
#: Requests a connection test may send for a stream.
PROBE_REQUESTS = 2


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
        return contexts[:1] if self.probing else contexts

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
                if mistakes := list(stream_mistakes(given, declared)):
                    raise wrong(*mistakes)
                if unknown := unknown_columns(given, declared):
                    self.logger.warning(
                        "--catalog: %s: there is no column %s",
                        self.name,
                        shown(", ".join(unknown)),
                    )
            catalog[self.name] = resolved(given, declared)
        super().apply_catalog(catalog)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Records in window order; the bookmark moves as windows close.

        They are objects for the SDK. Where nothing is to be done to them (`verbatim`) they are
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
        self.verbatim = self.writing and self._unmapped
        export = Export(self, context, self._bookmark(context), probing=self.probing)
        self.progress.begin(export.tally)
        try:
            with self._probe(export.tally) if self.probing else self._failures_kept(export.tally):
                for records in export.batches():
                    if self.verbatim:
                        self._write(records)
                    else:
                        yield from records
        finally:
            if not self.probing:
                export.report()
                self.report()
                self.progress.end(export.tally)

    @cached_property
    def _unmapped(self) -> bool:
        """Whether nothing is done to a record: no map, no flattening, no column in parts."""
        if self.probing or not self.selected or self.ABORT_AT_RECORD_COUNT is not None:
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
    def _failures_kept(self, tally: Tally) -> Iterator[None]:
        try:
            yield
            tally.outcome = COMPLETE
        except Forbidden as failure:
            tally.outcome = FORBIDDEN
            if not self.account.shared.skip_forbidden_streams:
                self._run.stream_failed(self.name, failure)
            else:
                self.logger.warning("%s; skipped as skip_forbidden_streams says", failure)
        except WindowTooLarge as failure:
            # A stream that cannot be asked for in halves.
            tally.outcome = FAILED
            self._run.stream_failed(self.name, self.fail(str(failure)))
        except StreamFailed as failure:
            tally.outcome = FAILED
            self._run.stream_failed(self.name, failure)

    @contextmanager
    def _probe(self, tally: Tally) -> Iterator[None]:
        """A connection test: few requests, and one answer is enough."""
        client = self.account.client
        client.probe_budget = PROBE_REQUESTS
        before = client.answered
        with self._failures_kept(tally):
            try:
                yield
            except WindowTooLarge as failure:
                if client.answered == before:
                    raise self.fail(str(failure)) from None
            except ProbeFinished:
                if client.answered == before:
                    raise self.fail("no request was answered") from None

    def _bookmark(self, context: Context | None) -> Bookmark | None:
        """The bookmark, None for streams that are read from the start each time."""
        key = self.declared_replication_key
        if key is None or self.replication_method != "INCREMENTAL":
            return None
        writer, state = self._run.state_writer, self.tap_state
        return Bookmark(self.get_context_state(context), key, lambda: writer.write_state(state))
