"""HTTP connections, reused only if no response can be mixed up with another.

A connection is reused after `release` found that its response ended as announced. Otherwise (error,
timeout, body not read to its end, bytes after the body) it is closed with its response.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL
from urllib3.connection import HTTPConnection

from tap_callexports.compat import override

#: Connections kept open to a host: as many as `max_concurrency` allows.
MAX_CONNECTIONS = 32
#: Most interim (1xx) responses before the final one.
MAX_INTERIM = 1000
_KNOWN_STATUS = range(200, 600)


class Connections(HTTPAdapter):
    """The connections of a session, with or without a proxy."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=MAX_CONNECTIONS)

    @override
    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001 - as in the base class
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> urllib3.connectionpool.ConnectionPool:
        try:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
        except InvalidSchema:
            raise
        except (TypeError, ValueError) as error:
            # requests raises several errors for addresses that it cannot parse.
            raise InvalidURL from error
        pool = cast("urllib3.HTTPConnectionPool", pool)
        pool.ConnectionCls = _checked(pool.ConnectionCls)
        return pool


def release(response: requests.Response) -> None:
    """Keep the connection of a response, read to its end, if nothing unexpected happened."""
    # Responses of other transports, as in tests, have none.
    original = getattr(response.raw, "_original_response", None)
    if isinstance(original, _Response) and original.release():
        response.raw.release_conn()


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Response(http.client.HTTPResponse):
    """A response that skips interim ones, and that urllib3 takes for open until it is released.

    urllib3 returns a connection to its pool once the response `isclosed`.
    """

    #: Number of interim responses.
    _interim = 0
    #: Whether bytes followed the body.
    _bytes_behind = False
    _released = False

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self._socket = sock

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc] # not in typeshed
        if status < HTTPStatus.OK and status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise http.client.BadStatusLine("too many interim responses")
            # The only interim status that http.client skips.
            status = HTTPStatus.CONTINUE
        return version, status, reason

    def _close_conn(self) -> None:
        """Called at the end of the body: check for bytes after it before the buffer is closed."""
        try:
            timeout = self._socket.gettimeout()
            self._socket.settimeout(0)
            try:
                self._bytes_behind = bool(self.fp.peek(1))
            finally:
                self._socket.settimeout(timeout)
        except (OSError, ValueError):
            # No bytes, on a TLS socket.
            pass
        super()._close_conn()  # type: ignore[misc] # not in typeshed

    @override
    def isclosed(self) -> bool:
        return self._released and super().isclosed()

    def release(self) -> bool:
        """Close the response if its connection can be reused, and return whether it can."""
        self._released = (
            super().isclosed()
            and not self.will_close
            and not self._bytes_behind
            and self.status in _KNOWN_STATUS
        )
        return self._released


@cache
def _checked(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    """The connection class with `_Checked` mixed in."""
    if issubclass(connection, _Checked):
        return connection
    return type(connection.__name__, (_Checked, connection), {})


class _Checked(HTTPConnection):
    response_class = _Response

    @override
    def connect(self) -> None:
        # urllib3 does not tell a TLS handshake that times out or is reset from such a request.
        try:
            super().connect()
        except ssl.SSLError:
            raise
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "not connected") from error
