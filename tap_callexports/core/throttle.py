"""When the next request may go out: one gate for all workers that talk to one provider."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Cancelled(BaseException):
    """The run is over; a worker that was waiting has nothing more to do."""


class Throttle:
    """Holds back requests: so many at once, so many a minute, none while the server asks for a rest.

    Args:
        at_once: Requests under way at the same time.
        per_minute: Requests started per minute, evenly spaced; None for no limit.
    """

    def __init__(self, *, at_once: int, per_minute: int | None) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._stopped = threading.Event()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a turn and hold it while a request is under way."""
        with self._slots:
            while (wait := self._reserve()) > 0:
                self.sleep(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Let no request of any worker start for a while."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait; ends at once when the run stops.

        Raises:
            Cancelled: The run stopped.
        """
        if self._stopped.wait(seconds):
            raise Cancelled

    def stop(self) -> None:
        """End all waiting, now and from now on."""
        self._stopped.set()

    def _reserve(self) -> float:
        """Take the next start time if it is due, else say how long it takes."""
        with self._lock:
            if self._stopped.is_set():
                raise Cancelled
            now = time.monotonic()
            if now < self._next:
                return self._next - now
            self._next = now + self._spacing
            return 0.0
