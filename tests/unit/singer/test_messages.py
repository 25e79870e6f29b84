"""Messages leave as whole lines, also when a signal arrives while they are written."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

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


@contextlib.contextmanager
def stdout_is(pipe: Pipe) -> Iterator[None]:
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BufferedWriter(pipe))):
        yield


def record(text: str) -> RecordMessage:
    return RecordMessage(stream="s", record={"id": text}, time_extracted=NOW)


@pytest.mark.covers(156)
def test_lines_are_written_at_each_state() -> None:
    writer, pipe = LineWriter(), Pipe()
    with stdout_is(pipe):
        writer.write_message(record("a"))
        assert pipe.written == b""
        writer.write_message(StateMessage(value={"bookmarks": {}}))
    lines = [json.loads(line) for line in pipe.written.splitlines()]
    assert [line["type"] for line in lines] == ["RECORD", "STATE"]


def test_long_outputs_do_not_wait_for_a_state() -> None:
    writer, pipe = LineWriter(), Pipe()
    with stdout_is(pipe):
        for _ in range(100):
            writer.write_message(record("x" * 1000))
    assert len(pipe.written) > 60_000


@pytest.mark.covers(150)
def test_a_signal_between_lines_ends_the_run_at_once() -> None:
    with pytest.raises(SystemExit) as caught:
        LineWriter().interrupt(SystemExit(143))
    assert caught.value.code == 143


@pytest.mark.covers(150)
def test_a_signal_in_the_middle_of_a_line_waits_for_its_end() -> None:
    writer, pipe = LineWriter(), Pipe()
    writer.write_message(record("x" * 50_000))
    pipe.before_write = lambda: writer.interrupt(SystemExit(143))
    with stdout_is(pipe), pytest.raises(SystemExit) as caught:
        writer.flush()
    assert caught.value.code == 143
    assert json.loads(pipe.written)["record"]["id"] == "x" * 50_000


@pytest.mark.covers(150)
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
    lines = [json.loads(line) for line in pipe.written.splitlines()]
    assert [line["type"] for line in lines] == ["BATCH", "STATE"]


def test_records_that_are_lines_already_come_like_any_other() -> None:
    writer, pipe = LineWriter(), Pipe()
    with stdout_is(pipe):
        writer.write_records("s", [b'{"id":"a"}', b'{"id":"b"}'])
        writer.write_records("s", [])
        writer.write_message(record("c"))
        writer.finish()
    assert pipe.written.endswith(b"\n")
    lines = [json.loads(line) for line in pipe.written.splitlines()]
    assert [line["record"]["id"] for line in lines] == ["a", "b", "c"]
    assert {(*line, line["type"], line["stream"]) for line in lines} == {
        ("type", "stream", "record", "time_extracted", "RECORD", "s")
    }
    assert all(datetime.fromisoformat(line["time_extracted"][:-1]) for line in lines)


def test_an_unbuffered_output_may_take_a_part_at_a_time() -> None:
    writer, pipe = LineWriter(), Pipe()
    stdout = io.TextIOWrapper(pipe)  # type: ignore[type-var] # as Python's own, unbuffered
    with contextlib.redirect_stdout(stdout):
        writer.write_message(record("x" * 100_000))
        writer.finish()
    assert json.loads(pipe.written)["record"]["id"] == "x" * 100_000


def test_decimals_and_times_are_plain_json() -> None:
    message = RecordMessage(
        stream="s", record={"cost": Decimal("0.10"), "big": 10**30}, time_extracted=NOW
    )
    line = LineWriter().serialize_message(message).decode()
    assert '"cost":0.10' in line
    assert json.loads(line)["record"]["big"] == 10**30
    assert json.loads(line)["time_extracted"] == "2024-05-01T00:00:00Z"


@pytest.mark.parametrize("text", ["\u2028", "\x00", "\U0001f4de", "שלום", "\n\r\t", '"\\'])
def test_every_text_round_trips_on_one_line(text: str) -> None:
    line = LineWriter().serialize_message(record(text)).decode()
    assert line.count("\n") == 1
    assert json.loads(line)["record"]["id"] == text
