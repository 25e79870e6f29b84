"""Runs tools in turns against servers, and checks what they wrote."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from benchmarks.measure import Cost, middle, run
from benchmarks.tools import Tool, check
from benchmarks.workloads import Job, Workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.server import Server


@dataclass(frozen=True)
class Turn:
    """One tool on one workload, as often as there are rounds.

    Attributes:
        tool: What runs.
        workload: What it reads.
        server: Where from.
    """

    tool: Tool
    workload: Workload
    server: Server


@dataclass
class Bench:
    """What all measurements share.

    Attributes:
        folder: Where runs write; emptied after each.
        rounds: How often everything is measured.
        skipped: Tools that cannot run here, and why.
    """

    folder: Path
    rounds: int
    skipped: dict[str, str] = field(default_factory=dict)

    def usable(self, tools: Iterable[Tool]) -> list[Tool]:
        """Those that can run; the others are noted."""
        tools = list(tools)
        why = {tool.name: reason for tool in tools if (reason := tool.missing())}
        self.skipped.update(why)
        return [tool for tool in tools if tool.name not in why]

    def once(self, turn: Turn) -> Cost:
        """One checked run.

        Raises:
            RunFailed: It failed, or wrote other ids than the server holds.
        """
        folder = Path(mkdtemp(dir=self.folder))
        job = Job(turn.workload, turn.server.plan, turn.server.url, folder)
        shown = f"{turn.tool.name}, {turn.workload.title}, {job.plan.rows:,} rows"
        try:
            cost = run(turn.tool.command(job), folder, shown=shown)
            say(f"{shown}: {cost.cpu:.2f} s CPU, {cost.wall:.2f} s, {cost.rss:.0f} MiB")
            check(turn.tool, job)
        finally:
            shutil.rmtree(folder)
        return cost

    def in_turns(self, turns: Sequence[Turn], rounds: int | None = None) -> list[Cost]:
        """The middle cost of each, measured A B A B."""
        costs: list[list[Cost]] = [[] for _ in turns]
        for _ in range(rounds or self.rounds):
            for turn, measured in zip(turns, costs, strict=True):
                measured.append(self.once(turn))
        return [middle(measured) for measured in costs]


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)
