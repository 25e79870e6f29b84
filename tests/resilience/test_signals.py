"""The end of a real process, whoever causes it: whole lines, and a last STATE to restart from."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from expected_streams import OFF
from expected_streams import STREAMS as ENTRIES
from process import Outcome, Started, started
from support import assert_table_is, run_tap, upserted

from sandbox import Fault

if TYPE_CHECKING:
    from support import JSON

    from sandbox import Sandbox

#: All that are selected by default and end where the calls do: appointments go on.
STREAMS = {each.name for each in ENTRIES if each.name not in OFF and not each.ahead}
SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
#: What the contract gives a run to end in, while its output is being read.
SECONDS = 5


def may(box: Sandbox) -> JSON:
    """A config for all that the box holds."""
    return box.config() | {"start_date": "2024-05-01", "end_date": "2024-06-01"}


def assert_restart_completes(outcome: Outcome, box: Sandbox) -> None:
    """What came out, and a run from its last STATE, hold every call together."""
    rest = run_tap(may(box), state=outcome.run.state or None)

    assert rest.code == 0
    for stream in STREAMS:
        table = upserted(outcome.run.table(stream), rest, stream)
        assert_table_is(table, box.truth(stream))


def assert_ended_well(outcome: Outcome, code: int) -> None:
    """A signal's exit code, and no word of surprise."""
    assert outcome.code == code
    assert outcome.out.endswith("\n")
    assert "Traceback" not in outcome.err
    assert "Error" not in outcome.err
    assert outcome.errors == []


@pytest.mark.covers(150)
@pytest.mark.parametrize(("signum", "code"), SIGNALS)
@pytest.mark.parametrize("provider", ["burki", "twin24", "videsk"])
def test_a_signal_while_a_request_hangs_ends_the_run(
    box: Sandbox, provider: str, signum: int, code: int
) -> None:
    """Burki is read by the main thread itself, the others by workers."""
    faults = box.apis[provider].faults
    faults.add(Fault("slow", seconds=60, times=32), skip=4)
    with started(may(box)) as run:
        run.read_until(lambda: faults.pending < 32)
        run.process.send_signal(signum)
        outcome = run.finish(within=SECONDS)
    faults.clear()

    assert_ended_well(outcome, code)
    assert outcome.run.bookmark("anunzi_calls"), "the stream before was complete"
    assert_restart_completes(outcome, box)


@pytest.mark.covers(150)
@pytest.mark.parametrize(("signum", "code"), SIGNALS)
def test_a_signal_before_anything_was_read_leaves_nothing_to_restart_from(
    box: Sandbox, signum: int, code: int
) -> None:
    box.anunzi.faults.add(Fault("slow", seconds=60, times=32))
    with started(may(box)) as run:
        run.read_until(lambda: box.anunzi.faults.pending < 32)
        run.process.send_signal(signum)
        outcome = run.finish(within=SECONDS)
    box.anunzi.faults.clear()

    assert_ended_well(outcome, code)
    assert outcome.run.states == []
    assert_restart_completes(outcome, box)


@pytest.mark.covers(150)
@pytest.mark.parametrize(("signum", "code"), SIGNALS)
@pytest.mark.parametrize("states", [1, 12])
def test_a_signal_in_the_middle_of_the_flow_leaves_whole_lines(
    box: Sandbox, states: int, signum: int, code: int
) -> None:
    with started(may(box)) as run:
        run.read_states(states)
        run.process.send_signal(signum)
        outcome = run.finish(within=SECONDS)

    assert_ended_well(outcome, code)
    assert_restart_completes(outcome, box)


@pytest.mark.covers(150)
@pytest.mark.parametrize(("signum", "code"), SIGNALS)
@pytest.mark.parametrize("states", [0, 3])
def test_a_signal_while_the_pipe_is_full_waits_for_the_reader(
    box: Sandbox, states: int, signum: int, code: int
) -> None:
    with started(may(box)) as run:
        run.read_states(states)
        run.stop_reading()
        run.process.send_signal(signum)
        outcome = run.finish(within=SECONDS)

    assert_ended_well(outcome, code)
    assert_restart_completes(outcome, box)


@pytest.mark.covers(150)
def test_pressing_ctrl_c_again_and_again_changes_nothing(box: Sandbox) -> None:
    with started(may(box)) as run:
        run.read_states(2)
        run.stop_reading()
        for _ in range(5):
            run.process.send_signal(signal.SIGINT)
        outcome = run.finish(within=SECONDS)

    assert_ended_well(outcome, 130)
    assert_restart_completes(outcome, box)


def kill_after(states: int, run: Started, *, full: bool) -> Outcome:
    """A power cut: no handler runs, and what was under way is cut at any byte."""
    run.read_states(states)
    if full:
        run.stop_reading()
    run.process.kill()
    return run.finish()


@pytest.mark.covers(151, 156)
@pytest.mark.parametrize("full", [False, True], ids=["reading", "full pipe"])
@pytest.mark.parametrize("states", [0, 3, 8, 16])
def test_a_power_cut_leaves_whole_lines_to_restart_from(
    box: Sandbox,
    states: int,
    full: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    with started(may(box)) as run:
        outcome = kill_after(states, run, full=full)

    assert outcome.code == -signal.SIGKILL
    assert len(outcome.run.states) >= states
    assert_restart_completes(outcome, box)


@pytest.mark.covers(152)
@pytest.mark.parametrize("states", [0, 1, 5])
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
    command = [sys.executable, "-m", "tap_callexports", "--discover"]
    outcome = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", *command], stderr=subprocess.PIPE, check=False, text=True
    )

    assert outcome.returncode == 1
    assert outcome.stderr == "standard output is closed: send it to a target or a file\n"


def test_a_restart_continues_where_the_last_state_says(box: Sandbox) -> None:
    """A run from a state does not read a range again that is over and was read."""
    with started(may(box)) as run:
        run.read_states(25)
        run.process.send_signal(signal.SIGTERM)
        outcome = run.finish(within=SECONDS)
    box.burki.requests.clear()

    assert outcome.run.bookmark("burki_calls") == "2024-06-01T00:00:00.000000Z"
    assert_restart_completes(outcome, box)
    assert not box.burki.requests
