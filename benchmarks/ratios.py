"""The figures to reach that compare two tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Figure
from benchmarks.speed import Speed
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

Value = Callable[[Speed, Speed], str]


def ratios(speeds: Sequence[Speed], rows: int) -> Iterator[Figure]:
    """Every comparison whose two tools were measured.

    Args:
        speeds: What was measured.
        rows: Rows of the run that is compared.
    """
    found = {(speed.workload, speed.tool): speed for speed in speeds}

    def cpu(one: Speed, other: Speed) -> str:
        return f"{one.cpu_of(rows) / other.cpu_of(rows):.1f}"

    def cpu_net(one: Speed, other: Speed) -> str:
        return f"{one.cpu_per_100k / other.cpu_per_100k:.1f}"

    def rate(one: Speed, other: Speed) -> str:
        cpu_ratio = other.cpu_of(rows) / one.cpu_of(rows)
        return f"{one.rate_of(rows) / other.rate_of(rows):.2f} (by CPU {cpu_ratio:.2f})"

    def slowdown(one: Speed, other: Speed) -> str:
        wall = one.wall_of(rows) / other.wall_of(rows)
        return f"{wall:.2f} (by CPU {one.cpu_of(rows) / other.cpu_of(rows):.2f})"

    ours, plain, limit, four, dlt = Ours(), Plain(), Limit(), Ours(workers=4), DltExtract()
    compared: list[tuple[str, str, str, Workload, Tool, Tool, Value]] = [
        ("1", f"(a) {rows:,} rows: CPU, plain ÷ ours", "≥ 8, then ≥ 15", ANUNZI, plain, ours, cpu),
        ("2", "(a) rec/s, ours ÷ limit", "≥ 0.85, then ≥ 1.2", ANUNZI, ours, limit, rate),
        ("3", "(b) JSON: rec/s, ours ÷ plain", "≥ 3.5", BURKI, ours, plain, rate),
        ("3", "(b) CSV: rec/s, ours ÷ plain", "≥ 3.5", BURKI_CSV, ours, plain, rate),
        ("3", "(c) rec/s, ours ÷ plain", "≥ 5", VIDESK, ours, plain, rate),
        ("4", "(a) CPU net of start-up, dlt extract ÷ ours", "≥ 3", ANUNZI, dlt, ours, cpu_net),
        ("4", "(a) the same, Airbyte ÷ ours", "≥ 5.5", ANUNZI, Airbyte(), ours, cpu_net),
        ("7", "(a) no latency: time, 4 workers ÷ 1", "≤ 1.15", ANUNZI, four, ours, slowdown),
        (
            "11",
            "(a) into DuckDB: rows/s, ours ÷ dlt",
            "≥ 3",
            ANUNZI,
            OursToDuckdb(),
            DltToDuckdb(),
            rate,
        ),
    ]
    for number, what, reach, workload, one, other, value in compared:
        first = found.get((workload.title, one.name))
        second = found.get((workload.title, other.name))
        if first and second:
            yield Figure(number, what, reach, value(first, second))
