"""Requests without sockets and waits that take no time: what stands in for the world outside."""

from __future__ import annotations

import io
import json
import threading
import time
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from sandbox import Fault, FaultQueue
from sandbox.http import Reply, Request
from tap_callexports.compat import override

if TYPE_CHECKING:
    from inprocess import Place

#: A run that sends more than this will never end.
MOST_REQUESTS = 20_000
#: Seconds this thread has waited.
late: ContextVar[float] = ContextVar("late", default=0.0)


class Clock:
    """Stands in for the clock of the tap: a wait makes its thread that much later."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        #: How far the clock of the tap's machine is ahead.
        self.ahead = timedelta()

    @property
    def local(self) -> datetime:
        """The instant the clock of the tap's machine shows."""
        return self.now + self.ahead

    def time(self) -> float:
        """Seconds since 1970, on the tap's machine."""
        return self.local.timestamp()

    def monotonic(self) -> float:
        """Seconds, with those that were waited."""
        return time.monotonic() + late.get()

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> bool:
        """Wait without waiting; threads made later begin at this thread's time."""
        if wake is not None and wake.is_set():
            return True
        late.set(late.get() + seconds)
        return False


class WatchedFaults(FaultQueue):
    """Faults that remember what they hit since they were last asked."""

    def __init__(self) -> None:
        super().__init__()
        self.served: list[Fault] = []

    @override
    def take(self, request: Request) -> Fault | None:
        fault = super().take(request)
        if fault is not None:
            self.served.append(fault)
        return fault


@dataclass
class Sent:
    """One request that reached the sandbox, or should have."""

    method: str
    url: str
    body: Any
    at: float


class Wire(HTTPAdapter):
    """Carries the requests of one run, one at a time, to the sandbox's routing."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._guard = threading.Lock()
        self._cut_off = False
        self.sent: list[Sent] = []
        #: Requests to a host that is not the provider's own.
        self.strays: list[str] = []
        #: How often each request failed.
        self.failed: Counter[tuple[str, str, object]] = Counter()

    def cut(self) -> None:
        """Let nothing through any more; a worker may still be in the middle of something."""
        with self._guard:
            self._cut_off = True

    @override
    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        with self._guard:
            if self._cut_off:
                raise requests.exceptions.ConnectionError("the run is over")
            if len(self.sent) >= MOST_REQUESTS:
                raise AssertionError("a run that never ends")
            reply = self._reply(request)
        if reply.transport == "reset":
            raise requests.exceptions.ConnectionError("connection reset")
        return self.build_response(request, self._raw(request, reply))

    def _reply(self, request: requests.PreparedRequest) -> Reply:
        url, body = str(request.url), request.body or b""
        parts, raw = urlsplit(url), body.encode() if isinstance(body, str) else bytes(body)
        place = self._place
        at = place.clock.monotonic()
        self.sent.append(Sent(str(request.method), url, json.loads(raw) if raw else None, at))
        if not url.startswith(place.api.base_url + "/"):
            self.strays.append(url)
        place.before_request(len(self.sent))
        faults = len(place.faults.served)
        reply = place.box._route(
            Request(
                method=str(request.method),
                path=parts.path,
                params=tuple(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): str(value) for name, value in request.headers.items()},
                raw=raw,
                time=place.clock.now.timestamp(),
            )
        )
        if len(place.faults.served) > faults or reply.status >= 400:
            self.failed[str(request.method), url, raw] += 1
        return reply

    def _raw(self, request: requests.PreparedRequest, reply: Reply) -> urllib3.HTTPResponse:
        """What a connection would hand over: headers read, body still to come."""
        place, body, headers = self._place, reply.body, dict(reply.headers)
        length = len(body)
        if reply.transport == "cut":
            body, length = body[: int(length * place.cut_share)], max(length, 1)
        headers = {
            "Date": formatdate(place.clock.now.timestamp(), usegmt=True),
            "Content-Type": reply.content_type,
            "Content-Length": str(length),
            **headers,
        }
        return urllib3.HTTPResponse(
            io.BytesIO(body),
            headers,
            reply.status,
            preload_content=False,
            decode_content=False,
            request_method=request.method,
            request_url=request.url,
        )
