"""What the benchmark measures is checked against what its servers hold; its report adds up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench import Bench, Turn
from benchmarks.measure import Cost, RunFailed
from benchmarks.plan import Plan
from benchmarks.report import markdown
from benchmarks.server import Server, serving
from benchmarks.speed import Speed
from benchmarks.tools import Limit, Ours, Plain, Tool, check
from benchmarks.workloads import ANUNZI, WORKLOADS, Job, Workload

ANUNZI_PLAN = Plan("anunzi", 2500, days=5)
BURKI_PLAN = Plan("burki", 300, days=3)
VIDESK_PLAN = Plan("videsk", 300, days=3, cap=100)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    with (
        serving(ANUNZI_PLAN) as anunzi,
        serving(BURKI_PLAN) as burki,
        serving(VIDESK_PLAN) as videsk,
    ):
        yield {"anunzi": anunzi, "burki": burki, "videsk": videsk}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_the_tap_and_the_limit_write_what_the_server_holds(
    servers: dict[str, Server], tmp_path: Path, workload: Workload
) -> None:
    bench = Bench(tmp_path, rounds=1)
    server = servers[workload.provider]
    costs = bench.in_turns([Turn(tool, workload, server) for tool in (Ours(), Limit())])
    assert all(cost.cpu > 0 and cost.wall > 0 and cost.rss > 0 for cost in costs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [lambda ids: ids[1:], lambda ids: [*ids, ids[0]]])
def test_other_rows_than_the_server_holds_end_the_benchmark(tmp_path: Path, change: Any) -> None:
    job = Job(ANUNZI, Plan("anunzi", 10, days=1), "", tmp_path)
    lines = [{"type": "RECORD", "record": {"call_id": one}} for one in job.plan.ids()]
    tools: list[Tool] = [Ours(), Plain()]
    for tool in tools:
        job.out.write_text("\n".join(map(json.dumps, lines)), "utf-8")
        check(tool, job)
        job.out.write_text("\n".join(map(json.dumps, change(lines))), "utf-8")
        with pytest.raises(RunFailed, match=tool.name):
            check(tool, job)


def test_a_line_through_two_runs_gives_cost_and_ratio() -> None:
    def speed(tool: Tool, rows: int, cpu: float) -> Speed:
        start = Cost(1, 2, 50)
        return Speed(tool.name, ANUNZI.title, rows, start, Cost(1 + cpu, 2 + cpu, 60))

    plain, ours = speed(Plain(), 11_000, 5.0), speed(Ours(), 101_000, 5.0)
    assert plain.cpu_per_100k == 50
    assert plain.cpu_of(101_000) == 51
    assert plain.rate_of(11_000) == 11_000 / 7
    page = markdown("about", [], [ours, plain], 101_000, {})
    assert f"| 11,000 | 50.00 | {51 / 6:.1f} |" in page
