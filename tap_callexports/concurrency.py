"""Work done ahead on threads, its results handed over in order; threads can be told to stop.

Each piece of work under way has a thread and a short queue; only the oldest piece's queue is
emptied, so memory is bounded by pieces under way x queue, whatever the size of the export. Pieces
that are not the oldest hold little: what is too large is received again when they are.
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

#: Results of one piece that may wait until those before it are handed over.
RESULTS_AHEAD = 1
#: Bytes that a piece which is not the oldest may have received, and those behind a result that is
#: handed over before the next one is begun.
MAX_BYTES_AHEAD, LARGE_RESULT = 8 << 20, 4 << 20
_POLL_SECONDS, _LARGE_POLL_SECONDS = 0.2, 0.02


class Cancelled(BaseException):
    """What this thread does is no longer wanted; raised in it, for it to end."""


class NotItsTurn(Exception):
    """This thread has received too much while the results of others have to be handed over first.

    Caught by `HttpClient`, which drops the response and sends the request again (`wait_for_turn`).
    """


class Worker(threading.Thread):
    """A daemon thread: one in the middle of a long read never keeps the process alive.

    Context variables have the values they had where the worker was made.

    Args:
        work: What to do; it returns where it meets `Cancelled`.

    Attributes:
        cancelled: Set it, and the thread ends where it sleeps next.
        turn: Set once no results of other workers have to be handed over before its own.
        received: Bytes that it has received, and whose results wait.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(target=copy_context().run, args=(work,), daemon=True)
        self.cancelled = threading.Event()
        self.turn = threading.Event()
        self.received = 0


def interruptible_sleep(seconds: float) -> None:
    """Sleep, in any thread; a cancelled worker wakes at once.

    Raises:
        Cancelled: This thread is a worker and was cancelled.
    """
    thread = threading.current_thread()
    if clock.sleep(seconds, thread.cancelled if isinstance(thread, Worker) else None):
        raise Cancelled


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


def note_received(size: int) -> None:
    """Count bytes that this thread has received.

    Raises:
        NotItsTurn: They are too many while it is not its turn.
    """
    thread = threading.current_thread()
    if isinstance(thread, Worker):
        thread.received += size
        if thread.received > MAX_BYTES_AHEAD and not thread.turn.is_set():
            thread.received = 0
            raise NotItsTurn


def wait_for_turn() -> None:
    """Wait until no results of other workers have to be handed over before those of this thread.

    Raises:
        Cancelled: This thread is a worker and was cancelled.
    """
    thread = threading.current_thread()
    if isinstance(thread, Worker):
        thread.turn.wait()
    interruptible_sleep(0)


class _Job(Generic[T]):
    """One piece of work, in a thread of its own."""

    def __init__(self, piece: Piece[T]) -> None:
        self._results: queue.Queue[tuple[T] | Exception | None] = queue.Queue(RESULTS_AHEAD)
        self._worker = Worker(lambda: self._run(piece))
        self._worker.start()

    def results(self) -> Iterator[T]:
        """What the thread yields, until it is done; it is its turn."""
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
