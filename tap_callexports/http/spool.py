"""Large answers, kept in a temporary file without a name: memory does not grow with them.

Small ones stay in memory. The file is private and unlinked from the start, so nothing of it is left
behind, however the run ends. Knows neither JSON nor CSV.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from tap_callexports.errors import ExportError, WindowTooLarge
from tap_callexports.http.body import pieces_of, read_reply
from tap_callexports.http.response import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import requests

T = TypeVar("T")

#: Answers of up to so many bytes stay in memory, where they take several times as much.
IN_MEMORY = 2 << 20
#: No file may be larger than this, decompressed, or hold more rows; a window that needs more is
#: split.
MAX_FILE_BYTES = 1 << 30
MAX_FILE_ROWS = 5_000_000
#: What stays at hand of the start of a large answer, to say what it is.
_START = 1 << 10


class NoRoom(ExportError):
    """The temporary folder does not take the answer. Caught by `HttpClient`: the stream fails."""


@dataclass(frozen=True, slots=True)
class SpooledResponse(Response):
    """An answer of which `body` is only the start.

    Args:
        file: All of it, decompressed. Who keeps the answer closes it.
    """

    file: BinaryIO


def read_spooled(response: requests.Response, deadline: float) -> Response:
    """Read the body of a streamed response; a large one with status 2xx is a SpooledResponse.

    Args: As of `read_reply`.

    Raises:
        TransientFailure: As `read_reply`.
        WindowTooLarge: The decompressed body passes MAX_FILE_BYTES.
        NoRoom: It cannot be written to the temporary folder.
    """
    status, headers = response.status_code, response.headers
    if not Response(status, headers, b"").ok:
        return read_reply(response, deadline)
    start, pieces = bytearray(), pieces_of(response, deadline)
    for piece in pieces:
        start += piece
        if len(start) > IN_MEMORY:
            file = _file_of(chain((start,), pieces))
            return SpooledResponse(status, headers, bytes(start[:_START]), file)
    return Response(status, headers, bytes(start))


def decoded(reply: Response, decode: Callable[[Response], T]) -> T:
    """What `decode` makes of an answer; the file of one that it refuses is closed."""
    with ExitStack() as stack:
        if isinstance(reply, SpooledResponse):
            stack.callback(reply.file.close)
        result = decode(reply)
        stack.pop_all()
    return result


def _file_of(pieces: Iterable[bytes | bytearray]) -> BinaryIO:
    """A file of these pieces, open at its start."""
    size = 0
    with ExitStack() as stack:
        with _writing():
            # Unbuffered: closing it has nothing left to write, which could fail again.
            file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(buffering=0)))
        for piece in pieces:
            size += len(piece)
            if size > MAX_FILE_BYTES:
                raise WindowTooLarge(f"an answer of over {MAX_FILE_BYTES >> 20} MiB")
            with _writing():
                _write(file, piece)
        file.seek(0)
        stack.pop_all()
    return file


def _write(file: BinaryIO, piece: bytes | bytearray) -> None:
    """Write all of a piece: what is nearly full takes a part of it before it refuses."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoRoom(
            f"the temporary folder does not take the answer ({error.strerror}); make room in it, "
            "or set TMPDIR to another one"
        ) from None
