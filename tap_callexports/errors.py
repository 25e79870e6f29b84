"""The exceptions of the tap, and who catches them.

ExportError                one line for the user
  StreamFailed             `Sync`: the stream is incomplete, the others run, exit code 1
    ProviderFailed         `HttpClient` keeps it: the provider's later requests are not sent
      Unreachable
    Forbidden              `Sync`: a warning with `skip_forbidden_streams`
    Unreadable             `WindowReader` splits the window; `DetailStream` skips the call
      KeyMissing
  RunFailed                the command line: the run ends
  TransientFailure         `HttpClient` sends the request again
    CursorRefused          then `CallStream` reads the list again, where it cannot be split
  WindowTooLarge           `WindowReader` splits the window
  FilterIgnored            `Sync` reads the rest as one scan
Signal                     never shown
  RecordNotFound           `DetailStream` counts the call
  TestFinished             `Sync` ends the connection test of a stream
"""

from __future__ import annotations


class ExportError(Exception):
    """Base of the failures whose text may be shown to the user."""


class StreamFailed(ExportError):
    """This stream is incomplete."""


class ProviderFailed(StreamFailed):
    """Nothing more can be read from this provider: the credential or the login was refused."""


class Unreachable(ProviderFailed):
    """No try of a request could connect to the host."""


class Forbidden(StreamFailed):
    """The credential is valid but may not read this stream (HTTP 403)."""


class Unreadable(StreamFailed):
    """The provider responds, but not for this window or this call.

    Every try ended with a server error or with a body that cannot be decoded, or a row lacks its
    primary key.
    """


class KeyMissing(Unreadable):
    """Rows lack their primary key: they are corrupt, or the response is another list.

    Args:
        message: How many rows, and which key.
        others: Whether other rows of the response have theirs; then it is the right list.
    """

    def __init__(self, message: str, *, others: bool) -> None:
        super().__init__(message)
        self.others = others


class RunFailed(ExportError):
    """Nothing more can be read from any provider: the output cannot be written."""


class TransientFailure(ExportError):
    """A request failed in a way that another try may fix.

    Args:
        message: What happened, without body or secret.
        wait: Seconds to wait before the next try, 0 for none; None for the default backoff.
        too_large: The response may be too large for the server (timeouts, 413, 504): a smaller
            window is a better next step than many tries.
        unreadable: The server responded with an error of its own or with a body that cannot be
            decoded, perhaps because of what was requested.
        connected: False if no connection could be made.
        fewer_at_once: Whether the server refuses this many concurrent requests.
    """

    def __init__(
        self,
        message: str,
        *,
        wait: float | None = None,
        too_large: bool = False,
        unreadable: bool = False,
        connected: bool = True,
        fewer_at_once: bool = False,
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.too_large = too_large
        self.unreadable = unreadable
        self.connected = connected
        self.fewer_at_once = fewer_at_once


class CursorRefused(TransientFailure):
    """The server no longer accepts a cursor that it sent; a smaller window has fewer pages."""


class WindowTooLarge(ExportError):
    """The response is, or may be, incomplete, or it is too large: the window has to be split."""


class FilterIgnored(ExportError):
    """The server sent rows outside the requested time range, so that windows cannot be split."""


class Signal(Exception):
    """Base of exceptions that are no failures."""


class RecordNotFound(Signal):
    """A listed call was not found when it was requested: it no longer exists."""


class TestFinished(Signal):
    """A connection test has sent all the requests it may for a stream."""
