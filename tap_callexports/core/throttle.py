"""When the next request may go out: one gate for all workers that talk to one provider."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_callexports.core.workers import nap

if TYPE_CHECKING:
    from collections.abc import Iterator


class Throttle:
    """Holds back requests: so many at once, so many a minute, none while the server wants a rest.

    Args:
        at_once: Requests under way at the same time.
        per_minute: Requests started per minute, evenly spaced; None for no limit.
    """

    def __init__(self, *, at_once: int, per_minute: int | None) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a turn and hold it while a request is under way.

        Raises:
            Cancelled: The worker is no longer wanted.
        """
        with self._slots:
            nap(0)
            while (wait := self._reserve()) > 0:
                nap(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Let no request of any worker start for a while."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def _reserve(self) -> float:
        """Take the next start time if it is due, else say how long it takes."""
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return self._next - now
            self._next = now + self._spacing
            return 0.0
