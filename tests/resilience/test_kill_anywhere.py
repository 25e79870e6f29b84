"""A run that is killed anywhere leaves whole lines, a safe STATE, and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kills import POINTS, SIGNALS, STREAMS, Case, cases, end
from process import tap
from singer_sdk.singerlib.encoding.simple import RecordMessage
from support import JSON, assert_table_is

from tap_callexports.singer.messages import LineWriter
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from sandbox import Sandbox

#: A file that takes nothing.
FULL_DISK = Path("/dev/full")
CASES = cases(len(POINTS) * len(SIGNALS))

pytestmark = pytest.mark.covers(60, 150, 151, 156, 165)


def may(box: Sandbox) -> JSON:
    """A config for all that the box holds."""
    return box.config() | {"start_date": "2024-05-01", "end_date": "2024-06-01"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_run_that_is_ended_anywhere_loses_nothing_and_leaves_nothing(case: Case) -> None:
    assert end(case).errors == []


def test_every_signal_meets_every_point_and_every_stream_is_killed() -> None:
    assert {(case.signum, case.point) for case in CASES} == {
        (signum, point) for signum in SIGNALS for point in POINTS
    }
    assert {(case.stream, case.workers) for case in CASES} == {
        (stream, workers) for stream in STREAMS for workers in (1, 4)
    }
    assert {(case.point, case.workers) for case in CASES} == {
        (point, workers) for point in POINTS for workers in (1, 4)
    }
    for stream in STREAMS:
        assert len({case.point for case in CASES if case.stream == stream}) > 1, stream


@pytest.mark.skipif(not FULL_DISK.exists(), reason="there is no /dev/full here")
def test_a_full_disk_behind_the_output_ends_the_run_in_one_line(box: Sandbox) -> None:
    with FULL_DISK.open("wb") as out:
        done = tap(config=may(box), stdout=out)
    assert done.code == 1
    assert done.errors == ["the output cannot be written: No space left on device"]
    assert "Traceback" not in done.err


def test_a_run_needs_no_folder_for_temporary_files(box: Sandbox) -> None:
    done = tap(config=may(box), env={"TMPDIR": "/nonexistent"})
    assert done.code == 0
    for stream in ("anunzi_calls", "burki_calls", "twin24_calls", "videsk_calls"):
        assert_table_is(done.run.table(stream), box.truth(stream))


class Finalized:
    """Does something when it is thrown away."""

    def __init__(self, then: Callable[[], object]) -> None:
        self._then = then

    def __del__(self) -> None:
        self._then()


def test_an_exit_that_a_finalizer_swallows_is_no_news_and_other_errors_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    run = TapCallExports(config={}, validate_config=False)
    Finalized(lambda: run.terminate(signal.SIGTERM))
    assert capsys.readouterr().err == ""
    with pytest.raises(SystemExit):
        run.this_run.writer.flush()
    Finalized(lambda: 1 // 0)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_signal_that_arrives_inside_a_finalizer_ends_the_run_with_the_next_line() -> None:
    """What a handler raises there is reported and forgotten; the signal must not be."""
    writer = LineWriter()
    out = io.StringIO()
    with contextlib.suppress(SystemExit):  # as the interpreter does
        writer.interrupt(SystemExit(143))
    message = RecordMessage("s", {"id": 1}, time_extracted=datetime.now(timezone.utc))
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as caught:
        writer.write_message(message)
    assert caught.value.code == 143
    assert json.loads(out.getvalue())["record"] == {"id": 1}
