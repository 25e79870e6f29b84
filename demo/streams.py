"""The streams the demo expects in the store: those the tap has."""

from __future__ import annotations

from dataclasses import dataclass

from tap_callexports.providers import PROVIDERS as _PROVIDERS
from tap_callexports.tap import TapCallExports


@dataclass(frozen=True)
class Stream:
    """One stream.

    Attributes:
        name: Its name, and its table's.
        provider: Where it comes from.
        keys: Columns that name a row.
        time: The replication key, which says when it happened; None for a stream without one.
    """

    name: str
    provider: str
    keys: tuple[str, ...]
    time: str | None


STREAMS = tuple(
    Stream(each.name, each.provider.name, tuple(each.primary_keys), each.replication_key)
    for each in TapCallExports(config={}, validate_config=False).discover_streams()
)

#: The providers' names for people, by their own.
PROVIDERS = {provider.name: provider.title for provider in _PROVIDERS}
