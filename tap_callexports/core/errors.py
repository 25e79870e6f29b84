"""The ways an export can fail, named by what happens next. Every text is one line for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class ExportError(Exception):
    """Root of the failures whose text may be shown to the user as it is."""


class StreamFailed(ExportError):  # noqa: N818 - named by what happens, like the SDK's own signals
    """This stream is not complete; the other streams still run, and the exit code is 1."""


class Forbidden(StreamFailed):
    """The credential is good but may not read this stream (HTTP 403)."""


class RunFailed(ExportError):  # noqa: N818 - as above
    """Nothing more can be read in this run, from any stream: a refused credential."""


class TransientFailure(ExportError):  # noqa: N818 - as above
    """One request failed in a way that another try may mend.

    Args:
        message: What was seen, without body or secret.
        wait: Seconds the server asks to wait, when it says.
        heavy: The answer may have been too much for the server (timeouts, 413, 504): a smaller
            window is a better next step than many tries.
    """

    def __init__(self, message: str, *, wait: float | None = None, heavy: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.heavy = heavy


class WindowTooLarge(ExportError):  # noqa: N818 - as above
    """The provider did not, or may not have, answered the whole window: split it and ask again.

    Args:
        message: What was seen.
        at: Where to split; in the middle if it is not told, or not inside the window.
    """

    def __init__(self, message: str, *, at: datetime | None = None) -> None:
        super().__init__(message)
        self.at = at


class PartlyRead(ExportError):  # noqa: N818 - as above
    """A window was read up to here; the rest is asked for next.

    Args:
        until: End of what was read, inside the window.
    """

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


class FilterIgnored(ExportError):  # noqa: N818 - as above
    """The server answered rows its own time filter excludes: windows cannot divide the work."""


class Vanished(ExportError):  # noqa: N818 - as above
    """A call that was listed is not there when it is asked for: deleted in between."""


class ProbeFinished(ExportError):  # noqa: N818 - as above
    """A connection test has asked as much as it may; what it saw was good."""
