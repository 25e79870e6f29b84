"""Threads that can be told to stop, also while they wait. Knows nothing of their work."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING

from tap_callexports import clock

if TYPE_CHECKING:
    from collections.abc import Callable


class Cancelled(BaseException):
    """What this thread does is no longer wanted; raised in it, for it to end."""


class Worker(threading.Thread):
    """A daemon thread: one in the middle of a long read never keeps the process alive.

    Context variables have the values they had where the worker was made.

    Args:
        work: What to do; it returns where it meets `Cancelled`.

    Attributes:
        cancelled: Set it, and the thread ends where it sleeps next.
        turn: Set unless the results of other workers have to be handed over first.
        received: Bytes of response bodies that wait in this worker, or in its results.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(target=copy_context().run, args=(work,), daemon=True)
        self.cancelled = threading.Event()
        self.turn = threading.Event()
        self.turn.set()
        self.received = 0


def interruptible_sleep(seconds: float) -> None:
    """Sleep, in any thread; a cancelled worker wakes at once.

    Raises:
        Cancelled: This thread is a worker and was cancelled.
    """
    thread = threading.current_thread()
    if clock.sleep(seconds, thread.cancelled if isinstance(thread, Worker) else None):
        raise Cancelled


def wait_for_turn() -> None:
    """Wait until nothing has to be handed over before the results of this thread.

    Raises:
        Cancelled: This thread is a worker and was cancelled.
    """
    thread = threading.current_thread()
    if isinstance(thread, Worker):
        thread.turn.wait()
    interruptible_sleep(0)
