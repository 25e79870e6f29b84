"""End to end: rows a second into a store, beside dlt; and what settings make of a loader."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.pipelines_stores import DuckDb, Jsonl, Store, postgres
from benchmarks.pipelines_tools import (
    DltRun,
    FilesIntoDuckDb,
    FromFile,
    MeltanoRun,
    Settings,
    meltano_project,
)
from benchmarks.plan import Plan
from benchmarks.report import table
from benchmarks.speed import TINY, Speed, compare
from benchmarks.tools import OursToDuckdb, Tool
from benchmarks.workloads import ANUNZI

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bench import Bench

_ROWS_A_DAY = 10_000
_BATCHES: Settings = {
    "batch_config": {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": "$files"},
    }
}
_FLAT: Settings = {"flattening_enabled": True, "flattening_max_depth": 1}
_COPY: Settings = {"use_copy": True}
_UNCHECKED: Settings = {"validate_records": False}
_BARE: Settings = {"add_record_metadata": False, "activate_version": False}
_ABOUT = """\
*rows/s* is of a whole run with start-up, *÷ dlt* compares it with dlt as it comes. target-duckdb \
and target-postgres upsert by primary key and keep nested values as JSON; dlt appends, and makes \
tables of nested lists. *files* is the kind dlt loads from. CPU is without PostgreSQL's own."""
#: What helps, by loader: its name, settings of the loader, settings of the tap.
_HELP: dict[str, list[tuple[str, Settings, Settings]]] = {
    "target-postgres": [
        ("use_copy, no validation", {**_COPY, **_UNCHECKED}, {}),
        ("use_copy, BATCH", _COPY, _BATCHES),
    ],
}
#: What was tried, each alone and the best together.
_TRIED: dict[str, list[tuple[str, Settings, Settings]]] = {
    "target-duckdb": [
        ("as it is", {}, {}),
        ("batch_size_rows: 10000", {"batch_size_rows": 10_000}, {}),
        ("batch_size_rows: 1000", {"batch_size_rows": 1000}, {}),
        ("flush_all_streams", {"flush_all_streams": True}, {}),
        ("validate_records", {"validate_records": True}, {}),
        ("tap: flattening_max_depth: 1", {}, _FLAT),
    ],
    "target-jsonl": [("as it is", {}, {}), ("tap: flattening_max_depth: 1", {}, _FLAT)],
    "target-postgres": [
        ("as it is", {}, {}),
        ("batch_size_rows: 2000", {"batch_size_rows": 2000}, {}),
        ("batch_size_rows: 50000", {"batch_size_rows": 50_000}, {}),
        ("load_method: upsert", {"load_method": "upsert"}, {}),
        ("add_record_metadata: false", _BARE, {}),
        ("use_copy", _COPY, {}),
        ("validate_records: false", _UNCHECKED, {}),
        ("both", {**_COPY, **_UNCHECKED}, {}),
        ("all three", {**_COPY, **_UNCHECKED, **_BARE}, {}),
        ("tap: batch_config", {}, _BATCHES),
        ("tap: batch_config, with use_copy", _COPY, _BATCHES),
    ],
}


def pipelines(bench: Bench, rows: int) -> tuple[str, list[Figure]]:
    """The table of whole pipelines, and what it says of the figures to reach.

    Args:
        bench: Runs them.
        rows: How many each loads.
    """
    lines: list[tuple[str, ...]] = []
    figures: list[Figure] = []
    with ExitStack() as stack:
        project = meltano_project(bench.folder / "project")
        stores: list[Store] = [DuckDb(), Jsonl(), stack.enter_context(postgres())]
        for store in stores:
            tools: list[Tool] = [MeltanoRun("", project, store)]
            tools += [
                MeltanoRun(how, project, store, *more) for how, *more in _HELP.get(store.loader, ())
            ]
            if isinstance(store, DuckDb):
                tools += [OursToDuckdb(), FilesIntoDuckDb(project, store, _BATCHES)]
            dlt = [DltRun(store, files) for files in store.dlt_files]
            speeds = compare(bench, ANUNZI, _plan(rows), [*tools, *dlt], rows)
            base = next((speed for speed in speeds if speed.tool == dlt[0].name), None)
            lines += [(store.title, *_line(speed, base)) for speed in speeds]
            if isinstance(store, DuckDb) and base:
                others = [speed for speed in speeds if speed.tool in {tool.name for tool in tools}]
                figures.append(_into_duckdb(others, base))
    return f"{_ABOUT}\n\n{_table('pipeline', '÷ dlt', lines)}", figures


def loaders(bench: Bench, rows: int) -> str:
    """The table of loaders alone, fed from a file, with their settings.

    Args:
        bench: Runs them.
        rows: How many each loads.
    """
    lines: list[tuple[str, ...]] = []
    with postgres() as server:
        project = bench.folder / "project"
        if not project.exists():
            meltano_project(project)
        for store in (DuckDb(), Jsonl(), server):
            tools = [
                FromFile(f"{store.loader}: {how}", bench.folder / "lines", project, store, *more)
                for how, *more in _TRIED[store.loader]
            ]
            speeds = compare(bench, ANUNZI, _plan(rows), tools, rows)
            lines += [(store.title, *_line(speed, speeds[0])) for speed in speeds]
    return _table("loader and settings", "÷ as it is", lines)


def _plan(rows: int) -> Plan:
    return Plan("anunzi", rows, max(1, rows // _ROWS_A_DAY))


def _line(speed: Speed, base: Speed | None) -> tuple[str, ...]:
    """Rates of a whole run and without start-up; CPU and, beside a base, how many times as fast."""
    net = (speed.rows - TINY) / (speed.large.wall - speed.small.wall)
    times = f"{base.large.wall / speed.large.wall:.1f}" if base else "?"
    whole = speed.rate_of(speed.rows)
    return (speed.tool, f"{whole:,.0f}", f"{net:,.0f}", f"{speed.cpu_per_100k:.1f}", times)


def _table(what: str, times: str, lines: Sequence[Sequence[str]]) -> str:
    return table(("store", what, "rows/s", "without start-up", "CPU s / 100k", times), lines)


def _into_duckdb(speeds: Sequence[Speed], dlt: Speed) -> Figure:
    shown = [f"{dlt.large.wall / speed.large.wall:.1f} ({speed.tool})" for speed in speeds]
    what = f"(a) {dlt.rows:,} rows into DuckDB, with start-up: rows/s ÷ dlt"
    return Figure("11", what, "≥ 3", ", ".join(shown))
