"""The streams the demo expects in the store, and what it must know of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """One stream.

    Attributes:
        name: Its name, and its table's.
        provider: Where it comes from.
        keys: Columns that name a row.
        time: When the call started, if that is known at all.
    """

    name: str
    provider: str
    keys: tuple[str, ...]
    time: str | None


STREAMS = (
    Stream("videsk_calls", "videsk", ("id",), "start_time"),
    Stream("anunzi_calls", "anunzi", ("call_id",), "start_timestamp"),
    Stream("anunzi_unstarted_calls", "anunzi", ("call_id",), None),
    Stream("twin24_incoming_calls", "twin24", ("call_id",), "started_at"),
    Stream("burki_calls", "burki", ("id",), "started_at"),
)

PROVIDERS = tuple(dict.fromkeys(stream.provider for stream in STREAMS))
