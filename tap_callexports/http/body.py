"""Reads the complete body of a response: decompressed, bounded in time and size."""

from __future__ import annotations

import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator

import requests
import urllib3

from tap_callexports import clock
from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.connection import release
from tap_callexports.http.response import Response

#: A decompressed response must be smaller than this; otherwise its window is split.
MAX_BODY_BYTES = 64 << 20
_CHUNK, _INFLATED = 1 << 16, 1 << 20
_GZIP = zlib.MAX_WBITS | 16
_GZIP_MAGIC = b"\x1f\x8b"


class _Gzip:
    """Decompresses a gzip body piece by piece; it may have several members.

    Bytes after a member that do not begin another one, such as padding, are ignored.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        #: The first byte of what may be another member.
        self._begun = b""
        #: Whether bytes were ignored.
        self.padded = False

    @property
    def whole(self) -> bool:
        """Whether the last member has ended with the right checksum."""
        return self._member.eof and not self._begun

    def inflated(self, piece: bytes) -> Iterator[bytes]:
        """Decompress a piece into pieces of bounded size."""
        while piece:
            if self._member.eof:
                piece = self._next_member(piece)
                if not piece:
                    return
            yield self._member.decompress(piece, _INFLATED)
            piece = self._member.unconsumed_tail or self._member.unused_data

    def _next_member(self, piece: bytes) -> bytes:
        """The piece from the start of another member, empty if none begins in it."""
        if self.padded:
            return b""
        piece = self._begun + piece
        self._begun = piece if piece == _GZIP_MAGIC[:1] else b""
        self.padded = not _GZIP_MAGIC.startswith(piece[:2])
        if self._begun or self.padded:
            return b""
        self._member = zlib.decompressobj(_GZIP)
        return piece


def read_response(
    response: requests.Response, deadline: float, received: Callable[[int], None] | None = None
) -> Response:
    """Read the body of a streamed response, without a leading byte order mark.

    Args:
        response: An open response whose body was not read yet.
        deadline: `clock.monotonic()` after which reading a slow body fails.
        received: Called with the size of each piece; may raise NotItsTurn.

    Raises:
        TransientFailure: The body is cut short, does not decompress, or is late.
        WindowTooLarge: The decompressed body reaches MAX_BODY_BYTES.
    """
    body = io.BytesIO()
    for piece in _inflated(response, deadline):
        body.write(piece)
        if received:
            received(len(piece))
        if body.tell() >= MAX_BODY_BYTES:
            raise WindowTooLarge(f"a response of over {MAX_BODY_BYTES >> 20} MiB")
    whole = body.getvalue().removeprefix(BOM_UTF8)
    return Response(response.status_code, response.headers, whole)


def _inflated(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """Yield the decompressed body in pieces, then release the connection."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    packed = _Gzip() if "gzip" in encoding else None
    received = 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            if clock.monotonic() > deadline:
                raise TransientFailure("the response came too slowly", too_large=True)
            received += len(chunk)
            yield from packed.inflated(chunk) if packed else (chunk,)
    except urllib3.exceptions.ReadTimeoutError:
        raise TransientFailure("no response in time", too_large=True) from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise TransientFailure("the response was cut short", unreadable=True) from None
    except zlib.error:
        raise TransientFailure("the response does not decompress", unreadable=True) from None
    if packed and received and not packed.whole:
        raise TransientFailure("the response was cut short", unreadable=True)
    if not (packed and packed.padded):
        release(response)
