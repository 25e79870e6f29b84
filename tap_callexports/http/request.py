"""A request, built by a stream and sent by the client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tap_callexports.http.response import Response

#: A request fails after this many tries.
MAX_TRIES = 8


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without its credential.

    Args:
        url: Full address.
        params: Query parameters; those that are None are dropped.
        json: The body of a POST; None for a GET.
        sender: The stream's name or `login`, for messages.
        error_for: Maps a response that is not 2xx to an exception, or to None for the default
            (`retry.py`).
        max_tries: How often it is sent at most.
        splittable: Whether a smaller range can be requested if the response is too large.
        cursor: The provider's name for the cursor that it carries; None without one.
    """

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    sender: str = ""
    error_for: Callable[[Response, Request], Exception | None] = lambda *_: None
    max_tries: int = MAX_TRIES
    splittable: bool = False
    cursor: str | None = None

    @property
    def method(self) -> str:
        """POST with a body, else GET."""
        return "GET" if self.json is None else "POST"
