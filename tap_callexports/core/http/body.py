"""The body of an answer, read whole: complete, decompressed, bounded in time and size.

Knows no JSON, and nothing of what is tried next.
"""

from __future__ import annotations

import io
import time
import zlib
from typing import TYPE_CHECKING

import urllib3

from tap_callexports.core.errors import TransientFailure, WindowTooLarge
from tap_callexports.core.http.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

#: An answer must be smaller than this once decompressed; a window that needs more is split.
MAX_BODY_BYTES = 64 << 20
_CHUNK, _INFLATED = 1 << 16, 1 << 20
_GZIP = zlib.MAX_WBITS | 16


class _Gzip:
    """A gzip body piece by piece; it may be several members, one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def whole(self) -> bool:
        """Whether the last member has ended, and its checksum was right."""
        return self._member.eof

    def inflated(self, piece: bytes) -> Iterator[bytes]:
        """What a piece holds, in pieces of bounded size."""
        while piece:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            yield self._member.decompress(piece, _INFLATED)
            piece = self._member.unconsumed_tail or self._member.unused_data


def read_reply(response: requests.Response, deadline: float) -> Reply:
    """Read the body of a streamed response.

    Args:
        response: An open response whose body was not read yet.
        deadline: `time.monotonic()` after which a slow body is given up.

    Raises:
        TransientFailure: The body is cut short, does not decompress, or drips past the deadline.
        WindowTooLarge: The decompressed body reaches MAX_BODY_BYTES.
    """
    body = io.BytesIO()
    for piece in pieces_of(response, deadline):
        body.write(piece)
        if body.tell() >= MAX_BODY_BYTES:
            raise WindowTooLarge(f"an answer of over {MAX_BODY_BYTES >> 20} MiB")
    return Reply(response.status_code, response.headers, body.getvalue())


def pieces_of(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """The decompressed body of a streamed response, piece by piece and without a limit.

    Args and Raises: As `read_reply`; how large it may be is for the caller to say.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    packed = _Gzip() if "gzip" in encoding else None
    received = 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            if time.monotonic() > deadline:
                raise TransientFailure("the answer came too slowly", heavy=True)
            received += len(chunk)
            yield from packed.inflated(chunk) if packed else (chunk,)
    except urllib3.exceptions.ReadTimeoutError:
        raise TransientFailure("no answer in time", heavy=True) from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise TransientFailure("the answer was cut short", unreadable=True) from None
    except zlib.error:
        raise TransientFailure("the answer does not decompress", unreadable=True) from None
    if packed and received and not packed.whole:
        raise TransientFailure("the answer was cut short", unreadable=True)
