"""Connections: interim responses are skipped, and no response is taken for another request's."""

from __future__ import annotations

import gzip
import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from exchange import SETTINGS
from raw_server import Asked, RawServer, http
from seam import limits

from tap_callexports.errors import ExportError
from tap_callexports.http.client import HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response

GZIP = "Content-Encoding: gzip"
PACKED = gzip.compress(b"1", mtime=0)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n"
WHOLE = {"length": http(b"1"), "gzip": http(PACKED, GZIP), "chunked": CHUNKED}


def interim(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nLink: </x>; rel=preload\r\n\r\n".encode()


HINTS, PROCESSING = interim("103 Early Hints"), interim("102 Processing")


def client(*, at_once: int = 1, read_timeout: int = 1) -> HttpClient:
    limiter = RateLimiter(at_once=at_once, per_minute=None)
    settings = replace(SETTINGS, read_timeout=read_timeout)
    return HttpClient(settings, limiter, lambda request: request, logging.getLogger("test"))


def get(http_client: HttpClient, server: RawServer, number: int) -> object:
    """The number that the server sends; None if the request fails."""
    request = Request(f"{server.url}/{number}", sender="test_calls", max_tries=1)
    try:
        return http_client.send(request, Response.json)
    except ExportError:
        return None


def used(*pieces: bytes | float, received: int | None = 1, pause: float = 0.1) -> int:
    """How many connections three requests take.

    The first one gets these pieces, with pauses in seconds; the others get their numbers.
    """

    def respond(asked: Asked) -> Iterator[bytes]:
        if asked.path != "/1":
            yield http(asked.path[1:].encode())
            return
        for piece in pieces:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                yield piece

    with RawServer(respond, keep_alive=True) as server:
        http_client = client()
        numbers = []
        for number in (1, 2, 3):
            numbers.append(get(http_client, server, number))
            # What the server still sends arrives before the next request goes out.
            time.sleep(pause)
    assert numbers == [received, 2, 3]
    return server.connections


INTERIM = interim("100 Continue")
NEXT = http(b"9")


@pytest.mark.parametrize(
    "pieces",
    [
        *([whole] for whole in WHOLE.values()),
        [INTERIM, http(b"1")],
        [PROCESSING, 0.2, PROCESSING, 0.2, HINTS, INTERIM, http(b"1")],
        [b"HTTP/1.1 199 Other\r\n\r\n", http(b"1")],
    ],
)
def test_a_connection_is_used_again_after_a_whole_response_and_interim_ones_are_skipped(
    pieces: list[bytes | float],
) -> None:
    assert used(*pieces) == 1


@limits(MAX_INTERIM=5)
def test_endless_interim_responses_are_an_error() -> None:
    assert used(*[INTERIM] * 6, http(b"1"), received=None) == 2


@pytest.mark.parametrize(
    "behind",
    [[NEXT], [0.05, NEXT], [0.05, HINTS], [b"\r\n"], [b"\0" * 9000]],
    ids=["a response", "a later response", "a later interim response", "CRLF", "zeros"],
)
@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_a_connection_with_bytes_behind_the_response_is_not_used_again(
    whole: bytes, behind: list[bytes | float]
) -> None:
    assert used(whole, *behind) == 2


def test_bytes_that_come_with_the_response_are_noticed_at_once() -> None:
    assert used(http(b"1") + NEXT, pause=0) == 2
    assert used(http(PACKED + b"\0" * 512, GZIP)) == 2


@pytest.mark.parametrize(
    "broken",
    [
        http(b"", status="101 Switching Protocols") + http(b"1"),
        http(b"", status="999 Denied") + http(b"1"),
        http(b"1", "Content-Length: 2"),
        http(PACKED[:-1], GZIP),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"no HTTP\r\n\r\n",
    ],
    ids=["101", "999", "cut short", "cut gzip", "no chunk size", "no HTTP"],
)
def test_a_connection_is_not_used_again_after_an_error(broken: bytes) -> None:
    assert used(broken, received=None) == 2


def test_a_response_after_the_timeout_is_not_taken_for_the_next_request() -> None:
    assert used(1.2, http(b"1"), received=None) == 2
