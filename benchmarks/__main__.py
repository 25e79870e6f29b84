"""Measures the tap beside other tools in one interleaved run, and writes the tables.

`python -m benchmarks` takes about half an hour, `--quick` five minutes. `--only` runs parts of it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.bench import Bench, say
from benchmarks.figures import Figure, Sizes
from benchmarks.measure import RunFailed
from benchmarks.plan import Plan
from benchmarks.report import markdown
from benchmarks.speed import TINY, Speed, compare
from benchmarks.tools import (
    Airbyte,
    DltExtract,
    DltToDuckdb,
    Limit,
    Ours,
    OursToDuckdb,
    Plain,
    Tool,
)
from benchmarks.workloads import ANUNZI, BURKI, BURKI_CSV, VIDESK, Workload

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("results.md")
#: Rows a day where windows are a day, just under the cap of an answer.
_FULL_DAY = 4950
_ROWS_A_DAY = 10_000
_QUICK = Sizes(file=50_000, paged=40_000, quiet_days=900, latency=0.05)
_WORKLOADS = {"a": (ANUNZI,), "b": (BURKI, BURKI_CSV), "c": (VIDESK,)}
_FIGURES: dict[str, Callable[[Bench, Sizes], list[Figure]]] = {
    "memory": figures.memory,
    "latency": figures.latency,
    "idle": lambda bench, _: figures.idle(bench),
    "start": lambda bench, _: figures.start_up(bench),
}
_PARTS = (*_WORKLOADS, *_FIGURES, "duckdb")


def main() -> int:
    """Measure what was asked for; 1 where a tool failed or lost rows."""
    options = _options()
    sizes = _QUICK if options.quick else Sizes()
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        bench = Bench(Path(folder), options.rounds)
        try:
            speeds, measured = _measure(bench, options, sizes)
        except RunFailed as failure:
            say(f"benchmark ended: {failure}")
            return 1
    page = markdown(_about(options), measured, speeds, options.rows, bench.skipped)
    sys.stdout.write(page)
    if options.output:
        options.output.write_text(page, "utf-8")
    return 0


def _measure(
    bench: Bench, options: argparse.Namespace, sizes: Sizes
) -> tuple[list[Speed], list[Figure]]:
    speeds: list[Speed] = []
    measured: list[Figure] = []
    tools: list[Tool] = [Ours(), Plain(), Limit(), Ours(workers=4), DltExtract(), Airbyte()]
    for part, workloads in _WORKLOADS.items():
        for workload in workloads if part in options.only else ():
            plan = _plan(workload, options.rows)
            # Nested rows alone are slow enough to be read in part, and to divide among workers.
            wanted, slow = (
                (tools, options.slow_rows) if workload is ANUNZI else (tools[:3], plan.rows)
            )
            speeds += compare(bench, workload, plan, wanted, slow)
    if "duckdb" in options.only:
        # By far the slowest: all steps of a load.
        loading: list[Tool] = [OursToDuckdb(), DltToDuckdb()]
        speeds += compare(
            bench, ANUNZI, _plan(ANUNZI, options.rows), loading, options.slow_rows // 2
        )
    for part, figure in _FIGURES.items():
        if part in options.only:
            measured += figure(bench, sizes)
    return speeds, measured


def _plan(workload: Workload, rows: int) -> Plan:
    a_day = _FULL_DAY if workload is VIDESK else _ROWS_A_DAY
    days = max(1, rows // a_day)
    return Plan(workload.provider, days * a_day if workload is VIDESK else rows, days)


def _about(options: argparse.Namespace) -> str:
    """How it was measured, in words."""
    return f"""\
{datetime.now(timezone.utc):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, \
{options.rounds} interleaved rounds, medians, whole processes; the server is a process of its own.
Every run wrote exactly the ids the server holds.

Each tool reads {TINY:,} rows and many: what lies between is its cost per row. Where one reads \
fewer than {options.rows:,}, its cost is extended to that in a straight line. CPU is user and \
system of all processes; on a machine that is not idle it tells more than the clock. *plain* is \
the tap that the SDK's template gives; *limit* requests, decodes, encodes and writes, without \
Singer. Into DuckDB both load as they do by default: dlt makes tables of nested lists, \
target-duckdb columns of JSON."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows, one round: does it work?")
    parser.add_argument("--rows", type=int, help="rows of the quick tools (200000)")
    parser.add_argument("--slow-rows", type=int, help="rows of the slow tools (20000)")
    parser.add_argument("--rounds", type=int, help="how often all is measured (3)")
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=_PARTS, help="parts of it")
    parser.add_argument("--output", type=Path, help="file of the tables (benchmarks/results.md)")
    options = parser.parse_args()
    if any(rows is not None and rows <= 2 * TINY for rows in (options.rows, options.slow_rows)):
        parser.error(f"rows that show a cost per row are more than {2 * TINY:,}")
    whole = not options.quick and options.only == _PARTS
    options.rows = options.rows or (20_000 if options.quick else 200_000)
    options.slow_rows = options.slow_rows or (4_000 if options.quick else 20_000)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.output = options.output or (RESULTS if whole else None)
    return options


if __name__ == "__main__":
    sys.exit(main())
