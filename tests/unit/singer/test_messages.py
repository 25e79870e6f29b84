"""Messages leave as whole lines, also when a signal arrives while they are written."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib.encoding.simple import Message, RecordMessage, StateMessage

from tap_callexports.compat import override
from tap_callexports.singer.batch_files import BatchFiles
from tap_callexports.singer.messages import LineWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

NOW = datetime(2024, 5, 1, tzinfo=timezone.utc)


class Pipe(io.RawIOBase):
    """Standard output that calls back before each piece is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.before_write: Callable[[], None] = lambda: None

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, piece: Buffer, /) -> int:
        self.before_write()
        taken = bytes(piece)[:1000]  # a slow reader takes a little at a time
        self.written += taken
        return len(taken)

    @property
    def lines(self) -> list[Any]:
        assert self.written.endswith(b"\n")
        return [json.loads(line) for line in self.written.splitlines()]


@contextlib.contextmanager
def stdout_is(pipe: Pipe) -> Iterator[None]:
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BufferedWriter(pipe))):
        yield


def record(text: str) -> RecordMessage:
    return RecordMessage(stream="s", record={"id": text}, time_extracted=NOW)


def test_lines_are_written_at_each_state_or_when_there_are_many() -> None:
    writer, pipe = LineWriter(), Pipe()
    with stdout_is(pipe):
        writer.write_message(record("a"))
        assert pipe.written == b""
        writer.write_message(StateMessage(value={"bookmarks": {}}))
        assert [line["type"] for line in pipe.lines] == ["RECORD", "STATE"]
        for _ in range(100):
            writer.write_message(record("x" * 1000))
    assert len(pipe.written) > 60_000


def test_a_signal_in_the_middle_of_a_line_waits_for_its_end() -> None:
    writer, pipe = LineWriter(), Pipe()
    writer.write_message(record("x" * 50_000))
    pipe.before_write = lambda: writer.interrupt(SystemExit(143))
    with stdout_is(pipe), pytest.raises(SystemExit) as caught:
        writer.flush()
    assert caught.value.code == 143
    assert pipe.lines[0]["record"]["id"] == "x" * 50_000


def test_a_signal_while_a_file_is_written_waits_until_it_is_announced(tmp_path: Path) -> None:
    writer, pipe = LineWriter(), Pipe()

    class Interrupted(BatchFiles):
        @override
        def close(self) -> Iterator[Message]:
            for message in super().close():
                writer.interrupt(SystemExit(143))
                yield message

    writer.batches = Interrupted({"storage": {"root": tmp_path.as_uri()}}, "tap-x")
    writer.write_records("s", [b"{}"])
    writer.write_message(StateMessage(value={}))
    with stdout_is(pipe), pytest.raises(SystemExit) as caught:
        writer.finish()
    assert caught.value.code == 143
    assert [line["type"] for line in pipe.lines] == ["BATCH", "STATE"]
