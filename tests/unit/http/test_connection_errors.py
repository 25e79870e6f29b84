"""Requests without a response: the host and the reason are named, and what may mend is retried."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from collections.abc import Iterator

import pytest
import requests
from exchange import SETTINGS
from raw_server import Answer, Asked, RawServer, http
from seam import limits

from tap_callexports.errors import StreamFailed, TransientFailure, Unreachable
from tap_callexports.http.client import HttpClient
from tap_callexports.http.connection_errors import connection_failure
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response

INTERNAL_ERROR = b"\x15\x03\x01\x00\x02\x02\x50"
TRIES = 2


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies but those of a test."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def get(url: str) -> object:
    limiter = RateLimiter(at_once=1, per_minute=None)
    client = HttpClient(SETTINGS, limiter, lambda request: request, logging.getLogger("test"))
    request = Request(f"{url}/path", params={"query": "1"}, sender="test_calls", max_tries=TRIES)
    return client.send(request, Response.json)


def failure_at(url: str) -> str:
    """What is said of a request that fails."""
    with pytest.raises(StreamFailed) as caught:
        get(url)
    assert type(caught.value) is Unreachable
    text = str(caught.value)
    assert not [word for word in ("path", "query", "user:", "secret") if word in text]
    return text


def silence(_: Asked) -> Iterator[bytes]:
    time.sleep(0.5)
    yield b""


def host(url: str) -> str:
    return url.partition("://")[2]


def test_a_name_that_is_not_found(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    caplog.set_level(logging.INFO, "test")
    text = "Test (test_calls): api.example: name not found; "
    assert failure_at("https://api.example").startswith(f"{text}gave up after 2 tries in ")
    assert [line for line in caplog.messages if line.startswith(f"{text}try 1 of 2, next in ")]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (lambda _: [], "the TLS handshake ended early"),
        (lambda _: [INTERNAL_ERROR], "the TLS handshake failed (tlsv1 alert internal error)"),
        (silence, "no connection in 10 s"),
    ],
)
@limits(CONNECT_SECONDS=0.1)
def test_a_tls_handshake_that_fails_is_tried_again(response: Answer, reason: str) -> None:
    with RawServer(response) as server:
        url = server.url.replace("http://", "https://")
        failure = failure_at(url)
    assert f"{host(url)}: {reason}; gave up after 2 tries" in failure
    assert server.connections == TRIES


def test_only_a_certificate_that_is_not_trusted_says_so() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    for cause, kind in ((error, Unreachable), (ssl.SSLError(1, "other"), TransientFailure)):
        wrapped = requests.exceptions.SSLError(cause)
        failure = connection_failure(wrapped, "Test (test_calls)", "https://api.example/x", None)
        assert type(failure) is kind
        trusted = "api.example: the server's TLS certificate is not trusted (self-signed certifi"
        assert (trusted in str(failure)) == (cause is error)


def test_a_proxy_that_requires_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda _: [http(b"", status="407 Proxy Authentication Required")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{(url := host(proxy.url))}")
        failure = failure_at("https://api.example")
    assert f"api.example: proxy {url}: 407, it asks for user and p" in failure
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://user:secret@127.0.0.1:9", "proxy 127.0.0.1:9: connection refused; gave up"),
        ("socks5://user:secret@127.0.0.1:9", "proxy 127.0.0.1:9: SOCKS support is not installed"),
        ("ftp://user:secret@127.0.0.1:9", "proxy 127.0.0.1:9: not a valid address; check HTTPS_P"),
        ("http://user:secret@", "not a valid address; check HTTPS_PROXY"),
        ("http://user:se/cret@127.0.0.1:9", "proxy ?: "),
    ],
)
def test_a_proxy_that_cannot_be_reached_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert reason in failure_at("https://api.example")


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_go_past_proxies(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with RawServer(lambda _: [http(b"1")]) as server, RawServer(lambda _: [http(b"2")]) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert get(server.url.replace("127.0.0.1", address)) == 1
    assert proxy.connections == 0
