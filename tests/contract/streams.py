"""Every stream the contract is held against. A new stream is one more entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_callexports.core.compat import override

JSON = Mapping[str, Any]


@dataclass(frozen=True)
class Stream:
    """What the rules need to know of a stream.

    Attributes:
        name: The stream.
        api: The provider: its settings object, and its attribute of the sandbox.
        path: Part of the endpoint's path, which logins and counts do not have.
        keys: Primary keys.
        time: Replication key; None for a stream that is read whole in each run.
        changes: Columns a provider changes later, with the values they get.
        number: A column that holds a number; its name in the provider's rows is the same.
        filtered: Whether the server's range is known to act on `time`.
        newest_first: Whether the server's order cannot be chosen, and is the wrong way round.
        settings: More settings of the provider: small pages, so that there are many.
        options: How the sandbox's server behaves.
        columns: What each call of this stream has.
        keyless: Columns of a call that lacks its key.
        variant: Tells apart two entries of one stream.
    """

    name: str
    api: str
    path: str
    keys: tuple[str, ...]
    time: str | None
    changes: JSON
    number: str
    filtered: bool = False
    newest_first: bool = False
    settings: JSON = field(default_factory=dict)
    options: JSON = field(default_factory=dict)
    columns: JSON = field(default_factory=dict)
    keyless: JSON = field(default_factory=dict)
    variant: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.name} {self.variant}".rstrip()


_ANUNZI: dict[str, Any] = {
    "api": "anunzi",
    "path": "/v3/list-calls",
    "keys": ("call_id",),
    "changes": {"agent_name": "Señora Ñandú", "metadata": {"reviewed": [True, None]}},
    "number": "duration_ms",
    "settings": {"page_size": 7},
}
_CALLS: dict[str, Any] = {**_ANUNZI, "time": "start_timestamp", "filtered": True}
_BURKI: dict[str, Any] = {
    "api": "burki",
    "path": "/calls/export",
    "keys": ("id",),
    "time": "started_at",
    "changes": {"assistant_name": 'A "new", better\nname', "duration": 61},
    "number": "duration",
    "filtered": True,
    "newest_first": True,
    "keyless": {"id": "", "conversation_type": "voice"},
}

STREAMS = (
    Stream(
        "videsk_calls",
        "videsk",
        "/exports/calls",
        ("id",),
        "start_time",
        changes={"agent": "nobody@example.com", "duration": 7.25, "tags": ["late", "night"]},
        number="duration",
        options={"cap": 12},
    ),
    Stream("anunzi_calls", **_CALLS),
    Stream("anunzi_calls", **_CALLS, options={"dialect": "retell"}, variant="retell"),
    Stream(
        "anunzi_unstarted_calls",
        **_ANUNZI,
        time=None,
        columns={"call_status": "not_connected", "start_timestamp": None, "end_timestamp": None},
    ),
    Stream(
        "twin24_incoming_calls",
        "twin24",
        "/sessions/incoming",
        ("call_id",),
        "started_at",
        changes={"duration": 321, "nps": "9", "total_cost": 0.1},
        number="duration",
        settings={"page_size": 7},
    ),
    Stream("burki_calls", **_BURKI, variant="json"),
    Stream("burki_calls", **_BURKI, settings={"format": "csv"}, variant="csv"),
)

#: The streams that are read by time and keep a bookmark.
WINDOWED = tuple(stream for stream in STREAMS if stream.time)
