"""Connection errors: their messages, and whether to retry."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
import urllib3

from tap_callexports.errors import TransientFailure, Unreachable

#: Timeout of connecting.
CONNECT_SECONDS = 10
_NOT_CONNECTED = (
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
)
_NO_ADDRESS = (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)
#: OpenSSL's reasons for a plain-text response to a TLS handshake.
_PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
#: OpenSSL's libraries for certificate files.
_CERTIFICATE_FILES = frozenset({"PEM", "X509"})
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})\b")


def connection_failure(error: Exception, where: str, url: str, proxy: str | None) -> Exception:
    """The exception to raise for a request without a response.

    Args:
        error: Raised by requests or urllib3.
        where: Provider and stream, the first words of the message.
        url: Of the request; only its host is shown.
        proxy: Address of the proxy, if any; only its host is shown.

    Returns:
        TransientFailure, or Unreachable if another try will not help.
    """
    server = host_of(url) if proxy is None else f"{host_of(url)}: proxy {host_of(proxy)}"
    causes = tuple(_causes_of(error))
    if final := _final_reason(causes, proxy):
        return Unreachable(f"{where}: {server}: {final}")
    connected = not any(isinstance(cause, _NOT_CONNECTED) for cause in causes)
    return TransientFailure(f"{server}: {_reason(causes)}", connected=connected)


def host_of(url: str) -> str:
    """Host and port of an address, without user and password."""
    try:
        host = urlsplit(url if "://" in url else f"//{url}").netloc
    except ValueError:
        host = ""
    if "@" in url and "@" not in host:
        # A password with a slash in it.
        host = ""
    return host.rpartition("@")[2] or "?"


def _causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """The chain of errors, the first cause first."""
    if error is not None:
        inner = next((each for each in error.args if isinstance(each, BaseException)), None)
        yield from _causes_of(error.__cause__ or error.__context__ or inner)
        yield error


def _final_reason(causes: tuple[BaseException, ...], proxy: str | None) -> str | None:
    """The message if another try will not help, else None."""
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and (reason := _final_tls_reason(cause)):
            return reason
        if isinstance(cause, requests.exceptions.InvalidSchema):
            return "SOCKS support is not installed; install pysocks beside the tap"
        if isinstance(cause, _NO_ADDRESS):
            name = "api_url" if proxy is None else "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"
            return f"not a valid address; check {name}"
        if (refused := _TUNNEL_REFUSED.match(str(cause))) and refused[1] == "407":
            return "407, it asks for user and password; put them into HTTPS_PROXY"
    return None


def _final_tls_reason(error: ssl.SSLError) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's TLS certificate is not trusted ({error.verify_message})"
    if getattr(error, "reason", None) in _PLAIN_TEXT:
        return "the port does not use TLS; check whether the address should begin with http://"
    if getattr(error, "library", None) in _CERTIFICATE_FILES:
        return "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names holds no certificates"
    return None


def _reason(causes: tuple[BaseException, ...]) -> str:
    """The message if another try may help."""
    for cause in causes:
        if isinstance(cause, ssl.SSLEOFError):
            return "the TLS handshake ended early"
        if isinstance(cause, ssl.SSLError):
            reason = (getattr(cause, "reason", None) or "unknown error").lower().replace("_", " ")
            return f"the TLS handshake failed ({reason})"
        if refused := _TUNNEL_REFUSED.match(str(cause)):
            return f"it responded {refused[1]}"
        for kind, words in _REASON_MESSAGES.items():
            if isinstance(cause, kind):
                return words
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return "the connection failed"


_REASON_MESSAGES: dict[type[BaseException], str] = {
    socket.gaierror: "name not found",
    ConnectionRefusedError: "connection refused",
    http.client.RemoteDisconnected: "connection closed without a response",
    ConnectionError: "connection reset",
    TimeoutError: f"no connection in {CONNECT_SECONDS} s",
    http.client.HTTPException: "the response is not HTTP",
}
