"""The HTTP server: real sockets, keep-alive, and every way a connection can end badly."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from .compat import override
from .http import Reply, Request

Route = Callable[[Request], Reply]
Address = Any
Socket = Any
ClockOffset = Callable[[str], float]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Server(ThreadingHTTPServer):
    """A threading server that hands requests to one function and can drop its clients."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], route: Route, clock_offset: ClockOffset) -> None:
        """Listen on `address`; port 0 picks a free one."""
        self.route = route
        self.clock_offset = clock_offset
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def run_in_thread(self) -> threading.Thread:
        """Serve in the background until `stop`."""
        thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        return thread

    def stop(self) -> None:
        """Stop listening and hang up on everybody, as a server that goes down does."""
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @override
    def process_request_thread(self, request: Socket, client_address: Address) -> None:
        """Serve one connection, remembering it for `stop`."""
        with self._guard:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.discard(request)

    @override
    def handle_error(self, request: Socket, client_address: Address) -> None:
        """Say nothing about clients that hang up; report everything else."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Turns a socket's bytes into a Request and a Reply into bytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def _answer(self) -> None:
        request = self._request()
        reply = cast("Server", self.server).route(request)
        if reply.transport == "reset":
            self._reset()
            return
        self._send(request, reply)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Treat every method alike; which of them are allowed is for the providers to say."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _request(self) -> Request:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            params=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            raw=self.rfile.read(length) if length else b"",
            time=time.time(),
        )

    def _send(self, request: Request, reply: Reply) -> None:
        offset = cast("Server", self.server).clock_offset(request.path)
        headers = {
            "Date": formatdate(time.time() + offset, usegmt=True),
            "Content-Type": reply.content_type,
            "Content-Length": str(len(reply.body)),
            **reply.headers,
        }
        body = reply.body
        if reply.transport == "cut":
            body = body[: len(body) // 2]
            headers["Content-Length"] = str(max(len(reply.body), 1))
            self.close_connection = True
        self.send_response_only(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.connection.close()
        self.close_connection = True

    @override
    def log_message(self, *args: object, **more: object) -> None:
        """Stay silent; the apis keep their own log."""
