"""Ends real processes at every kind of point, and checks what they leave behind."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expected_streams import BY_NAME, DETAILS, LISTS
from process import Outcome, Started, started
from support import JSON, Run, assert_table_is, catalog_of, run_tap, upserted

from sandbox import Fault, Sandbox
from tap_callexports.compat import override

#: One stream of each kind of reading.
STREAMS = (*LISTS, *DETAILS)
POINTS = (
    "start-up",
    "after a line",
    "slow response",
    "retry wait",
    "inside a line",
)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
#: What the contract gives a run to end in, while its output is being read.
SECONDS = 5
#: What a start takes at most, where nothing else has to be done.
_START_SECONDS = 1.5
#: The smallest pipe there is: a tap that is not read stands still in the middle of a line.
_PIPE_BYTES = 4096
_PATIENCE = 60.0


@dataclass(frozen=True)
class Case:
    """Where and how a run is ended.

    Attributes:
        stream: What it reads.
        workers: Its `max_concurrency`.
        signum: What ends it.
        point: What it is doing then.
        part: How far it has come, from 0 to 1.
    """

    stream: str
    workers: int
    signum: signal.Signals
    point: str
    part: float

    @override
    def __str__(self) -> str:
        return (
            f"{self.signum.name} {self.point} {self.part:.2f}, {self.stream}, "
            f"{self.workers} at once"
        )


def cases(count: int) -> list[Case]:
    """Cases in which each signal meets each point; streams, workers and parts are random."""
    dice = random.Random(1)
    return [
        Case(
            dice.choice(STREAMS),
            dice.choice([1, 4]),
            SIGNALS[number % len(SIGNALS)],
            POINTS[number % len(POINTS)],
            dice.random(),
        )
        for number in range(count)
    ]


class Target:
    """One stream's account, and a run of it that nobody disturbed."""

    def __init__(self, box: Sandbox, stream: str, workers: int) -> None:
        entry = BY_NAME[stream]
        self.stream, self.api = stream, box.apis[entry.api]
        for name, value in entry.options.items():
            setattr(self.api.options, name, value)  # type: ignore[attr-defined] # its own
        # No lookback, which would mend what a bookmark skips.
        settings = {**entry.settings, **entry.no_lookback, "max_concurrency": workers}
        self.config: JSON = {
            self.api.name: {**self.api.config(), **settings},
            "start_date": "2024-05-01",
            "end_date": "2024-06-01",
        }
        self.catalog = catalog_of(self.config, [stream])
        self.api.requests.clear()
        self.whole = self.run(None)
        self.requests = len(self.api.requests)
        self.truth = self.api.truth(stream)
        assert self.whole.code == 0
        assert self.truth
        assert_table_is(self.whole.table(stream), self.truth)

    def run(self, state: JSON | None) -> Run:
        """A run in this process, to its end."""
        return run_tap(self.config, state=state, catalog=self.catalog)


def end(case: Case) -> list[str]:
    """Start a run, end it as the case says, and list what is wrong with what it left."""
    with Sandbox(seed=7, rows=120) as box, tempfile.TemporaryDirectory() as private:
        target = Target(box, case.stream, case.workers)
        with started(target.config, catalog=target.catalog, env={"TMPDIR": private}) as run:
            _shrink(run)
            _go_to(case, target, run)
            run.process.send_signal(case.signum)
            try:
                outcome = run.finish(within=SECONDS)
            except subprocess.TimeoutExpired:
                return [f"still running after {SECONDS} s"]
        target.api.faults.clear()
        left = sorted(path.name for path in Path(private).rglob("*"))
        return [f"left {left} in TMPDIR"] * bool(left) + [*_errors(outcome, case, target)]


def _shrink(run: Started) -> None:
    assert run.process.stdout is not None
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(run.process.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _go_to(case: Case, target: Target, run: Started) -> None:
    """Read along until the run is where the case wants it, or has ended before."""
    lines = max(1, int(case.part * len(target.whole.lines)))
    faults, requests = target.api.faults, int(case.part * target.requests)
    if case.point == "start-up":
        time.sleep(case.part * _START_SECONDS)
    elif case.point == "after a line":
        _read(run, lines)
    elif case.point == "inside a line":
        _read(run, lines)
        # Read a little more than a line, so that the writer has gone on to some other place.
        _read(run, lines, more=int(case.part * 1000) % 700)
        _wait_for_full(run)
    elif case.point == "slow response":
        faults.add(Fault("slow", seconds=60, times=100), skip=requests)
        run.read_until(lambda: faults.pending < 100)
    else:
        later = {"Retry-After": "60"}
        faults.add(Fault("status", status=503, headers=later, times=100), skip=requests)
        run.read_until(lambda: faults.pending < 100 and "next in" in run._log.read_text())


def _read(run: Started, lines: int, more: int = 0) -> None:
    """Read up to the end of a line, and so many bytes; no further."""
    assert run.process.stdout is not None
    pipe, behind = run.process.stdout.fileno(), 0
    while (missing := lines - run.received.count(b"\n")) > 0 or behind < more:
        chunk = os.read(pipe, 1 if missing <= 1 else 64)
        if not chunk:
            return
        run.received += chunk
        behind += missing <= 0


def _wait_for_full(run: Started) -> None:
    """Until the tap can write no more, or has no more to write."""
    deadline = time.monotonic() + _PATIENCE
    before = -1
    while run.process.poll() is None and (waiting := run._waiting()) != before:
        before = waiting or -1
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _errors(outcome: Outcome, case: Case, target: Target) -> Iterator[str]:
    """Everything a process did not leave as it should."""
    whole, _, rest = outcome.out.rpartition("\n")
    if rest and case.signum != signal.SIGKILL:
        yield f"a part of a line: {rest[:60]!r}"
    try:
        lines = [json.loads(line) for line in whole.split("\n") if line]
    except ValueError:
        yield "a line that is no JSON"
        return
    run = Run(outcome.code, lines)
    if outcome.code not in _allowed_codes(run, outcome, case, target):
        yield f"exit code {outcome.code}"
    surprises = ["Exception ignored", "unexpected", "this is a bug"]
    if case.point != "start-up":
        # Before the tap's first line runs, a signal is the interpreter's.
        surprises.append("Traceback")
    yield from (f"logged: {error}" for error in outcome.errors)
    yield from (f"{word!r} in the log" for word in surprises if word in outcome.err)
    yield from _wrong_rows(run, target)


def _allowed_codes(run: Run, outcome: Outcome, case: Case, target: Target) -> set[int]:
    number = int(case.signum)
    allowed = {-number} if case.signum == signal.SIGKILL else {128 + number}
    if [*map(_untimed, run.lines)] == [*map(_untimed, target.whole.lines)]:
        # The run was complete: the interpreter ends, without the tap's handlers.
        allowed |= {0, -number}
    if case.point == "start-up" and not run.lines:
        allowed.add(-number)
        if outcome.err.endswith("KeyboardInterrupt\n"):
            # The interpreter was still loading its own modules.
            allowed.add(1)
    return allowed


def _untimed(line: JSON) -> str:
    return re.sub(r'"(time_extracted|as_of)": "[^"]*"', "", json.dumps(line))


def _wrong_rows(run: Run, target: Target) -> Iterator[str]:
    """Rows that are lost to a target that kept all, or only what came before the last STATE."""
    last = max((at for at, line in enumerate(run.lines) if line["type"] == "STATE"), default=-1)
    state = run.lines[last]["value"] if last >= 0 else None
    rest = target.run(state)
    if rest.code != 0:
        yield f"the run from its last STATE fails: {rest.error}"
        return
    for name, kept in (("all", run.lines), ("what is before STATE", run.lines[: last + 1])):
        table = upserted(Run(0, kept).table(target.stream), rest, target.stream)
        try:
            assert_table_is(table, target.truth)
        except AssertionError as wrong:
            yield f"{name} and the run from its last STATE: {str(wrong)[:200]}"
