"""What rows cost in CPU, memory and bytes: as `make bench` measured it, or as is said here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from benchmarks.workloads import ROOT

RESULTS = ROOT / "benchmarks" / "results.md"
#: US dollars for an hour of a virtual CPU: a parameter, no price of anybody.
VCPU_HOUR_USD = 0.04
#: Bytes a second at which a file is taken to arrive.
FILE_BYTES_PER_SECOND = 50e6
#: Seconds that an orchestrator takes for a run beside the tap, where each is a process of its own.
START_SECONDS = 7
#: Dagster advises against more partitions of an asset than this.
MOST_PARTITIONS = 100_000


@dataclass(frozen=True)
class Cost:
    """What the tap's part of a stream costs.

    Args:
        cpu: Seconds for 100,000 calls.
        memory: MiB of a process, at most.
        line: Bytes of what is written for a call.
    """

    cpu: float
    memory: float
    line: int


@dataclass(frozen=True)
class Loader:
    """A pipeline into a store, without its start-up.

    Args:
        name: How the page calls it.
        rate: Rows a second.
        cpu: Seconds for 100,000 rows, the tap's among them.
    """

    name: str
    rate: float
    cpu: float


@cache
def table(heading: str) -> tuple[dict[str, str], ...]:
    """The rows of a table of the results, by their column.

    Raises:
        ValueError: There is no such table.
    """
    section = RESULTS.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    if not lines:
        raise ValueError(f"{RESULTS.name} has no table {heading}")
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return tuple(dict(zip(header, row, strict=True)) for row in rows)


def measured(workload: str, tool: str, line: int) -> Cost:
    """The cost of a workload of `make bench`.

    Args:
        workload: Its title.
        tool: The tap, and with how many workers.
        line: Bytes of what is written for a call; see `costs`.
    """
    (row,) = (
        row for row in table("Every tool") if (row["workload"], row["tool"]) == (workload, tool)
    )
    return Cost(_number(row["CPU s / 100k"]), _number(row["peak MiB"]), line)


def costs() -> dict[str, Cost]:
    """By stream. Lines, and all of those that the benchmark does not read, were measured with
    40,000 calls of the sandbox in a process of its own: `python -m sandbox`.
    """
    return {
        "videsk_calls": measured("(c) windows", "tap-callexports", 730),
        "anunzi_calls": measured("(a) pages", "tap-callexports, 4 workers", 2940),
        "anunzi_call_details": Cost(143, 71, 4740),
        "twin24_incoming_calls": Cost(2.5, 145, 1440),
        "burki_calls": measured("(b) JSON file", "tap-callexports", 390),
        "burki_call_list": Cost(1.6, 55, 620),
        "burki_call_transcripts": Cost(100, 54, 1600),
    }


def loaders() -> list[Loader]:
    """Pipelines, by how the page calls them."""
    pipelines = {
        "PostgreSQL, `use_copy`, no validation": (
            "meltano run … target-postgres, use_copy, no validation"
        ),
        "PostgreSQL, `use_copy`, batch files": "meltano run … target-postgres, use_copy, BATCH",
        "PostgreSQL, the loader as it is": "meltano run … target-postgres",
        "DuckDB reads the tap's batch files itself": "tap with BATCH, files read by DuckDB itself",
    }
    rows = {row["pipeline"]: row for row in table("End to end")}
    return [
        Loader(
            name,
            _number(rows[pipeline]["without start-up"]),
            _number(rows[pipeline]["CPU s / 100k"]),
        )
        for name, pipeline in pipelines.items()
    ]


def _number(text: str) -> float:
    return float(text.replace(",", ""))
