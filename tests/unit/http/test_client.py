"""Requests as they are sent: their headers, what is sent again, and where they do not go."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
import requests
from exchange import SETTINGS
from seam import limits
from singer_sdk.authenticators import BearerTokenAuthenticator

from sandbox import Fault, Sandbox
from tap_callexports.concurrency import Cancelled, Worker
from tap_callexports.errors import ProviderFailed, StreamFailed
from tap_callexports.http.client import HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response


@pytest.fixture
def burki(box: Sandbox) -> Any:
    return box.burki


def client(key: str, caplog: pytest.LogCaptureFixture) -> HttpClient:
    caplog.set_level(logging.INFO)
    auth = BearerTokenAuthenticator(token=key)
    throttle = RateLimiter(at_once=1, per_minute=None)
    return HttpClient(SETTINGS, throttle, auth, logging.getLogger("test"))


def count_request(api: Any) -> Request:
    return Request(f"{api.config()['api_url']}/api/v1/calls/count", sender="test_calls")


def test_a_request_carries_its_credential_and_asks_for_gzip(
    burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client(burki.config()["api_key"], caplog).send(count_request(burki), Response.json)
    headers = burki.requests[-1].headers
    assert headers["authorization"] == f"Bearer {burki.config()['api_key']}"
    assert headers["user-agent"] == "test/1"
    assert headers["accept-encoding"] == "gzip"


@pytest.mark.covers(100)
def test_a_wait_the_server_asks_for_is_kept(burki: Any, caplog: pytest.LogCaptureFixture) -> None:
    burki.faults.add(Fault("status", status=429, times=1, headers={"Retry-After": "1"}))
    before = time.monotonic()
    client(burki.config()["api_key"], caplog).send(count_request(burki), Response.json)
    assert time.monotonic() - before >= 1
    assert [request.status for request in burki.requests] == [429, 200]


@pytest.mark.covers(105)
def test_html_with_status_200_is_tried_again_and_never_shown(
    burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    burki.faults.add(Fault("html", times=100))
    with pytest.raises(StreamFailed, match="200 with HTML instead of JSON; gave up after 8"):
        client(burki.config()["api_key"], caplog).send(count_request(burki), Response.json)
    assert "<" not in caplog.text.replace("<locals>", "")


@pytest.mark.covers(109)
def test_a_redirect_is_not_followed(
    box: Sandbox, burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    burki.faults.add(Fault("redirect", times=1))
    with pytest.raises(StreamFailed, match="redirects are never followed"):
        client(burki.config()["api_key"], caplog).send(count_request(burki), Response.json)
    assert not box.strays


class Tokens:
    """Credentials of one use each: every new one is used up by another request at once."""

    def __init__(self, request: Request) -> None:
        self.client: HttpClient | None = None
        self.number = 0
        self._request = request

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.number}"
        return request

    def renew(self, _: requests.PreparedRequest) -> bool:
        self.number += 1
        assert self.client is not None
        self.client.send(self._request, Response.json)
        return True


def test_a_request_goes_on_however_often_others_have_used_up_its_credential(burki: Any) -> None:
    url = f"{burki.config()['api_url']}/api/v1/calls/count"
    lucky = Request(url, params={"who": "others"}, sender="test_calls")
    unlucky = Request(url, params={"who": "me"}, sender="test_calls")
    burki.faults.add(
        Fault("status", status=401, times=20), when=lambda request: request.query["who"] == "me"
    )
    body = '{"count": 1}'
    burki.faults.add(Fault("status", status=200, times=10**6, body=body))
    tokens = Tokens(lucky)
    throttle = RateLimiter(at_once=4, per_minute=None)
    tokens.client = HttpClient(
        SETTINGS, throttle, tokens, logging.getLogger("test"), renew=tokens.renew
    )
    tokens.client.send(lucky, Response.json)
    assert tokens.client.send(unlucky, Response.json) == {"count": 1}
    assert tokens.number == 20


def test_credentials_that_never_work_are_renewed_once(burki: Any) -> None:
    burki.faults.add(Fault("status", status=401, times=10**6))
    renewed: list[object] = []

    def renew(request: requests.PreparedRequest) -> bool:
        renewed.append(request)
        return True

    refused = HttpClient(
        SETTINGS,
        RateLimiter(at_once=1, per_minute=None),
        BearerTokenAuthenticator(token="x"),
        logging.getLogger("test"),
        renew=renew,
    )
    with pytest.raises(ProviderFailed, match=r"test\.key was refused"):
        refused.send(count_request(burki), Response.json)
    assert len(renewed) == 1


def test_a_worker_cancelled_during_its_request_logs_no_retry(
    burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    api = client(burki.config()["api_key"], caplog)
    ended: list[type[BaseException]] = []

    def send() -> None:
        try:
            api.send(count_request(burki), Response.json)
        except Cancelled:
            ended.append(Cancelled)

    def cancel(_: object) -> bool:
        worker.cancelled.set()
        return True

    worker = Worker(send)
    burki.faults.add(Fault("status", status=503, times=10**6), when=cancel)
    worker.start()
    worker.join(timeout=10)
    assert ended == [Cancelled]
    assert not [message for message in caplog.messages if "next in" in message]


@pytest.mark.parametrize("reads_ahead", [True, False])
def test_a_large_response_waits_for_its_turn_but_not_that_of_a_login(
    burki: Any, *, reads_ahead: bool
) -> None:
    limiter = RateLimiter(at_once=1, per_minute=None)
    auth = BearerTokenAuthenticator(token=burki.config()["api_key"])
    http_client = HttpClient(
        SETTINGS, limiter, auth, logging.getLogger("test"), reads_ahead=reads_ahead
    )
    counts: list[object] = []
    with limits(MAX_BYTES_AHEAD=5):
        worker = Worker(
            lambda: counts.append(http_client.send(count_request(burki), Response.json))
        )
        worker.start()
        worker.join(timeout=1 if reads_ahead else 10)
        assert bool(counts) is not reads_ahead
        worker.turn.set()
        worker.join(timeout=10)
    assert len(counts) == 1
