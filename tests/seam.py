"""The one place where tests reach into the package: clock, transport, limits.

Everything here is a context manager and can also decorate a test.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from importlib import import_module
from threading import Event
from types import ModuleType
from unittest.mock import patch

from requests.adapters import BaseAdapter

import tap_callexports
from tap_callexports import clock, redaction
from tap_callexports.http.client import HttpClient
from tap_callexports.providers import PROVIDERS


@contextmanager
def fake_clock(
    *,
    time: Callable[[], float] | None = None,
    monotonic: Callable[[], float] | None = None,
    sleep: Callable[[float, Event | None], bool] | None = None,
) -> Iterator[None]:
    """Another clock for the whole package; what is not given stays the real one.

    `sleep` waits some seconds or until the event is set, and says whether it is set.
    """
    with ExitStack() as stack:
        for name, reading in (("time", time), ("monotonic", monotonic), ("sleep", sleep)):
            if reading is not None:
                stack.enter_context(patch.object(clock, name, reading))
        yield


@contextmanager
def start_of_run(now: datetime) -> Iterator[None]:
    """Runs for which it is this instant, from their start to their end."""
    with fake_clock(time=now.timestamp):
        yield


@contextmanager
def transport(make_adapter: Callable[[], BaseAdapter]) -> Iterator[None]:
    """Requests that are carried by such adapters, one for each scheme of each client."""
    with patch.object(HttpClient, "transport", staticmethod(make_adapter)):
        yield


@contextmanager
def all_streams_with(**attributes: object) -> Iterator[None]:
    """Other values of attributes of streams, in every class of the package that sets them."""
    streams = [stream for provider in PROVIDERS for stream in provider.streams]
    bases = {base for stream in streams for base in stream.__mro__ if _is_ours(base)}
    with ExitStack() as stack:
        for name, value in attributes.items():
            owners = [base for base in bases if name in vars(base)]
            assert owners, f"no stream has an attribute {name}"
            for owner in owners:
                stack.enter_context(patch.object(owner, name, value))
        yield


@contextmanager
def rows_per_window(rows: int) -> Iterator[None]:
    """Windows of all streams that aim at so many rows."""
    with all_streams_with(target_rows=rows):
        yield


@contextmanager
def records_through_the_sdk() -> Iterator[None]:
    """Streams that hand their records to the SDK, as those with stream maps do."""
    with all_streams_with(is_unmapped=False):
        yield


@contextmanager
def limits(**values: object) -> Iterator[None]:
    """Other values of constants, by name, in all modules that have them: `limits(PAGE=10)`."""
    with ExitStack() as stack:
        for name, value in values.items():
            for module in _modules_with(name):
                stack.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def retry_waits(*, first: float, longest: float) -> Iterator[None]:
    """Waits before another try that begin and end with so many seconds."""
    with limits(FIRST_WAIT=first, MAX_WAIT=longest):
        yield


@contextmanager
def no_secrets_known() -> Iterator[None]:
    """A process whose log filter has not been told of any secret yet."""
    with patch.object(redaction._filter, "_forms", set()):
        yield


def _is_ours(owner: type) -> bool:
    return owner.__module__.startswith("tap_callexports.")


def _modules_with(name: str) -> list[ModuleType]:
    """The modules that have a constant: the one that defines it, and those that import it."""
    found = [module for module in _modules() if name in vars(module)]
    assert found, f"no module has a constant {name}"
    values = [vars(module)[name] for module in found]
    assert all(value == values[0] for value in values), f"{name} is the name of two constants"
    return found


@cache
def _modules() -> list[ModuleType]:
    """All modules of the package but `__main__`, which runs the tap."""
    names = [
        module.name
        for module in pkgutil.walk_packages(tap_callexports.__path__, "tap_callexports.")
        if not module.name.endswith("__main__")
    ]
    return [import_module(name) for name in names]
