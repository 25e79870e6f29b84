"""Limits the requests of all workers to one provider."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tap_callexports import clock
from tap_callexports.concurrency import interruptible_sleep


class RateLimit:
    """Spaces requests evenly, at most `per_minute` in any 60 seconds; pauses on demand."""

    def __init__(self, per_minute: int | None) -> None:
        self._spacing = 60.0 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def take(self) -> None:
        """Wait until the next request may start; a cancelled worker raises Cancelled."""
        interruptible_sleep(0)
        while (wait := self._reserve()) > 0:
            interruptible_sleep(wait)

    def pause(self, seconds: float) -> None:
        """Start no request for some seconds."""
        with self._lock:
            self._next = max(self._next, clock.monotonic() + seconds)

    def _reserve(self) -> float:
        """Take the next start time if it is due, else return the seconds until then."""
        with self._lock:
            now = clock.monotonic()
            if now < self._next:
                return self._next - now
            if self._spacing:
                # Rounded up, so that `per_minute` spacings are never less than a minute.
                self._next = math.nextafter(now + self._spacing, math.inf)
            return 0.0


class RateLimiter:
    """Limits concurrent requests (`at_once`) and requests per minute (None for no limit)."""

    def __init__(self, *, at_once: int, per_minute: int | None) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self._narrowing = threading.Lock()
        self._rate = RateLimit(per_minute)

    def for_login(self) -> RateLimiter:
        """A limiter for logins, one at a time, with the same rate: requests wait for a login."""
        other = RateLimiter(at_once=1, per_minute=None)
        other._rate = self._rate
        return other

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot while a request is under way; waits, as `RateLimit.take`."""
        with self._slots:
            self._rate.take()
            yield

    def allow_fewer(self) -> None:
        """Allow one concurrent request fewer from now on, but one at least.

        Without effect while all slots are taken: the server will refuse once more.
        """
        with self._narrowing:
            if self._at_once > 1 and self._slots.acquire(blocking=False):
                self._at_once -= 1

    def pause(self, seconds: float) -> None:
        """Start no request of any worker for some seconds."""
        self._rate.pause(seconds)
