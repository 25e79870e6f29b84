"""The clock: the only module that reads the time or sleeps, so that tests can replace it."""

from __future__ import annotations

import threading
import time as _time
from datetime import datetime, timezone


def now() -> datetime:
    """This machine's time, UTC."""
    return datetime.fromtimestamp(time(), timezone.utc)


def time() -> float:
    """This machine's time in seconds since 1970."""
    return _time.time()


def monotonic() -> float:
    """Seconds since an arbitrary moment, for durations and deadlines."""
    return _time.monotonic()


def sleep(seconds: float, wake: threading.Event | None = None) -> bool:
    """Wait some seconds, or until an event is set; return whether it is set."""
    if wake is not None:
        return wake.wait(seconds)
    _time.sleep(seconds)
    return False
