"""Writes Singer messages to stdout, in whole lines even if a signal arrives."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, RecordMessage, SchemaMessage, StateMessage

from tap_callexports import clock
from tap_callexports.compat import override
from tap_callexports.errors import RunFailed
from tap_callexports.singer.batch_files import BatchFiles

_FLUSH_AT = 1 << 16
_PIECE = 1 << 16
#: Records that are joined at once, to limit copying of long ones.
_RECORDS = 32


def _text_of(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_text_of, decimal_format="number")


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Join lines into few pieces, without copying long lines."""
    short: list[bytes] = []
    for line in lines:
        if len(line) < _FLUSH_AT:
            short.append(line)
        else:
            yield b"".join(short)
            short.clear()
            yield line
    yield b"".join(short)


def _discard_output() -> None:
    """Discard what standard output still buffers: flushing it would fail again at exit."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


class LineWriter(GenericSingerWriter[bytes, Message]):
    """Buffers lines and writes them at 64 KiB, at each STATE and at the end.

    A signal handler calls `interrupt`; if lines are being written, the exit is raised after them,
    so that no line is cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[bytes] = []
        self._size = 0
        self._writing = False
        self._exit: SystemExit | None = None
        #: The columns of each stream's SCHEMA, in order.
        self._columns: dict[str, Mapping[str, Any]] = {}
        #: Takes the records with `batch_config`; else None.
        self.batches: BatchFiles | None = None

    @property
    def writing(self) -> bool:
        """Whether lines are being written now."""
        return self._writing

    @override
    def serialize_message(self, message: Message) -> bytes:
        line: dict[str, Any] = message.to_dict()
        return _encoder.encode(line) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        if isinstance(message, SchemaMessage):
            self._columns[message.stream] = message.schema["properties"]
        elif isinstance(message, RecordMessage):
            # Some loaders take values by position: all columns in the order of the SCHEMA.
            record = message.record
            columns = self._columns.get(message.stream, record)
            message.record = {name: record.get(name) for name in columns}
        if self.batches is None:
            self._write(message)
        elif isinstance(message, RecordMessage):
            self._divert(self.batches.add(message.stream, [_encoder.encode(message.record)]))
        else:
            self._divert(self.batches.add_message(message))

    def write_records(self, stream: str, records: Sequence[bytes]) -> None:
        """Write records of a stream (JSON objects of one line) as messages or into files.

        Raises:
            RunFailed: As `flush`, or a file cannot be written.
            SystemExit: As `flush`.
        """
        if self.batches is not None:
            self._divert(self.batches.add(stream, records))
        elif records:
            head = b'{"type":"RECORD","stream":%b,"record":' % _encoder.encode(stream)
            tail = b',"time_extracted":%b}\n' % _encoder.encode(clock.now())
            for start in range(0, len(records), _RECORDS):
                some = records[start : start + _RECORDS]
                self._collect(head, (tail + head).join(some), tail)

    def finish(self) -> None:
        """Write everything that is buffered; raises as `write_records`."""
        if self.batches is not None:
            self._divert(self.batches.close())
        self.flush()

    def _write(self, message: Message) -> None:
        self._collect(self.format_message(message), at_once=isinstance(message, StateMessage))

    def _collect(self, *lines: bytes, at_once: bool = False) -> None:
        self._lines += lines
        self._size += sum(map(len, lines))
        if self._exit or at_once or self._size >= _FLUSH_AT:
            self.flush()

    def _divert(self, messages: Iterable[Message]) -> None:
        self._writing = True  # a file that is written must be announced
        try:
            self._lines += map(self.format_message, messages)
        finally:
            self._writing = False
        self.flush()

    def interrupt(self, exit_: SystemExit) -> None:
        """Raise the exit now, or after the lines that are being written."""
        # Kept in any case: an exception in a finalizer does not end the run.
        self._exit = exit_
        if not self._writing:
            raise exit_

    def flush(self) -> None:
        """Write the buffered lines.

        Raises:
            RunFailed: They cannot be written.
            SystemExit: `interrupt` was called meanwhile; the lines are written.
        """
        self._writing = True
        try:
            lines, self._lines, self._size = self._lines, [], 0
            stdout = getattr(sys.stdout, "buffer", None)
            for text in _joined(lines):
                if stdout is None:  # a test's text stream
                    sys.stdout.write(text.decode())
                    continue
                rest = memoryview(text)
                while rest:
                    # An unbuffered stdout may write less than it is given.
                    rest = rest[stdout.write(rest[:_PIECE]) :]
            sys.stdout.flush()
        except OSError as error:
            if error.errno == errno.EPIPE:
                _discard_output()
                raise RunFailed("the target stopped reading; see its message") from None
            raise RunFailed(f"the output cannot be written: {error.strerror}") from None
        finally:
            self._writing = False
        if self._exit:
            raise self._exit
