"""One run of one stream: its span in windows, its windows in records, its bookmark behind them.

The loop is the same for every endpoint; what a window's requests and answers look like is the
stream's (`read_window`). Knows no HTTP and no catalog.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tap_callexports.core.errors import (
    FilterIgnored,
    KeyMissing,
    PartlyRead,
    StreamFailed,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.core.fetch_ahead import Event, fetch_ahead
from tap_callexports.core.parts import (
    Part,
    held_back,
    in_halves,
    once_more,
    others_can_be_read,
)
from tap_callexports.core.progress.tally import Tally
from tap_callexports.core.redact import shown
from tap_callexports.core.rows.doubles import Doubles
from tap_callexports.core.time.instants import UTC, format_instant
from tap_callexports.core.time.window import FIRST_STEP, QUIET, ClosedWindow, Window, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.endpoint import Endpoint
    from tap_callexports.core.rows.batch import Batch
    from tap_callexports.core.singer.state import Bookmark

#: The time a connection test asks for: up to the start of the run.
PROBE_SPAN = timedelta(days=7)
#: Skipped windows and calls that the warning names.
_MOST_NAMED = 5
_FAR = datetime.max.replace(tzinfo=UTC)


class Export:
    """Reads what is new in a stream, or in one partition of it.

    Args:
        stream: What to read.
        context: The partition, `{partition_column: value}`; None for a stream without any.
        bookmark: Moves as windows close; None where the stream is read from the start each time.
        probing: Ask as a connection test does: one short window, nothing in halves.

    Attributes:
        tally: What was read so far.
    """

    def __init__(
        self,
        stream: Endpoint[Any],
        context: Context | None,
        bookmark: Bookmark | None,
        *,
        probing: bool,
    ) -> None:
        self._stream = stream
        self._context = context
        self._bookmark = bookmark
        self._probing = probing
        self._logger = stream.logger
        self._doubles = Doubles(stream.doubles_within)
        self._skips = stream.account.shared.skip_unreadable and stream.windowed and not probing
        #: Whether any row was read so far, in any window.
        self._rows_read = False
        self._done = stream.account.shared.start_date
        partition = ", ".join(f"{name} {value}" for name, value in (context or {}).items())
        self.tally = Tally(stream.name, shown(partition), ranged=stream.windowed)

    def batches(self) -> Iterator[list[Any]]:
        """Every record without doubles, in window order; the bookmark moves between the batches.

        Yields:
            The records of one answer, as in a Batch: JSON where the stream is `verbatim`.

        Raises:
            StreamFailed: A window cannot be read.
            Unreadable: The same, for the smallest window.
            WindowTooLarge: One would have to be split, of a stream that is not `windowed` or in a
                connection test.
            ProviderFailed: The credential was refused, or the host cannot be reached.
            ProbeFinished: A connection test has sent all it may.
        """
        start = self._read_from()
        span = self._span(start)
        self._say_what_is_not_over()
        self._note()
        if span is None:
            self._logger.info("%snothing new to read", self.tally.prefix)
            return
        self.tally.span = span
        self._logger.info("%sreading %s", self.tally.prefix, span)
        self._done = span.start
        try:
            yield from self._hand_over(self._windows(span, start))
        except FilterIgnored as ignored:
            self._logger.warning("%s; reading the rest as one scan", ignored)
            yield from self._scan(Window(self._done, span.end))

    def _scan(self, rest: Window) -> Iterator[list[Any]]:
        try:
            yield from self._hand_over(self._read(rest, scan=True))
        except FilterIgnored as again:
            raise StreamFailed(f"{again}, nor can everything be read at once") from None

    def report(self) -> None:
        """Log how many values were misfits, by column, and what was skipped."""
        if unread := self._stream.skipped:
            named = ", ".join(unread[:_MOST_NAMED])
            more = f" and {len(unread) - _MOST_NAMED} more" if len(unread) > _MOST_NAMED else ""
            self._logger.warning(
                "%s: %d windows or calls could not be read; skipped as on_unreadable says: %s%s",
                self._stream.where,
                len(unread),
                named,
                more,
            )
            unread.clear()  # the next partition begins anew
        for column, count in sorted(self.tally.misfits.items()):
            self._logger.warning(
                "%d values did not fit column %s; they are in extra", count, column
            )

    def _read_from(self) -> datetime | None:
        """The bookmark to read from; one from the future is lowered first."""
        if self._bookmark is None or self._probing:
            return None
        value = self._bookmark.value
        account = self._stream.account
        if value is not None and value > account.shared.run_start:
            self._logger.warning(
                "the bookmark %s lies in the future; lowered to %s",
                format_instant(value),
                format_instant(account.settled),
            )
            self._bookmark.set(account.settled)
        return self._bookmark.value

    def _span(self, bookmark: datetime | None) -> Window | None:
        shared = self._stream.account.shared
        if self._probing:
            return Window(shared.run_start - PROBE_SPAN, shared.run_start)
        return span_of(
            start_date=shared.start_date,
            end=self._stream.end,
            bookmark=bookmark,
            lookback=self._stream.lookback,
        )

    def _say_what_is_not_over(self) -> None:
        account, stream = self._stream.account, self._stream
        end_date = account.shared.end_date
        if end_date and account.end < end_date and stream.windowed and not self._probing:
            stream.progress.unclosed(account.title, end_date, account.end)

    def _windows(self, span: Window, bookmark: datetime | None) -> Iterator[Event]:
        if self._probing or not self._stream.windowed:
            return self._read(span)
        stream, first = self._stream, FIRST_STEP
        if bookmark is not None:
            # The span is mostly what is read in each run, which an idle run reads in one go.
            first += stream.lookback + stream.ahead
        planner = stream.planner(span, min(first, QUIET))
        return fetch_ahead(planner, self._read, stream.windows_at_once)

    def _read(self, window: Window, *, scan: bool = False) -> Iterator[Event]:
        """One planned window: read as a whole, or up to where it was read, or in halves."""
        stream = self._stream
        read = stream.scan if scan else stream.read_window
        #: What is left of the window, the earliest part last.
        todo = [Part(window)]
        #: Whether rows that were handed over come again, in another part.
        rows_repeat = False
        while todo:
            part = todo.pop()
            asked = part.window
            traffic = self.tally.traffic.part(few_tries=part.few_tries)
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
            except PartlyRead as read_on:
                read_part = Window(asked.start, read_on.until)
                yield ClosedWindow(read_part, rows, traffic.requests, whole=not rows_repeat)
                todo.append(replace(part, window=Window(read_on.until, asked.end)))
            except (WindowTooLarge, Unreadable) as failure:
                if part.last_try:
                    self._logger.info("%s; skipping %s", failure, asked)
                    yield ClosedWindow(asked, 0, traffic.requests, whole=not todo, skipped=True)
                    continue
                todo += self._smaller(part, failure, scan=scan)
                rows_repeat = rows_repeat or handed_over
            else:
                whole = not (rows_repeat and todo)
                yield ClosedWindow(asked, rows, traffic.requests, whole=whole)

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
        unread, parts = in_halves(part, failure)
        if parts:
            self._logger.info("%s; splitting window %s", message, unread)
            return parts
        message = f"{message}; {unread} cannot be split further"
        if scan or not self._skips:
            raise Unreadable(message) from None
        read, span = partial(stream.read_window, context=self._context), self.tally.span
        self.tally.traffic.part(few_tries=True)
        if span is None or not others_can_be_read(read, span, unread):
            raise Unreadable(f"{message}, and nothing else can be read") from None
        return once_more(part, unread)

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
        tally = self.tally
        tally.outside += batch.outside
        tally.doubles += len(doubles)
        tally.rows += len(batch) - len(doubles)
        for row, columns in batch.misfits.items():
            if row not in doubles:
                tally.misfits.update(columns)
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
        self.tally.windows += 1
        self.tally.reached = closed.window.end
        self._stream.progress.closed(self.tally, closed)
        if self._bookmark is not None and not self._probing and self._stream.bookmark_may_move:
            # What lies ahead of the frozen end is read again, until it is past.
            self._bookmark.move_to(min(closed.window.end, self._stream.account.end))
        self._note()

    def _note(self) -> None:
        """Keep in the tally where the next run begins, should this one end here."""
        stream, tally = self._stream, self.tally
        tally.gone = stream.gone
        tally.skipped = len(stream.skipped)
        if self._bookmark is not None:
            tally.bookmark = self._bookmark.value
            span = span_of(
                start_date=stream.account.shared.start_date,
                end=_FAR,
                bookmark=tally.bookmark,
                lookback=stream.lookback,
            )
            tally.next_from = span.start if span else None
