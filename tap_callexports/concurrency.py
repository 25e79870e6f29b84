"""Work done ahead by threads, its results handed over in order.

Each piece under way has a thread and a short queue; only the oldest piece's queue is emptied, so
memory is bounded by pieces under way x queue, whatever the size of the export. Large results are
made one at a time, and what pieces ahead of their turn may receive is bounded (`BodiesAhead`).
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from tap_callexports.records.batch import Batch
from tap_callexports.windows import ClosedWindow, Planner, Window
from tap_callexports.workers import Cancelled, Worker, interruptible_sleep

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")
#: What reading yields: the batches of a window or of a part of it, and behind them that it closed.
Event: TypeAlias = Batch | ClosedWindow
#: Reads one planned window.
Read: TypeAlias = Callable[[Window], Iterator[Event]]
#: Does one piece of work, and yields its results.
Piece: TypeAlias = Callable[[], Iterator[T]]

#: Results of one piece that may wait until those before it are handed over.
RESULTS_AHEAD = 1
#: A result made of more bytes than this is handed over before the next one is begun.
LARGE_RESULT = 4 << 20
_POLL_SECONDS = 0.2
_LARGE_POLL_SECONDS = 0.02


def fetch_ahead(
    planner: Planner, read: Read, workers: int, end: Callable[[], datetime]
) -> Iterator[Event]:
    """Events of every window of a plan, in time order.

    Args:
        planner: Gives out the windows and learns from the closed ones.
        read: Reads one window; runs in a worker's thread unless there is one worker.
        workers: Windows under way at once.
        end: Where the plan ends by now: no later window is begun.

    Raises:
        Whatever `read` raises, when the window it failed in is the oldest.
    """
    for event in in_order(_pieces(planner, read, end), workers):
        if isinstance(event, ClosedWindow):
            planner.learn(event)
        yield event


def _pieces(
    planner: Planner, read: Read, end: Callable[[], datetime]
) -> Iterator[Piece[Event] | None]:
    while True:
        window = planner.next_window()
        yield partial(read, window) if window and window.start < end() else None


def in_order(pieces: Iterable[Piece[T] | None], workers: int) -> Iterator[T]:
    """Everything that pieces of work yield, piece by piece.

    Args:
        pieces: The next one is taken when there is room for it; None in place of one that cannot
            be taken before those under way are done, and after the last.
        workers: Pieces under way at once; one alone runs in the caller's thread.

    Raises:
        Whatever a piece raises, when it is the oldest.
    """
    if workers > 1:
        yield from _side_by_side(iter(pieces), workers)
    else:
        for piece in pieces:
            if piece is None:
                return
            yield from piece()


def _side_by_side(pieces: Iterator[Piece[T] | None], workers: int) -> Iterator[T]:
    jobs: deque[_Job[T]] = deque()
    try:
        while True:
            while len(jobs) < workers and (piece := next(pieces, None)):
                jobs.append(_Job(piece))
            if not jobs:
                return
            yield from jobs[0].results()
            jobs.popleft()
    finally:
        for job in jobs:
            job.cancel()


class _Job(Generic[T]):
    """One piece of work, in a thread of its own."""

    def __init__(self, piece: Piece[T]) -> None:
        self._results: queue.Queue[tuple[T] | Exception | None] = queue.Queue(RESULTS_AHEAD)
        self._worker = Worker(lambda: self._run(piece))
        self._worker.turn.clear()
        self._worker.start()

    def results(self) -> Iterator[T]:
        """What the thread yields, until it is done; it is this one's turn."""
        self._worker.turn.set()
        while (item := self._results.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item[0]

    def cancel(self) -> None:
        """Let the thread end where it waits next; its results are no longer wanted."""
        self._worker.cancelled.set()
        self._worker.turn.set()

    def _run(self, piece: Piece[T]) -> None:
        with suppress(Cancelled):
            try:
                for result in piece():
                    self._put((result,))
                    self._wait_where_large()
                self._put(None)
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
                self._put(error)

    def _wait_where_large(self) -> None:
        worker = self._worker
        while worker.received > LARGE_RESULT and self._results.full():
            interruptible_sleep(_LARGE_POLL_SECONDS)
        if worker.turn.is_set():
            worker.received = 0

    def _put(self, item: tuple[T] | Exception | None) -> None:
        while not self._worker.cancelled.is_set():
            try:
                self._results.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return
        raise Cancelled
