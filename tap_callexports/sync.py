"""One run of one stream: its span in windows, its windows in records, its bookmark behind them.

The loop is the same for every endpoint; what a window's requests and answers look like is the
stream's (`read_window`). Knows no HTTP and no catalog.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_callexports.concurrency import Event, fetch_ahead
from tap_callexports.errors import (
    FilterIgnored,
    KeyMissing,
    StreamFailed,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.parts import (
    Part,
    held_back,
    in_halves,
    others_can_be_read,
)
from tap_callexports.progress.stats import Stats, count
from tap_callexports.records.dedupe import Dedupe
from tap_callexports.records.repair import NULS, SURROGATES
from tap_callexports.records.timestamps import SECOND, UTC, format_instant
from tap_callexports.redaction import sanitize
from tap_callexports.windows import FIRST_STEP, QUIET, ClosedWindow, Window, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.endpoint import Endpoint
    from tap_callexports.http.traffic import Traffic
    from tap_callexports.records.batch import Batch
    from tap_callexports.singer.state import Bookmark

#: The time a connection test asks for: up to the start of the run.
TEST_SPAN = timedelta(days=7)
#: What a message says of repairs, behind their number.
_REPAIRS = {SURROGATES: "unpaired surrogates replaced by U+FFFD", NULS: "U+0000 removed"}
#: Skipped windows and calls that the warning names.
_MOST_NAMED = 5
_FAR = datetime.max.replace(tzinfo=UTC)


class Export:
    """Reads what is new in a stream, or in one partition of it.

    Args:
        stream: What to read.
        context: The partition, `{partition_column: value}`; None for a stream without any.
        bookmark: Moves as windows close; None where the stream is read from the start each time.
        connection_test: Ask as a connection test does: one short window, nothing in halves.

    Attributes:
        stats: What was read so far.
    """

    def __init__(
        self,
        stream: Endpoint[Any],
        context: Context | None,
        bookmark: Bookmark | None,
        *,
        connection_test: bool,
    ) -> None:
        self._stream = stream
        self._context = context
        self._bookmark = bookmark
        self._probing = connection_test
        self._logger = stream.logger
        self._doubles = Dedupe(stream.dedupe_window)
        self._skips = (
            stream.account.shared.skip_unreadable and stream.windowed and not connection_test
        )
        #: Whether any row was read so far, in any window.
        self._rows_read = False
        self._done = stream.account.shared.start_date
        partition = ", ".join(f"{name} {value}" for name, value in (context or {}).items())
        self.stats = Stats(stream.name, sanitize(partition), ranged=stream.windowed)

    def batches(self) -> Iterator[list[Any]]:
        """Every record without doubles, in window order; the bookmark moves between the batches.

        Yields:
            The records of one answer, as in a Batch: JSON where the stream is `passthrough`.

        Raises:
            StreamFailed: A window cannot be read.
            Unreadable: The same, for the smallest window.
            WindowTooLarge: One would have to be split, of a stream that is not `windowed` or in a
                connection test.
            ProviderFailed: The credential was refused, or the host cannot be reached.
            TestFinished: A connection test has sent all it may.
        """
        span = self._span()
        self._note()
        if span is None:
            self._say_what_is_not_over()
            self._logger.info("%s: nothing new to read", self.stats.name)
            return
        self.stats.span = span
        self._logger.info("%s: reading %s", self.stats.name, span)
        self._done = span.start
        try:
            yield from self._hand_over(self._windows(span))
        except FilterIgnored as ignored:
            self._logger.warning("%s; reading the rest as one scan", ignored)
            yield from self._scan(Window(self._done, span.end))

    def _scan(self, rest: Window) -> Iterator[list[Any]]:
        try:
            yield from self._hand_over(self._read(rest, scan=True))
        except FilterIgnored as again:
            raise StreamFailed(f"{again}, nor can everything be read at once") from None

    def report(self) -> None:
        """Log how many values were invalid, by column, what was repaired and what was skipped."""
        if unread := self._stream.skipped:
            named = ", ".join(unread[:_MOST_NAMED])
            more = f" and {len(unread) - _MOST_NAMED} more" if len(unread) > _MOST_NAMED else ""
            self._logger.warning(
                "%s: %s could not be read; skipped as on_unreadable says: %s%s",
                self._stream.where,
                count(len(unread), "window or call", "windows or calls"),
                named,
                more,
            )
            unread.clear()  # the next partition begins anew
        for column, number in sorted(self.stats.invalid_values.items()):
            self._logger.warning(
                "%s: %s in column %s, kept in extra",
                self.stats.name,
                count(number, "invalid value"),
                column,
            )
        self.stats.repairs = repairs = self._stream.take_repairs()
        if repairs:
            self._logger.warning(
                "%s: texts that no target can store were repaired: %s",
                self._stream.where,
                " and ".join(
                    f"{repairs[kind]} {what}" for kind, what in _REPAIRS.items() if repairs[kind]
                ),
            )

    def _span(self) -> Window | None:
        shared = self._stream.account.shared
        if self._probing:
            return Window(shared.run_start - TEST_SPAN, shared.run_start)
        return self._span_until(self._stream.end)

    def _span_until(self, end: datetime) -> Window | None:
        """The time a run reads that starts now, up to an instant.

        A bookmark or `as_of` from the future counts as now, by this machine's clock: no other is
        known before the first response.
        """
        bookmark, latest = self._bookmark, self._stream.account.local_as_of
        value, as_of = (bookmark.value, bookmark.as_of) if bookmark else (None, None)
        if as_of:
            as_of = min(as_of, latest)
        if value and value > latest:
            # A second is read in any case: its response tells whether to lower the bookmark.
            value, as_of = latest - SECOND, as_of or latest
        return span_of(
            start_date=self._stream.account.shared.start_date,
            end=end,
            bookmark=value,
            as_of=as_of,
            lookback=self._stream.lookback,
        )

    def _lower_bookmark(self) -> None:
        """Lower a bookmark or `as_of` that lies in the future by both clocks.

        Called when a response has come: a machine whose own clock is behind must not lower a right
        bookmark.
        """
        account, bookmark = self._stream.account, self._bookmark
        if bookmark is None or self._probing:
            return
        before = bookmark.value
        if before and bookmark.lower(account.latest_as_of, account.as_of):
            self._logger.warning(
                "%s: the bookmark %s, or its as_of, is later than now minus settle_minutes; "
                "what is later was lowered to %s",
                self.stats.name,
                format_instant(before),
                format_instant(account.as_of),
            )

    def _say_what_is_not_over(self) -> None:
        account, stream = self._stream.account, self._stream
        end_date = account.shared.end_date
        if end_date and account.cutoff < end_date and stream.windowed and not self._probing:
            stream.progress.unclosed(account.title, end_date, account.cutoff)

    def _windows(self, span: Window) -> Iterator[Event]:
        if self._probing or not self._stream.windowed:
            return self._read(span)
        stream, first = self._stream, FIRST_STEP
        if self._bookmark and (read_until := self._bookmark.value):
            # What is read in each run is read in one go: an idle run has little else to read.
            again = min(read_until, span.end) - span.start
            first += max(again, timedelta()) + stream.ahead
        planner = stream.planner(span, min(first, QUIET))
        return fetch_ahead(planner, self._read, stream.windows_at_once, lambda: stream.end)

    def _up_to_end(self, window: Window) -> Window | None:
        """What is to be read of a window that was planned before the first response.

        That may have shown that this machine's clock, and with it the end of the plan, is ahead.
        """
        if self._probing:
            return window
        end = min(window.end, self._stream.end)
        return replace(window, end=end) if window.start < end else None

    def _closed(
        self, window: Window, rows: int, traffic: Traffic, *, whole: bool
    ) -> Iterator[ClosedWindow]:
        if known := self._up_to_end(window):
            yield ClosedWindow(known, rows, traffic.requests, traffic.retries, whole=whole)

    def _read(self, window: Window, *, scan: bool = False) -> Iterator[Event]:
        """One planned window: read as a whole, or in halves."""
        stream = self._stream
        read = stream.scan if scan else stream.read_window
        #: What is left of the window, the earliest part last.
        todo = [Part(window)]
        #: Whether rows that were handed over come again, in another part.
        rows_repeat = False
        while todo:
            part = todo.pop()
            if (asked := self._up_to_end(part.window)) is None:
                continue
            traffic = self.stats.traffic.part(few_tries=part.few_tries)
            rows = 0
            handed_over = False
            try:
                answers = read(asked, self._context)
                for answered in held_back(answers, asked) if self._skips else answers:
                    batch = stream.within(answered, asked)
                    rows += stream.size_of(batch)
                    self._rows_read = self._rows_read or bool(batch)
                    handed_over = handed_over or bool(batch)
                    yield batch
            except (WindowTooLarge, Unreadable) as failure:
                if part.last_try:
                    self._logger.info("%s; skipping %s", failure, asked)
                    yield ClosedWindow(asked, 0, traffic.requests, whole=not todo, skipped=True)
                    continue
                todo += self._smaller(part, failure, scan=scan)
                rows_repeat = rows_repeat or handed_over
            else:
                whole = not (rows_repeat and todo)
                yield from self._closed(asked, rows, traffic, whole=whole)

    def _smaller(
        self, part: Part, failure: WindowTooLarge | Unreadable, *, scan: bool
    ) -> list[Part]:
        """What to ask for in place of a part that could not be read, the earliest one last.

        Raises:
            Unreadable: There is nothing smaller, and it may not be skipped.
            StreamFailed, WindowTooLarge: Nothing is split here.
        """
        stream, unreadable = self._stream, isinstance(failure, Unreadable)
        if unreadable and not stream.windowed:
            message = f"{failure}; this list is read as a whole and cannot be split"
            raise StreamFailed(message) from None
        # All parts of a scan would be the same scan.
        if self._probing or not stream.windowed or (unreadable and scan):
            raise failure
        if isinstance(failure, KeyMissing):
            self._rows_read = self._rows_read or failure.others
            if not self._rows_read:
                # Perhaps another list than the one asked for: where it is empty proves nothing.
                raise failure
        message = str(failure) if unreadable else f"{stream.where}: {failure}"
        if parts := in_halves(part, failure):
            self._logger.info("%s; splitting window %s", message, part.window)
            return parts
        message = f"{message}; {part.window} cannot be split further"
        if scan or not self._skips:
            raise Unreadable(message) from None
        read, span = partial(stream.read_window, context=self._context), self.stats.span
        self.stats.traffic.part(few_tries=True)
        if span is None or not others_can_be_read(read, span, part.window):
            raise Unreadable(f"{message}, and nothing else can be read") from None
        return [replace(part, few_tries=True, last_try=True)]

    def _hand_over(self, events: Iterator[Event]) -> Iterator[list[Any]]:
        """Records without doubles; windows are closed in between."""
        for event in events:
            if isinstance(event, ClosedWindow):
                self._close(event)
            else:
                yield self._without_doubles(event)

    def _without_doubles(self, batch: Batch) -> list[Any]:
        keys = batch.keys(self._stream.declared_primary_keys)
        doubles = set(self._doubles.among(keys, batch.contents()))
        stats = self.stats
        stats.rows_outside += batch.outside
        stats.duplicates += len(doubles)
        stats.rows += len(batch) - len(doubles)
        for row, columns in batch.invalid_values.items():
            if row not in doubles:
                stats.invalid_values.update(columns)
        if not doubles:
            return batch.records
        return [record for row, record in enumerate(batch.records) if row not in doubles]

    def _close(self, closed: ClosedWindow) -> None:
        """Log a closed window and move the bookmark to its end."""
        if closed.skipped:
            self._stream.skipped.append(str(closed.window))
        if closed.whole:
            self._doubles.next_window()
        self._done = closed.window.end
        self.stats.windows += 1
        self.stats.reached = closed.window.end
        self._stream.progress.closed(self.stats, closed)
        self._say_what_is_not_over()
        self._lower_bookmark()
        if self._bookmark is not None and not self._probing and self._stream.bookmark_may_move:
            account = self._stream.account
            # What lies after the cutoff is read again, until it is past.
            self._bookmark.move_to(min(closed.window.end, account.cutoff), account.as_of)
        self._note()

    def _note(self) -> None:
        """Keep in the stats where the next run begins, should this one end here."""
        stream, stats = self._stream, self.stats
        stats.not_found = stream.gone
        stats.skipped = len(stream.skipped)
        if self._bookmark is not None:
            stats.bookmark = self._bookmark.value
            span = self._span_until(_FAR)
            stats.next_from = span.start if span else None
