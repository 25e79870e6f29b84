"""Trouble on demand: what the next requests get instead of, or on top of, their answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .http import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal[
    "status",
    "reset",
    "cut_body",
    "cut_json",
    "html",
    "empty",
    "slow",
    "error_object",
    "redirect",
]


@dataclass(frozen=True)
class Fault:
    """One kind of trouble. `times` requests are hit; with `every` only each nth matching one."""

    kind: Kind
    status: int = 503
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    every: int = 1

    def spoil(self, honest: Reply) -> Reply:
        """The honest answer, damaged in transport (kinds that need the real answer first)."""
        if self.kind == "cut_body":
            honest.transport = "cut"
        elif self.kind == "cut_json":
            honest.body = honest.body[: len(honest.body) // 2]
            honest.headers.pop("Content-Encoding", None)
        honest.headers.update(self.headers)
        return honest

    def replacement(self, error: Callable[[int], Reply]) -> Reply | None:
        """What is sent instead of an answer; None when the request is answered after all."""
        if self.kind == "status":
            reply = Reply(self.status, self.body.encode()) if self.body else error(self.status)
        elif self.kind == "reset":
            reply = Reply(0, transport="reset")
        elif self.kind == "html":
            page = self.body or "<!DOCTYPE html><html><body>Just a moment</body></html>"
            reply = Reply(200, page.encode(), "text/html; charset=utf-8")
        elif self.kind == "empty":
            reply = Reply(200)
        elif self.kind == "error_object":
            reply = Reply(200, (self.body or '{"error": "internal failure"}').encode())
        elif self.kind == "redirect":
            reply = Reply(302, headers={"Location": "/elsewhere"})
        else:
            return None
        reply.headers.update(self.headers)
        return reply


@dataclass
class _Waiting:
    """A fault in the queue, with what it has seen so far."""

    fault: Fault
    path: str
    skip: int
    when: Callable[[Request], bool] | None
    seen: int = 0
    hits: int = 0

    def wants(self, request: Request) -> bool:
        if self.path not in request.path or (self.when and not self.when(request)):
            return False
        self.seen += 1
        turn = self.seen - self.skip
        return turn > 0 and turn % self.fault.every == 0 and self.hits < self.fault.times


class FaultQueue:
    """The faults of one provider, oldest first; the first that wants a request gets it."""

    def __init__(self) -> None:
        """Start without trouble."""
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        path: str = "",
        skip: int = 0,
        when: Callable[[Request], bool] | None = None,
    ) -> None:
        """Queue a fault for requests whose path contains `path`, after the first `skip` of them.

        `when` narrows it further, for example to requests that carry a cursor.
        """
        with self._lock:
            self._waiting.append(_Waiting(fault, path, skip, when))

    def take(self, request: Request) -> Fault | None:
        """The fault this request runs into, if any."""
        with self._lock:
            willing = [waiting for waiting in self._waiting if waiting.wants(request)]
            if not willing:
                return None
            willing[0].hits += 1
            return willing[0].fault

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    @property
    def pending(self) -> int:
        """How many more requests the queued faults would hit."""
        with self._lock:
            return sum(waiting.fault.times - waiting.hits for waiting in self._waiting)
