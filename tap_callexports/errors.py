"""How reading can end, named by what happens next.

Failures (`ExportError`) have a text of one line for the user; signals have none, and somebody in
the tap catches each of them.
"""

from __future__ import annotations


class ExportError(Exception):
    """Root of the failures whose text may be shown to the user as it is."""


class StreamFailed(ExportError):
    """This stream is not complete; the other streams still run, and the exit code is 1.

    Caught by `ExportStream.get_records`.
    """


class ProviderFailed(StreamFailed):
    """Nothing more can be read from this provider in this run; the other providers still are.

    A credential was refused, or a login failed. `HttpClient` keeps it: later requests fail with it
    at once, without being sent.
    """


class Unreachable(ProviderFailed):
    """No try of a request got an HTTP response: the host could not be connected to."""


class Forbidden(StreamFailed):
    """The credential is good but may not read this stream (HTTP 403)."""


class Unreadable(StreamFailed):
    """The provider answers, but not for this window, or not for this call.

    Every try ended with a server error or with a body that cannot be decoded, or a row lacks its
    primary key. Caught by `Export`, which reads the window in halves, and by `DetailStream`.
    """


class KeyMissing(Unreadable):
    """A row lacks its primary key: either the row is spoilt, or it is not the right list.

    Args:
        message: How many rows, and which key.
        others: Whether other rows of the answer have theirs: then it is the right list.
    """

    def __init__(self, message: str, *, others: bool) -> None:
        super().__init__(message)
        self.others = others


class RunFailed(ExportError):
    """Nothing more can be read in this run, from any provider: the output cannot be written.

    Caught by the command line.
    """


class TransientFailure(ExportError):
    """One request failed in a way that another try may mend.

    Raised also by what decodes an answer. Caught by `HttpClient`, which asks again.

    Args:
        message: What was seen, without body or secret.
        wait: Seconds to wait before the next try, 0 for none; None leaves it to `Attempts`.
        too_large: The answer may have been too much for the server (timeouts, 413, 504): a smaller
            window is a better next step than many tries.
        unreadable: The server answered, with an error of its own or with a body that cannot be
            decoded: what was asked for may be the reason.
        connected: False where no connection could be made.
    """

    def __init__(
        self,
        message: str,
        *,
        wait: float | None = None,
        too_large: bool = False,
        unreadable: bool = False,
        connected: bool = True,
    ) -> None:
        super().__init__(message)
        self.wait = wait
        self.too_large = too_large
        self.unreadable = unreadable
        self.connected = connected


class WindowTooLarge(ExportError):
    """The provider did not, or may not have, answered the whole window: split it and ask again.

    Caught by `Export`; a stream that cannot be split fails with its text.

    Args:
        message: What was seen.
    """


class FilterIgnored(ExportError):
    """The server answered rows its own time filter excludes: windows cannot divide the work.

    Caught by `Export`, which reads the rest by `Endpoint.scan`.
    """


class Signal(Exception):
    """Root of what is no failure, and is never shown."""


class RecordNotFound(Signal):
    """A call that was listed is not there when it is asked for: deleted in between.

    Caught by `DetailStream`, which counts it.
    """


class NotItsTurn(Signal):
    """A response is too large to be read ahead: other responses are handed over before it.

    Caught by `HttpClient`, which sends the request again when it is this worker's turn.
    """


class TestFinished(Signal):
    """A connection test has asked as much as it may; what it saw was good.

    Caught by `ExportStream`.
    """
