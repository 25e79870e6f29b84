"""What goes over the wire, without the wire: requests, replies, and errors that become replies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
#: Any JSON value.
Json: TypeAlias = Any


@dataclass(frozen=True)
class Request:
    """One HTTP request as it was received."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    raw: bytes
    time: float

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters by name; one that comes twice is joined with commas."""
        query: dict[str, str] = {}
        for name, value in self.params:
            query[name] = f"{query[name]},{value}" if name in query else value
        return query

    @cached_property
    def body(self) -> Json:
        """The JSON body, or None when there is none or it cannot be read."""
        try:
            return json.loads(self.raw) if self.raw else None
        except ValueError:
            return None

    def header(self, name: str) -> str:
        """A header by its name in any case, "" when it is not there."""
        return self.headers.get(name.lower(), "")


@dataclass
class Reply:
    """One HTTP answer. `transport` says how it is sent: whole, cut short, or not at all."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    transport: Literal["whole", "cut", "reset"] = "whole"

    @classmethod
    def of_json(cls, status: int, value: Json) -> Reply:
        """An answer that holds one JSON value."""
        return cls(status, json.dumps(value, ensure_ascii=False).encode())

    @classmethod
    def of_rows(cls, status: int, head: Mapping[str, Json], name: str, rows: list[bytes]) -> Reply:
        """An answer of one object: what `head` says, and encoded rows under a name."""
        opening = json.dumps(head, ensure_ascii=False)[:-1] + (", " if head else "")
        body = f'{opening}"{name}": ['.encode() + b",".join(rows) + b"]}"
        return cls(status, body)


class RefusalError(Exception):
    """Raised by a handler to answer with an error in the provider's own error form."""

    def __init__(self, status: int, message: str, detail: Json = None) -> None:
        """Keep what the provider's error body needs."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail


@dataclass(frozen=True)
class LoggedRequest:
    """A request that was answered; `status` is 0 when the connection was reset instead."""

    time: float
    method: str
    path: str
    query: dict[str, str]
    body: Json
    status: int
    headers: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, status: int) -> LoggedRequest:
        """The log line of a request."""
        return cls(
            request.time,
            request.method,
            request.path,
            request.query,
            request.body,
            status,
            request.headers,
        )
