"""However a run is ended early, it leaves whole lines, a safe STATE, and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from expected_streams import FIRST_OF
from kills import POINTS, SECONDS, SIGNALS, Case, cases, end
from process import started, tap
from singer_sdk.singerlib.encoding.simple import RecordMessage
from support import JSON, assert_table_is

from sandbox import Sandbox
from tap_callexports.singer.messages import LineWriter

#: A file that takes nothing.
FULL_DISK = Path("/dev/full")
#: One at each kind of point; each signal once at least.
CASES = cases(len(POINTS))
MANY = cases(4 * len(POINTS) * len(SIGNALS))[len(CASES) :]


def may(box: Sandbox) -> JSON:
    """A config for all that the box holds."""
    return box.config() | {"start_date": "2024-05-01", "end_date": "2024-06-01"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_run_that_is_ended_anywhere_loses_nothing_and_leaves_nothing(case: Case) -> None:
    assert end(case) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", MANY, ids=str)
def test_many_runs_that_are_ended_anywhere(case: Case) -> None:
    assert end(case) == []


def test_pressing_ctrl_c_again_and_again_changes_nothing(box: Sandbox) -> None:
    with started(may(box)) as run:
        run.read_states(2)
        run.stop_reading()
        for _ in range(5):
            run.process.send_signal(signal.SIGINT)
        outcome = run.finish(within=SECONDS)
    assert outcome.code == 130
    assert outcome.out.endswith("\n")
    assert "Traceback" not in outcome.err
    assert outcome.errors == []


@pytest.mark.parametrize("states", [0, 5])
def test_a_target_that_dies_ends_the_run_with_one_line(box: Sandbox, states: int) -> None:
    with started(may(box)) as run:
        run.read_states(states)
        run.die()
        outcome = run.finish()
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    assert "Exception ignored" not in outcome.err
    assert outcome.errors == ["the target stopped reading; see its message"]


def test_closed_standard_output_is_said_in_one_line() -> None:
    command = ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "tap_callexports", "--discover"]
    outcome = subprocess.run(command, stderr=subprocess.PIPE, check=False, text=True)
    assert outcome.returncode == 1
    assert outcome.stderr == "standard output is closed: send it to a target or a file\n"


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
    for stream in FIRST_OF.values():
        assert_table_is(done.run.table(stream), box.truth(stream))


def test_a_signal_that_arrives_inside_a_finalizer_ends_the_run_with_the_next_line() -> None:
    """What a handler raises there is reported and forgotten; the signal must not be."""
    writer, out = LineWriter(), io.StringIO()
    with contextlib.suppress(SystemExit):  # as the interpreter does
        writer.interrupt(SystemExit(143))
    message = RecordMessage("s", {"id": 1}, time_extracted=datetime.now(timezone.utc))
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as caught:
        writer.write_message(message)
    assert caught.value.code == 143
    assert json.loads(out.getvalue())["record"] == {"id": 1}
