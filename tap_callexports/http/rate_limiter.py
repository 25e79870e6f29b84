"""When the next request may go out: one gate for all workers that talk to one provider.

Knows nothing of the requests.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_callexports import clock
from tap_callexports.concurrency import interruptible_sleep

if TYPE_CHECKING:
    from collections.abc import Iterator


class RateLimit:
    """Starts of requests: evenly spaced, and none while the server wants a rest.

    Args:
        per_minute: Most of them in any 60 seconds; None for no limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def take(self) -> None:
        """Wait for the next turn; a worker that is cancelled meanwhile leaves it to the others.

        Raises:
            Cancelled: The worker is no longer wanted.
        """
        interruptible_sleep(0)
        while (wait := self._reserve()) > 0:
            interruptible_sleep(wait)

    def pause(self, seconds: float) -> None:
        """Let nothing start for a while."""
        with self._lock:
            self._next = max(self._next, clock.monotonic() + seconds)

    def _reserve(self) -> float:
        """Take the next start time if it is due, else say how long it takes."""
        with self._lock:
            now = clock.monotonic()
            if now < self._next:
                return self._next - now
            if self._spacing:
                # Rounded up: so many spacings in a row are never less than a minute.
                self._next = math.nextafter(now + self._spacing, math.inf)
            return 0.0


class RateLimiter:
    """Holds back requests: so many at once, so many a minute, none while the server wants a rest.

    Args:
        at_once: Requests under way at the same time.
        per_minute: Requests started per minute, evenly spaced; None for no limit.
    """

    def __init__(self, *, at_once: int, per_minute: int | None) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._rate = RateLimit(per_minute)

    def for_login(self) -> RateLimiter:
        """A gate to the same turns for what requests wait for themselves: a login, one at once."""
        other = RateLimiter(at_once=1, per_minute=None)
        other._rate = self._rate
        return other

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for a turn and hold it while a request is under way.

        Raises:
            Cancelled: The worker is no longer wanted.
        """
        with self._slots:
            self._rate.take()
            yield

    def pause(self, seconds: float) -> None:
        """Let no request of any worker start for a while."""
        self._rate.pause(seconds)
