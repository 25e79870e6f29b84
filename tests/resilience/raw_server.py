"""A server that sends exactly the given bytes, head and all."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

_BIG = 1 << 16
#: How a client begins that wants to speak TLS; it is answered all the same.
_TLS = b"\x16"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    path: str
    head: bytes
    body: bytes


Answer = Callable[[Asked], Iterable[bytes]]


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer of JSON."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-enc")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def call_list() -> bytes:
    """The body of Burki's list (the stream `burki_call_list`) with one call, and its count."""
    row = {"id": 7, "started_at": "2024-05-09T12:00:00", "status": "completed", "duration": 5}
    return json.dumps({"count": 1, "total": 1, "items": [row]}).encode()


class RawServer:
    """Listens on this machine while it is entered.

    Args:
        answer: The pieces of the answer to a request, perhaps without end.
        keep_alive: Whether a connection takes more than one request.
    """

    def __init__(self, answer: Answer, *, keep_alive: bool = False) -> None:
        self.asked: list[Asked] = []
        #: How many connections were made.
        self.connections = 0
        self._answer = answer
        self._keep_alive = keep_alive
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while asked := _read(connection):
                self.asked.append(asked)
                for piece in self._answer(asked):
                    connection.sendall(piece)
                if not self._keep_alive:
                    break
        self._open.discard(connection)


def _read(connection: socket.socket) -> Asked | None:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(_BIG)
        if not chunk:
            return None
        received += chunk
        if received.startswith(_TLS):
            return Asked("", received, b"")
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    lengths = [line.split(":")[1] for line in lines if line.lower().startswith("content-length")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(_BIG)
    return Asked(urlsplit(lines[0].split()[1]).path, head, body)


def endless(piece: bytes) -> Iterator[bytes]:
    """The same piece until the client hangs up."""
    while True:
        yield piece
