"""Requests as they are sent: their headers, and what is sent again."""

from __future__ import annotations

import logging

import pytest
import requests
from exchange import SETTINGS
from raw_server import RawServer, http
from seam import limits

from tap_callexports.concurrency import Worker
from tap_callexports.http.client import HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response

COUNT = http(b'{"count": 1}')
REFUSED = http(b"{}", status="401 Unauthorized")


class Tokens:
    """Credentials, of which each new one is used up by another request at once."""

    def __init__(self, other: Request | None = None) -> None:
        self.number = 0
        self._other = other
        limiter, logger = RateLimiter(at_once=4, per_minute=None), logging.getLogger("test")
        self.client = HttpClient(SETTINGS, limiter, self, logger, renew=self.renew)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.number}"
        return request

    def renew(self, _: requests.PreparedRequest) -> bool:
        self.number += 1
        if self._other:
            self.client.send(self._other, Response.json)
        return True


def test_a_request_goes_on_however_often_others_have_used_up_its_credential() -> None:
    tries = iter(range(100))
    with RawServer(lambda a: [REFUSED if a.path == "/me" and next(tries) < 20 else COUNT]) as api:
        others, me = (Request(f"{api.url}/{who}", sender="test_calls") for who in ("others", "me"))
        tokens = Tokens(others)
        tokens.client.send(others, Response.json)
        assert tokens.client.send(me, Response.json) == {"count": 1}
    assert tokens.number == 20


@pytest.mark.parametrize("reads_ahead", [True, False])
def test_a_large_response_waits_for_its_turn_but_not_that_of_a_login(*, reads_ahead: bool) -> None:
    limiter, logger = RateLimiter(at_once=1, per_minute=None), logging.getLogger("test")
    client = HttpClient(SETTINGS, limiter, Tokens(), logger, reads_ahead=reads_ahead)
    counts: list[object] = []
    with RawServer(lambda _: [COUNT]) as server, limits(MAX_BYTES_AHEAD=5):
        request = Request(f"{server.url}/x", sender="test_calls")
        worker = Worker(lambda: counts.append(client.send(request, Response.json)))
        worker.start()
        worker.join(timeout=0.5 if reads_ahead else 10)
        assert bool(counts) is not reads_ahead
        worker.turn.set()
        worker.join(timeout=10)
    assert len(counts) == 1
