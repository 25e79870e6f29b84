"""CPU and rate of every tool on every workload, net of start-up where rows are fewer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Turn
from benchmarks.server import serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Cost
    from benchmarks.plan import Plan
    from benchmarks.tools import Tool
    from benchmarks.workloads import Workload

#: Rows of the run whose cost counts as start-up.
TINY = 1000
_UNIT = 100_000


@dataclass(frozen=True)
class Speed:
    """A tool on a workload, measured with few rows and with many: a straight line.

    Attributes:
        tool: Its name.
        workload: The workload's title.
        rows: How many the larger run had.
        small: Cost of `TINY` rows.
        large: Cost of `rows` rows.
    """

    tool: str
    workload: str
    rows: int
    small: Cost
    large: Cost

    @property
    def cpu_per_100k(self) -> float:
        """CPU seconds per 100,000 rows, without start-up."""
        return (self.large.cpu - self.small.cpu) / (self.rows - TINY) * _UNIT

    def cpu_of(self, rows: int) -> float:
        """CPU seconds of a whole run of so many rows."""
        return self.large.cpu + self.cpu_per_100k * (rows - self.rows) / _UNIT

    def wall_of(self, rows: int) -> float:
        """Seconds of a whole run of so many rows."""
        slope = (self.large.wall - self.small.wall) / (self.rows - TINY)
        return self.large.wall + slope * (rows - self.rows)

    def rate_of(self, rows: int) -> float:
        """Rows a second in a whole run of so many."""
        return rows / self.wall_of(rows)


def compare(
    bench: Bench, workload: Workload, plan: Plan, tools: Sequence[Tool], slow_rows: int
) -> list[Speed]:
    """Every tool that knows a workload.

    Args:
        bench: Runs them.
        workload: What they read.
        plan: What the server holds for the quick ones.
        tools: What to compare.
        slow_rows: Rows it holds for the slow ones; as dense.
    """
    tools = bench.usable(tool for tool in tools if workload in tool.workloads)
    with ExitStack() as servers:
        tiny, slow, full = (
            servers.enter_context(serving(plan.of_rows(rows)))
            for rows in (TINY, slow_rows, plan.rows)
        )
        for tool in tools:  # a first start compiles, and warms the caches of the disk
            bench.once(Turn(tool, workload, tiny))
        large = [Turn(tool, workload, slow if tool.slow else full) for tool in tools]
        small = [Turn(tool, workload, tiny) for tool in tools]
        costs = bench.in_turns([turn for pair in zip(small, large, strict=True) for turn in pair])
    return [
        Speed(turn.tool.name, workload.title, turn.server.plan.rows, low, high)
        for turn, low, high in zip(large, costs[::2], costs[1::2], strict=True)
    ]
