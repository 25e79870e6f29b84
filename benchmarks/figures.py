"""Figures beside speed: memory, latency, an idle run, start-up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.bench import Bench, Turn
from benchmarks.measure import run
from benchmarks.plan import Plan
from benchmarks.server import serving
from benchmarks.tools import Ours, plain_command, tap_command
from benchmarks.workloads import ANUNZI, BURKI, BURKI_CSV, VIDESK, Job, Workload
from tap_callexports.compat import override

#: 2014, so that ten years end in the past.
_LONG_AGO = 1_388_534_400_000
_STARTS = 7


@dataclass(frozen=True)
class Figure:
    """A line of the table of figures."""

    what: str
    measured: str


@dataclass(frozen=True)
class Sizes:
    """How much is read for the figures.

    Attributes:
        file: Rows of the large file.
        paged: Rows of the large paged export.
        quiet_days: Days with two calls each, for windows that are all latency.
        latency: Seconds an answer takes.
    """

    file: int = 1_000_000
    paged: int = 500_000
    quiet_days: int = 3650
    latency: float = 0.2


def memory(bench: Bench, sizes: Sizes) -> list[Figure]:
    """Peak memory of an export by files, and of a paged export at half and at full length."""
    peaks = []
    with serving(Plan("burki", sizes.file, days=1)) as server:
        for workload in (BURKI, BURKI_CSV):
            cost = bench.once(Turn(Ours(), workload, server))
            peaks.append(f"{workload.title} {cost.rss:.0f} MiB")
    files = Figure(f"peak memory, {sizes.file:,} rows in files", ", ".join(peaks))
    halves = []
    for rows in (sizes.paged // 2, sizes.paged):
        with serving(Plan("anunzi", rows, days=max(1, rows // 10_000))) as server:
            halves.append(bench.once(Turn(Ours(workers=4), ANUNZI, server)).rss)
    shown = f"{halves[1]:.0f} MiB; {halves[0]:.0f} MiB at half of them"
    paged = Figure(f"peak memory, {sizes.paged:,} paged rows, 4 workers", shown)
    return [files, paged]


def latency(bench: Bench, sizes: Sizes) -> list[Figure]:
    """Wall time with 4 and 8 workers where a window is little but waiting."""
    days = sizes.quiet_days
    plan = Plan("anunzi", 2 * days, days=days, begin=_LONG_AGO, latency=sizes.latency)
    with serving(plan) as server:
        turns = [Turn(Ours(workers), ANUNZI, server) for workers in (1, 4, 8)]
        one, four, eight = bench.in_turns(turns, rounds=1)
    shown = f"{one.wall / four.wall:.1f}, {one.wall / eight.wall:.1f}"
    what = f"{sizes.latency * 1000:.0f} ms an answer: 4 workers, 8 workers ÷ 1"
    return [Figure(what, shown)]


class _UpToNow(Ours):
    """The tap up to now, from a state."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        super().__init__()
        self.state = state

    @override
    def config(self, job: Job) -> dict[str, Any]:
        config = super().config(job)
        del config["end_date"]
        return config

    @override
    def command(self, job: Job) -> list[str]:
        more = ["--state", job.write("state.json", self.state)] if self.state else []
        return [*super().command(job), *more]


def idle(bench: Bench) -> list[Figure]:
    """What a run costs that finds nothing new."""
    shown = [_idle(bench, workload) for workload in (ANUNZI, BURKI, VIDESK)]
    what = "an idle run: requests, seconds with start-up"
    return [Figure(what, "; ".join(shown))]


def _idle(bench: Bench, workload: Workload) -> str:
    folder = bench.folder / "idle"
    folder.mkdir(exist_ok=True)
    with serving(Plan(workload.provider, 1000, days=1)) as server:
        job = Job(workload, server.plan, server.url, folder)
        run(_UpToNow(None).command(job), folder, shown="a first run")
        lines = map(json.loads, job.out.read_text("utf-8").splitlines())
        state = [line["value"] for line in lines if line["type"] == "STATE"][-1]
        server.requests()
        cost = run(_UpToNow(state).command(job), folder, shown="an idle run")
        return f"{workload.stream} {server.requests()}, {cost.wall:.2f} s"


def start_up(bench: Bench) -> list[Figure]:
    """CPU of `--version`."""
    commands = ([*tap_command(), "--version"], [*plain_command(), "--version"])
    costs: list[list[float]] = [[], []]
    for number in range(_STARTS + 1):
        for command, cpu in zip(commands, costs, strict=True):
            cost = run(command, bench.folder, shown="--version")
            if number:  # the first compiles
                cpu.append(cost.cpu)
    ours, plain = map(median, costs)
    what = "`--version`, CPU ÷ the plain tap's"
    return [Figure(what, f"{ours / plain:.2f}")]
