"""The tap's streams, as far as a scheduler must know them.

They are in streams.json, which `make docs` writes: where a scheduler runs, the tap may be in an
environment of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream.

    Attributes:
        name: Its name, and its table's.
        filter_field: Column the provider's time range is known to act on, None where it is not.
        ranged: False where each run reads everything there is.
        per_call: Whether it costs a request for each call, so that it is off unless asked for.
    """

    name: str
    filter_field: str | None = None
    ranged: bool = True
    per_call: bool = False


_KNOWN = json.loads(Path(__file__).with_name("streams.json").read_text("utf-8"))

STREAMS: dict[str, tuple[Stream, ...]] = {
    provider: tuple(Stream(**each) for each in known["streams"])
    for provider, known in _KNOWN.items()
}
#: The tap's default addresses of each provider, by setting.
URLS: dict[str, dict[str, str]] = {provider: known["urls"] for provider, known in _KNOWN.items()}
