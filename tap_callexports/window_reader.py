"""Reads one planned window, in halves if it is too large or cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeAlias

from tap_callexports.concurrency import Piece, in_order
from tap_callexports.errors import KeyMissing, StreamFailed, Unreadable, WindowTooLarge
from tap_callexports.http.response import MAX_ROWS
from tap_callexports.progress.stats import Stats
from tap_callexports.records.batch import Batch
from tap_callexports.records.timestamps import SECOND
from tap_callexports.stream import CallStream
from tap_callexports.windows import ClosedWindow, Planner, Window

#: Rows of a window or of a part of it, and then that it closed.
Event: TypeAlias = Batch | ClosedWindow

#: Distances from an unreadable second to others that are tried, to see whether the server is down.
#: The margins of the nearest request do not reach that second.
_DISTANCES = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 3600, 86_400, 31 * 86_400))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a planned window.

    Args:
        window: The time range.
        few_tries: Whether a larger window around it was tried MAX_TRIES times.
        last_try: Whether it cannot be split and is skipped if it fails again.
    """

    window: Window
    few_tries: bool = False
    last_try: bool = False


class WindowReader:
    """Reads the windows of a span of a stream, in worker threads; `stats` counts the requests."""

    def __init__(self, stream: CallStream[Any], span: Window, stats: Stats) -> None:
        self._stream = stream
        self._span = span
        self._stats = stats
        self._logger = stream.logger
        run = stream.run
        self._testing = run.connection_test
        self._skips = run.skip_unreadable and stream.windowed and not self._testing
        #: Whether any window had a row so far.
        self._rows_read = False

    def read(self, window: Window) -> Iterator[Event]:
        """Yield the rows of a window, and a ClosedWindow after it or after each of its parts.

        Raises:
            Unreadable: The smallest part cannot be read.
            WindowTooLarge: It has to be split, but the stream is not `windowed`, or this is a
                connection test.
            StreamFailed, FilterIgnored: As `CallStream.read_window`.
        """
        stream = self._stream
        #: Parts to read, the earliest last.
        todo = [_Part(window)]
        #: Whether emitted rows come again in another part.
        rows_repeat = False
        while todo:
            part = todo.pop()
            if (known := self._up_to_end(part.window)) is None:
                continue
            traffic = self._stats.traffic.part(few_tries=part.few_tries)
            rows = 0
            handed_over = False
            try:
                batches = stream.read_window(known)
                whole_only = self._skips and not known.scan
                for read_batch in _all_or_none(batches, known) if whole_only else batches:
                    batch = stream.within(read_batch, known)
                    rows += stream.rows_of(batch)
                    self._rows_read = self._rows_read or bool(batch)
                    handed_over = handed_over or bool(batch)
                    yield batch
            except (WindowTooLarge, Unreadable) as failure:
                if part.last_try:
                    self._logger.info("%s; skipping %s", failure, known)
                    yield ClosedWindow(known, 0, traffic.requests, whole=not todo, skipped=True)
                    continue
                todo += self._smaller(part, failure)
                rows_repeat = rows_repeat or handed_over
            else:
                # The end may have become earlier with the first response.
                whole = not (rows_repeat and todo)
                if closed := self._up_to_end(known):
                    yield ClosedWindow(closed, rows, traffic.requests, traffic.retries, whole=whole)

    def read_ahead(self, planner: Planner) -> Iterator[Event]:
        """Read the windows of a plan in time order, some of them ahead; raises as `read`."""
        for event in in_order(self._pieces(planner), self._stream.workers):
            if isinstance(event, ClosedWindow):
                planner.learn(event)
            yield event

    def _pieces(self, planner: Planner) -> Iterator[Piece[Event] | None]:
        while True:
            window = planner.next_window()
            # The end may have become earlier since the plan was made.
            begun = window is not None and window.start < self._stream.end
            yield partial(self.read, window) if window and begun else None

    def _up_to_end(self, window: Window) -> Window | None:
        """The part of a window before the stream's end, None if there is none.

        The end becomes earlier if the first response shows that this machine's clock is ahead.
        """
        if self._testing:
            return window
        end = min(window.end, self._stream.end)
        return replace(window, end=end) if window.start < end else None

    def _smaller(self, part: _Part, failure: WindowTooLarge | Unreadable) -> list[_Part]:
        """The parts to read instead of one that could not be read, the earliest last.

        Raises:
            Unreadable: There is nothing smaller, and it may not be skipped.
            StreamFailed, WindowTooLarge: The stream cannot be split.
        """
        stream, unreadable = self._stream, isinstance(failure, Unreadable)
        scan = part.window.scan
        if unreadable and not stream.windowed:
            message = f"{failure}; this list is read as a whole and cannot be split"
            raise StreamFailed(message) from None
        if self._testing or not stream.windowed or (unreadable and scan):
            raise failure
        if isinstance(failure, KeyMissing):
            self._rows_read = self._rows_read or failure.others
            if not self._rows_read:
                # Perhaps the wrong list: that other windows of it are empty proves nothing.
                raise failure
        message = str(failure) if unreadable else f"{stream.where}: {failure}"
        few_tries = part.few_tries or unreadable
        if halves := [_Part(half, few_tries) for half in reversed(part.window.split() or ())]:
            self._logger.info("%s; splitting window %s", message, part.window)
            return halves
        if scan:
            raise Unreadable(
                f"{message}; {stream.filter_ignored_text}, so it cannot be split"
            ) from None
        message = f"{message}; {part.window} cannot be split further"
        if not self._skips:
            raise Unreadable(message) from None
        self._stats.traffic.part(few_tries=True)
        if not self._others_can_be_read(part.window):
            raise Unreadable(f"{message}, and no other second can be read") from None
        return [replace(part, few_tries=True, last_try=True)]

    def _others_can_be_read(self, unread: Window) -> bool:
        """Whether another second can be read now, so that the server is not down."""
        starts = (unread.start + sign * distance for distance in _DISTANCES for sign in (-1, 1))
        for start in starts:
            if not self._span.start <= start < self._span.end:
                continue
            try:
                for _ in self._stream.read_window(replace(unread, start=start, end=start + SECOND)):
                    pass
            except (WindowTooLarge, Unreadable):
                continue
            return True
        return False


def _all_or_none(batches: Iterable[Batch], window: Window) -> Iterator[Batch]:
    """The batches of a window after all were read, so that an unreadable window emits no row.

    Raises:
        WindowTooLarge: They hold too many rows for memory.
    """
    held, rows = [], 0
    for batch in batches:
        held.append(batch)
        rows += len(batch)
        if rows > MAX_ROWS and window.split():
            raise WindowTooLarge(f"over {MAX_ROWS} rows")
    yield from held
