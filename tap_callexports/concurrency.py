"""Runs pieces of work ahead on worker threads and yields their results in order.

Each piece has a thread and a short queue, and only the queue of the oldest piece is emptied, so
memory is bounded by pieces x queue length, whatever the size of the export. A worker that receives
too much before its piece is the oldest drops it, waits for its turn, and receives it again.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeAlias, TypeVar

from tap_callexports import clock

T = TypeVar("T")
#: Does one piece of work, and yields its results.
Piece: TypeAlias = Callable[[], Iterator[T]]

#: Length of the queue of one piece.
RESULTS_AHEAD = 1
#: Most bytes that a piece may receive before it is the oldest; a result of more bytes than the
#: second is taken from the queue before the next one is begun.
MAX_BYTES_AHEAD, LARGE_RESULT = 8 << 20, 4 << 20
_POLL_SECONDS, _LARGE_POLL_SECONDS = 0.2, 0.02


class Cancelled(BaseException):
    """Raised in a worker thread whose results are no longer needed, to end it."""


class NotItsTurn(Exception):
    """A worker received too much before the pieces ahead of its own were done.

    Caught by `HttpClient`, which drops the response, waits (`wait_for_turn`), and sends the request
    again.
    """


class Worker(threading.Thread):
    """A daemon thread, which never keeps the process alive, with its creator's context variables.

    Args:
        work: The function to run; it returns on `Cancelled`.

    Attributes:
        cancelled: Set to end the thread at its next sleep.
        turn: Set once its piece is the oldest.
        received: Bytes received whose results are still queued.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(target=copy_context().run, args=(work,), daemon=True)
        self.cancelled = threading.Event()
        self.turn = threading.Event()
        self.received = 0


def interruptible_sleep(seconds: float) -> None:
    """Sleep; a cancelled worker wakes at once and raises Cancelled."""
    thread = threading.current_thread()
    if clock.sleep(seconds, thread.cancelled if isinstance(thread, Worker) else None):
        raise Cancelled


def in_order(pieces: Iterable[Piece[T] | None], workers: int) -> Iterator[T]:
    """Yield the results of pieces of work, piece by piece; raise what a piece raises, in its turn.

    Args:
        pieces: Taken one by one as workers become free. None means that the next one can only be
            taken after those that run, or that there is none.
        workers: Pieces that run at once; with 1 they run in the caller's thread.
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
                jobs.append(_Job(piece, is_oldest=not jobs))
            if not jobs:
                return
            yield from jobs[0].results()
            jobs.popleft()
    finally:
        for job in jobs:
            job.cancel()


def note_received(size: int) -> None:
    """Count bytes that this thread has received; raise NotItsTurn if too many before its turn."""
    thread = threading.current_thread()
    if isinstance(thread, Worker):
        thread.received += size
        if thread.received > MAX_BYTES_AHEAD and not thread.turn.is_set():
            thread.received = 0
            raise NotItsTurn


def wait_for_turn() -> None:
    """Wait until the piece of this thread is the oldest; raise Cancelled in a cancelled worker."""
    thread = threading.current_thread()
    if isinstance(thread, Worker):
        thread.turn.wait()
    interruptible_sleep(0)


class _Job(Generic[T]):
    """One piece of work in its own thread."""

    def __init__(self, piece: Piece[T], *, is_oldest: bool) -> None:
        self._results: queue.Queue[tuple[T] | Exception | None] = queue.Queue(RESULTS_AHEAD)
        self._worker = Worker(lambda: self._run(piece))
        if is_oldest:
            self._worker.turn.set()
        self._worker.start()

    def results(self) -> Iterator[T]:
        """Yield the results until the piece is done; called when it is the oldest."""
        self._worker.turn.set()
        while (item := self._results.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item[0]

    def cancel(self) -> None:
        """End the thread at its next wait."""
        self._worker.cancelled.set()
        self._worker.turn.set()

    def _run(self, piece: Piece[T]) -> None:
        with suppress(Cancelled):
            try:
                for result in piece():
                    self._put((result,))
                    self._wait_where_large()
                self._put(None)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                self._put(error)

    def _wait_where_large(self) -> None:
        while self._worker.received > LARGE_RESULT and self._results.full():
            interruptible_sleep(_LARGE_POLL_SECONDS)
        if self._results.empty() or self._worker.turn.is_set():
            self._worker.received = 0

    def _put(self, item: tuple[T] | Exception | None) -> None:
        while not self._worker.cancelled.is_set():
            try:
                self._results.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return
        raise Cancelled
