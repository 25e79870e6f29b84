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
from raw_server import Asked, RawServer, http
from seam import limits

from tap_callexports.errors import StreamFailed, TransientFailure, Unreachable
from tap_callexports.http.client import HttpClient
from tap_callexports.http.connection import is_loopback
from tap_callexports.http.connection_errors import connection_failure
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.twin24.login import NoAuth

INTERNAL_ERROR = b"\x15\x03\x01\x00\x02\x02\x50"
TRIES = 3


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies but those of a test."""
    for name in os.environ:
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def failure_at(url: str) -> StreamFailed:
    """How a request to a path with a query ends after all its tries."""
    throttle = RateLimiter(at_once=1, per_minute=None)
    client = HttpClient(SETTINGS, throttle, NoAuth(), logging.getLogger("test"))
    request = Request(f"{url}/path", params={"query": "1"}, sender="test_calls", max_tries=TRIES)
    with pytest.raises(StreamFailed) as caught:
        client.send(request, Response.json)
    assert "path" not in str(caught.value)
    assert "query" not in str(caught.value)
    return caught.value


def tls(server: RawServer) -> str:
    return server.url.replace("http://", "https://")


def host(url: str) -> str:
    return url.partition("://")[2]


def test_a_name_that_is_not_found(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    caplog.set_level(logging.INFO)
    failure = failure_at("https://api.example")
    assert isinstance(failure, Unreachable)
    assert str(failure).startswith(
        "Test (test_calls): api.example: name not found; gave up after 3 tries in "
    )
    lines = [record.getMessage() for record in caplog.records if record.name == "test"]
    assert [line.rpartition(", next in ")[0] for line in lines] == [
        "Test (test_calls): api.example: name not found; try 1 of 3",
        "Test (test_calls): api.example: name not found; try 2 of 3",
    ]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection(scheme: str) -> None:
    failure = failure_at(f"{scheme}://127.0.0.1:9")
    assert isinstance(failure, Unreachable)
    assert "127.0.0.1:9: connection refused; gave up after 3 tries" in str(failure)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([], "the TLS handshake ended early"),
        ([INTERNAL_ERROR], "the TLS handshake failed (tlsv1 alert internal error)"),
    ],
)
def test_a_tls_handshake_that_fails_is_tried_again(answer: list[bytes], reason: str) -> None:
    with RawServer(lambda _: answer) as server:
        failure = failure_at(url := tls(server))
    assert isinstance(failure, Unreachable)
    assert f"{host(url)}: {reason}; gave up after 3 tries" in str(failure)
    assert server.connections == TRIES


@limits(CONNECT_SECONDS=0.1)
def test_a_tls_handshake_that_is_not_answered() -> None:
    def wait(_: Asked) -> Iterator[bytes]:
        time.sleep(1)
        yield b""

    with RawServer(wait) as server:
        failure = failure_at(url := tls(server))
    assert isinstance(failure, Unreachable)
    assert f"{host(url)}: no connection in 10 s; gave up after 3 tries" in str(failure)


def test_https_to_a_port_without_tls_fails_at_once() -> None:
    with RawServer(lambda _: [http(b"1")]) as server:
        failure = failure_at(url := tls(server))
    assert isinstance(failure, Unreachable)
    assert f"{host(url)}: the port does not use TLS; check whether" in str(failure)
    assert server.connections == 1


def test_only_a_certificate_that_is_not_trusted_says_so() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    for cause, kind in ((error, Unreachable), (ssl.SSLError(1, "other"), TransientFailure)):
        wrapped = requests.exceptions.SSLError(cause)
        failure = connection_failure(wrapped, "Test (test_calls)", "https://api.example/x", None)
        assert type(failure) is kind
        trusted = "api.example: the server's TLS certificate is not trusted (self-signed certifi"
        assert (trusted in str(failure)) == (cause is error)


def test_a_connection_closed_without_a_response_was_a_connection() -> None:
    with RawServer(lambda _: []) as server:
        failure = failure_at(url := server.url)
    assert type(failure) is StreamFailed
    assert f"{host(url)}: connection closed without a response; gave up" in str(failure)


def test_a_proxy_that_asks_for_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda _: [http(b"", status="407 Proxy Authentication Required")]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@{(url := host(proxy.url))}")
        failure = failure_at("https://api.example")
    assert isinstance(failure, Unreachable)
    assert f"api.example: proxy {url}: 407, it asks for user and p" in str(failure)
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
    failure = failure_at("https://api.example")
    assert isinstance(failure, Unreachable)
    assert reason in str(failure)
    assert "user" not in str(failure)
    assert "cret" not in str(failure)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_requests_to_this_machine_go_past_proxies(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    throttle = RateLimiter(at_once=1, per_minute=None)
    client = HttpClient(SETTINGS, throttle, NoAuth(), logging.getLogger("test"))
    with RawServer(lambda _: [http(b"1")]) as server, RawServer(lambda _: [http(b"2")]) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        url = server.url.replace("127.0.0.1", address)
        assert client.send(Request(url, sender="test_calls"), Response.json) == 1
    assert proxy.connections == 0


def test_loopback_addresses() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("128.0.0.1", "localhost.example", "::2", "")))
