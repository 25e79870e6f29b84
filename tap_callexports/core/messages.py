"""Singer messages on stdout: whole lines only, also when a signal arrives in the middle."""

from __future__ import annotations

import errno
import sys
from datetime import datetime
from typing import Any

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from tap_callexports.core.compat import override
from tap_callexports.core.errors import RunFailed

_FLUSH_AT = 1 << 16
_PIECE = 1 << 12


def _text_of(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_text_of, decimal_format="number")


class LineWriter(GenericSingerWriter[bytearray, Message]):
    """Collects lines and writes them when 64 KiB are full, at each STATE and at the end.

    A signal handler may not raise while lines are being written (half of one could be lost), so it
    asks `interrupt` first, and the exit is raised when the last line is through.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = bytearray()
        self._writing = False
        self._exit: SystemExit | None = None

    @override
    def serialize_message(self, message: Message) -> bytearray:
        line: dict[str, Any] = message.to_dict()
        encoded = bytearray(_encoder.encode(line))
        encoded += b"\n"
        return encoded

    @override
    def write_message(self, message: Message) -> None:
        self._lines += self.format_message(message)
        if self._exit or len(self._lines) >= _FLUSH_AT or isinstance(message, StateMessage):
            self.flush()

    def interrupt(self, exit_: SystemExit) -> None:
        """End the run, now or as soon as the lines under way are written.

        Raises:
            SystemExit: The one given.
        """
        # Kept in any case: what is raised inside a finalizer ends nothing.
        self._exit = exit_
        if not self._writing:
            raise exit_

    def flush(self) -> None:
        """Write what is collected.

        Raises:
            RunFailed: It cannot be written, for another reason than that nobody reads any more.
        """
        self._writing = True
        try:
            lines, self._lines = self._lines, bytearray()
            stdout = getattr(sys.stdout, "buffer", None)
            if stdout is None:  # a test's text stream
                sys.stdout.write(lines.decode())
            else:
                for start in range(0, len(lines), _PIECE):
                    stdout.write(lines[start : start + _PIECE])
            sys.stdout.flush()
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            raise RunFailed(f"the output cannot be written: {error.strerror}") from None
        finally:
            self._writing = False
        if self._exit:
            raise self._exit
