"""Counts the requests of a stream, and tracks what they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from tap_callexports import clock
from tap_callexports.compat import override

#: What a request may wait for, as in messages.
CREDENTIAL = "waiting for a credential"
RATE_LIMIT = "waiting for the rate limit"
RESPONSE = "waiting for a response"
RETRY = "waiting to retry"
RECEIVING = "receiving a response"
DECODING = "decoding a response"


@dataclass(frozen=True, slots=True)
class Wait:
    """What a request waits for.

    Args:
        doing: One of the constants above.
        tries: How often the request has been sent.
        until: When it ends, in seconds of the monotonic clock, if known.
        received: Returns the number of bytes received of the response.
        reason: Why it is retried, and the number of the try.
        since: When it began, in seconds of the monotonic clock.
    """

    doing: str
    tries: int = 0
    until: float | None = None
    received: Callable[[], int] | None = None
    reason: str = ""
    since: float = field(default_factory=lambda: clock.monotonic())  # noqa: PLW0108 - looked up each time

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return clock.monotonic() - self.since

    @override
    def __str__(self) -> str:
        parts = [self.reason or f"{self.doing}: {self.seconds:.0f} s"]
        if self.tries and not self.reason:
            parts.append(f"try {self.tries}")
        if self.until is not None:
            parts.append(f"next in {max(0.0, self.until - clock.monotonic()):.0f} s")
        if self.received is not None:
            parts.append(f"{self.received() / (1 << 20):.1f} MiB so far")
        return ", ".join(parts)


class Pending:
    """A request without a response so far; other threads read its `wait`."""

    def __init__(self) -> None:
        self.wait = Wait(RATE_LIMIT)


class Traffic:
    """Counts requests of all threads, and holds those under way.

    Args:
        whole: The traffic that includes this one.
        few_tries: Whether it is for a part of an unreadable window.
    """

    def __init__(self, whole: Traffic | None = None, *, few_tries: bool = False) -> None:
        self.few_tries = few_tries
        self.requests = 0
        #: The requests among them that repeat an earlier one.
        self.retries = 0
        self._whole = whole
        self._lock = threading.Lock()
        self._pending: dict[int, Pending] = {}

    def part(self, *, few_tries: bool = False) -> Traffic:
        """A part that counts the requests of this thread, and of workers it starts, from now on."""
        part = Traffic(self, few_tries=few_tries)
        _current.set(part)
        return part

    def sent(self, *, again: bool) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            self.retries += again
        if self._whole:
            self._whole.sent(again=again)

    @contextmanager
    def waiting(self, pending: Pending) -> Iterator[None]:
        """Hold a pending request until it has a response or has failed."""
        if self._whole:
            with self._whole.waiting(pending):
                yield
            return
        self._pending[id(pending)] = pending
        try:
            yield
        finally:
            del self._pending[id(pending)]

    @property
    def waits(self) -> list[Wait]:
        """The current waits, the oldest first."""
        waits = [pending.wait for pending in list(self._pending.values())]
        return sorted(waits, key=lambda wait: wait.since)


_current: ContextVar[Traffic] = ContextVar("_current")


def current_traffic() -> Traffic:
    """The traffic of this thread's requests; outside of a sync an unused one."""
    return _current.get(None) or Traffic()
