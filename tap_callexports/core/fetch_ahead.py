"""Windows read ahead by threads, handed over in time order.

Each window under way has a thread and a short queue; only the oldest window's queue is emptied, so
memory is bounded by workers x queue, whatever the size of the export. Threads are daemons: a
worker in the middle of a long read never keeps the process alive.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeAlias

from tap_callexports.core.normalise import Batch
from tap_callexports.core.window import Closed, Planner, Window
from tap_callexports.core.workers import Cancelled, Worker

Event: TypeAlias = Batch | Closed
Read: TypeAlias = Callable[[Window], Iterator[Event]]

#: Answers of one window that may wait until the windows before it are handed over.
ANSWERS_AHEAD = 4
_POLL_SECONDS = 0.2


def fetch_ahead(planner: Planner, read: Read, workers: int) -> Iterator[Event]:
    """Events of every window of a plan, in time order.

    Args:
        planner: Gives out the windows and learns from the closed ones.
        read: Reads one window; runs in a worker's thread unless there is one worker.
        workers: Windows under way at once.

    Raises:
        Whatever `read` raises, when the window it failed in is the oldest.
    """
    jobs = _serial(planner, read) if workers == 1 else _parallel(planner, read, workers)
    for event in jobs:
        if isinstance(event, Closed):
            planner.learn(event)
        yield event


def _serial(planner: Planner, read: Read) -> Iterator[Event]:
    while window := planner.next_window():
        yield from read(window)


def _parallel(planner: Planner, read: Read, workers: int) -> Iterator[Event]:
    jobs: deque[_Job] = deque()
    try:
        while True:
            while len(jobs) < workers and (window := planner.next_window()):
                jobs.append(_Job(read, window))
            if not jobs:
                return
            yield from jobs[0].events()
            jobs.popleft()
    finally:
        for job in jobs:
            job.cancel()


class _Job:
    """One window, read by a thread of its own."""

    def __init__(self, read: Read, window: Window) -> None:
        self._answers: queue.Queue[Event | Exception | None] = queue.Queue(ANSWERS_AHEAD)
        self._worker = Worker(lambda: self._run(read, window), name=f"window {window}")
        self._worker.start()

    def events(self) -> Iterator[Event]:
        """What the thread reads, until the window is done."""
        while (item := self._answers.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def cancel(self) -> None:
        """Let the thread end where it waits next; what it reads is no longer wanted."""
        self._worker.cancelled.set()

    def _run(self, read: Read, window: Window) -> None:
        with suppress(Cancelled):
            try:
                for event in read(window):
                    self._put(event)
                self._put(None)
            except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
                self._put(error)

    def _put(self, item: Event | Exception | None) -> None:
        while not self._worker.cancelled.is_set():
            try:
                self._answers.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return
        raise Cancelled
