"""The loop over the windows of one stream, which moves its bookmark after each window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from singer_sdk.helpers.types import Context

from tap_callexports.errors import (
    FilterIgnored,
    Forbidden,
    StreamFailed,
    TestFinished,
    WindowTooLarge,
)
from tap_callexports.progress.stats import COMPLETE, FAILED, FORBIDDEN, Stats
from tap_callexports.records.batch import Batch, Record
from tap_callexports.records.dedupe import Dedupe
from tap_callexports.records.timestamps import SECOND, UTC, format_instant
from tap_callexports.redaction import sanitize
from tap_callexports.run import TEST_REQUESTS
from tap_callexports.singer.state import Bookmark
from tap_callexports.stream import CallStream
from tap_callexports.window_reader import Event, WindowReader
from tap_callexports.windows import FIRST_STEP, QUIET, ClosedWindow, Window, span_of

#: A connection test reads the last week before the start of the run.
TEST_SPAN = timedelta(days=7)
_FAR = datetime.max.replace(tzinfo=UTC)


def read_stream(stream: CallStream[Any], context: Context | None) -> Iterator[Record]:
    """Yield the records of a stream in window order, and move the bookmark as windows close.

    With passthrough they are written without the SDK, and nothing is yielded. A failure of the
    stream is kept for the exit code, so that the streams after it still run.

    Raises:
        RunFailed: A record cannot be written.
    """
    run = stream.run
    if stream.partitions == []:
        setting = f"{stream.provider.name}.{stream.partition_setting}"
        stream.logger.info("%s: nothing to read, %s is empty", stream.where, setting)
        run.progress.nothing_to_read(stream.name)
        return
    stream.passthrough = stream.writing and stream.is_unmapped and not run.connection_test
    for batch in Sync(stream, context, stream.bookmark(context)).run():
        if stream.passthrough:
            run.writer.write_records(stream.name, batch)
            stream.count_written(len(batch))
        else:
            yield from batch
        # Large responses: the next one is read before another batch takes its place.
        del batch


class Sync:
    """Reads one stream or partition in one run.

    Args:
        stream: The stream.
        context: The partition, `{partition_column: value}`; None for a stream without partitions.
        bookmark: Moves as windows close; None for a full table.
    """

    def __init__(
        self, stream: CallStream[Any], context: Context | None, bookmark: Bookmark | None
    ) -> None:
        self._stream = stream
        self._run = stream.run
        self._only = dict(context or {})
        self._testing = self._run.connection_test
        self._bookmark = None if self._testing else bookmark
        self._logger = stream.logger
        self._dedupe = Dedupe(stream.dedupe_window)
        #: End of the last window that was closed.
        self._done = self._run.start_date
        partition = ", ".join(f"{name} {value}" for name, value in self._only.items())
        self.stats = stream.stats = Stats(stream.name, sanitize(partition), ranged=stream.windowed)

    def run(self) -> Iterator[list[Any]]:
        """Yield the records of one response at a time, without duplicates, in window order."""
        self._run.progress.begin(self.stats)
        try:
            with self._outcome_kept():
                yield from self._records()
        finally:
            if not self._testing:
                self._run.progress.report(self.stats)
                self._stream.report()
                self._run.progress.end(self.stats)

    @contextmanager
    def _outcome_kept(self) -> Iterator[None]:
        stream, stats = self._stream, self.stats
        client = stream.provider.client if self._testing else None
        if client:
            client.test_budget, before = TEST_REQUESTS, client.responses
        try:
            yield
            stats.outcome = COMPLETE
        except (TestFinished, WindowTooLarge) as end:
            # A connection test, or a stream that cannot be split.
            if client and client.responses > before:
                stats.outcome = COMPLETE
            else:
                stats.outcome = FAILED
                text = "no request got a response" if isinstance(end, TestFinished) else str(end)
                self._run.stream_failed(stream.name, stream.fail(text))
        except Forbidden as failure:
            stats.outcome = FORBIDDEN
            if self._run.skip_forbidden_streams:
                self._logger.warning("%s; skipped (skip_forbidden_streams)", failure)
            else:
                self._run.stream_failed(stream.name, failure)
        except StreamFailed as failure:
            stats.outcome = FAILED
            self._run.stream_failed(stream.name, failure)

    def _records(self) -> Iterator[list[Any]]:
        span = self._span()
        self._note()
        if span is None:
            self._log_open_range()
            self._logger.info("%s: nothing new to read", self.stats.name)
            return
        self.stats.span = span
        self._logger.info("%s: reading %s", self.stats.name, span)
        self._done = span.start
        reader = WindowReader(self._stream, span, self.stats)
        try:
            yield from self._hand_over(self._events(reader, span))
        except FilterIgnored as ignored:
            self._logger.warning("%s; reading the rest as one scan", ignored)
            rest = replace(span, start=self._done, scan=True)
            yield from self._hand_over(reader.read(rest))

    def _events(self, reader: WindowReader, span: Window) -> Iterator[Event]:
        stream, first = self._stream, FIRST_STEP
        if self._testing or not stream.windowed:
            return reader.read(span)
        if self._bookmark and (read_until := self._bookmark.value):
            # The lookback is read in the first window: an idle run has little else to read.
            again = min(read_until, span.end) - span.start
            first += max(again, timedelta()) + stream.ahead
        return reader.read_ahead(stream.planner(span, min(first, QUIET)))

    def _span(self) -> Window | None:
        if self._testing:
            start = self._run.started - TEST_SPAN
            return self._window(Window(start, self._run.started))
        return self._span_until(self._stream.end)

    def _span_until(self, end: datetime) -> Window | None:
        """The span of a run that starts now and reads up to an instant; None if it is empty.

        A bookmark or `as_of` in the future counts as now, by this machine's clock: no other is
        known before the first response.
        """
        bookmark, latest = self._bookmark, self._stream.provider.local_as_of
        value, as_of = (bookmark.value, bookmark.as_of) if bookmark else (None, None)
        if as_of:
            as_of = min(as_of, latest)
        if value and value > latest:
            # Read at least one second: its response shows whether to lower the bookmark.
            value, as_of = latest - SECOND, as_of or latest
        span = span_of(
            start_date=self._run.start_date,
            end=end,
            bookmark=value,
            as_of=as_of,
            lookback=self._stream.lookback,
        )
        return self._window(span) if span else None

    def _window(self, span: Window) -> Window:
        return Window(span.start, span.end, self._only, self._stream.granularity)

    def _lower_bookmark(self) -> None:
        """Lower a bookmark or `as_of` that is in the future by both clocks.

        Called after a response: a machine whose clock is behind must not lower a correct bookmark.
        """
        provider, bookmark = self._stream.provider, self._bookmark
        before = bookmark.value if bookmark else None
        if bookmark and before and bookmark.lower(provider.latest_as_of, provider.as_of):
            self._logger.warning(
                "%s: the bookmark %s, or its as_of, is later than now minus settle_minutes; "
                "lowered to %s",
                self.stats.name,
                format_instant(before),
                format_instant(provider.as_of),
            )

    def _hand_over(self, events: Iterator[Event]) -> Iterator[list[Any]]:
        """Yield records without duplicates, and close windows."""
        for event in events:
            if isinstance(event, ClosedWindow):
                self._close(event)
            else:
                yield self._without_duplicates(event)

    def _without_duplicates(self, batch: Batch) -> list[Any]:
        keys = batch.keys(self._stream.declared_primary_keys)
        duplicates = set(self._dedupe.among(keys, batch.contents()))
        stats = self.stats
        stats.outside += batch.outside
        stats.duplicates += len(duplicates)
        stats.rows += len(batch) - len(duplicates)
        for row, columns in batch.invalid_values.items():
            if row not in duplicates:
                stats.invalid_values.update(columns)
        if not duplicates:
            return batch.records
        return [record for row, record in enumerate(batch.records) if row not in duplicates]

    def _close(self, closed: ClosedWindow) -> None:
        """Log a closed window and move the bookmark to its end."""
        if closed.skipped:
            self.stats.skipped.append(str(closed.window))
        if closed.whole:
            self._dedupe.next_window()
        self._done = closed.window.end
        self.stats.windows += 1
        self.stats.reached = closed.window.end
        self._run.progress.closed(self.stats, closed)
        self._log_open_range()
        self._lower_bookmark()
        if self._bookmark is not None and self._stream.bookmark_may_move:
            provider = self._stream.provider
            # Rows after the cutoff are read again by later runs.
            self._bookmark.move_to(min(closed.window.end, provider.cutoff), provider.as_of)
        self._note()

    def _note(self) -> None:
        """Store in the stats where the next run would begin if this one ended now."""
        stats = self.stats
        if self._bookmark is not None:
            stats.bookmark = self._bookmark.value
            span = self._span_until(_FAR)
            stats.next_from = span.start if span else None

    def _log_open_range(self) -> None:
        provider, end_date = self._stream.provider, self._run.end_date
        if end_date and provider.cutoff < end_date and self._stream.windowed and not self._testing:
            self._run.progress.unclosed(provider.title, end_date, provider.cutoff)
