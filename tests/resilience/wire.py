"""Answers as bytes on the wire, read by the real HTTP stack, without a socket."""

from __future__ import annotations

import gzip
import http.client
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import requests
import urllib3

from tap_callexports.http.body import read_response
from tap_callexports.http.response import Response

if TYPE_CHECKING:
    import socket

#: A body, put into an answer whole or cut after so many of its bytes on the wire.
Framing = Callable[[bytes], tuple[bytes, bytes]]

_CHUNK = 700


def with_length(body: bytes) -> tuple[bytes, bytes]:
    """The head says how long the body is."""
    return b"Content-Length: %d\r\n" % len(body), body


def until_closed(body: bytes) -> tuple[bytes, bytes]:
    """The end of the connection is the end of the body."""
    return b"Connection: close\r\n", body


def chunked(body: bytes) -> tuple[bytes, bytes]:
    """Pieces, each with its length in front, and an empty one at the end."""
    pieces = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""]]
    return b"Transfer-Encoding: chunked\r\n", b"".join(framed)


FRAMINGS: tuple[Framing, ...] = (with_length, until_closed, chunked)


def packed(body: bytes) -> bytes:
    """The body as gzip."""
    return gzip.compress(body, mtime=0)


def read(
    header: bytes, wire: bytes, *, zipped: bool = False, media_type: str = "application/json"
) -> Response:
    """What the tap makes of an answer 200 with these bytes behind its head.

    Args:
        header: The lines of the head that frame the body.
        wire: The bytes that come, and after them the end of the connection.
        zipped: Whether the head says that they are gzip.
        media_type: What the head says that they hold.
    """
    encoding = b"Content-Encoding: gzip\r\n" if zipped else b""
    lines = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n" % media_type.encode()
    return read_response(_opened(lines + encoding + header + b"\r\n" + wire), time.monotonic() + 60)


class _Connection:
    """A connection on which everything has come that will ever come."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._received)


def _opened(received: bytes) -> requests.Response:
    """An answer whose head was read, made as the connection pool makes it."""
    answer = http.client.HTTPResponse(cast("socket.socket", _Connection(received)), method="GET")
    answer.begin()
    raw = urllib3.HTTPResponse(
        body=answer,
        headers=urllib3.HTTPHeaderDict(answer.msg.items()),
        status=answer.status,
        preload_content=False,
        decode_content=False,
        original_response=answer,
        request_method="GET",
    )
    asked = requests.Request("GET", "http://localhost/").prepare()
    response: requests.Response = requests.adapters.HTTPAdapter().build_response(asked, raw)
    return response
