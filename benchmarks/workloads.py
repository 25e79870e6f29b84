"""What is read, and one run of it: where from, where to, and how a competitor is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from benchmarks.plan import Plan, Provider

ROOT = Path(__file__).resolve().parents[1]
#: Columns that are the tap's own, and the ones it turns into instants.
_OWN_COLUMNS = ("extra",)
_EPOCH_COLUMNS = ("start_timestamp", "end_timestamp", "transfer_end_timestamp")


@dataclass(frozen=True)
class Workload:
    """What is read.

    Attributes:
        name: How the competitors know it.
        title: How the tables call it.
        provider: Whose API it is.
        key: The column of the ids.
        settings: The provider's settings beside its address and credential.
    """

    name: str
    title: str
    provider: Provider
    key: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """The tap's stream."""
        return f"{self.provider}_calls"


ANUNZI = Workload("anunzi", "(a) pages", "anunzi", "call_id", {"page_size": 1000})
BURKI = Workload("burki", "(b) JSON file", "burki", "id")
BURKI_CSV = Workload("burki csv", "(b) CSV file", "burki", "id", {"format": "csv"})
VIDESK = Workload("videsk", "(c) windows", "videsk", "id")
WORKLOADS = (ANUNZI, BURKI, BURKI_CSV, VIDESK)


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        workload: What is read.
        plan: What the server holds.
        url: Its address.
        folder: Where the run writes.
    """

    workload: Workload
    plan: Plan
    url: str
    folder: Path

    @property
    def out(self) -> Path:
        """What went to standard output."""
        return self.folder / "out"

    def write(self, name: str, value: object) -> str:
        """Keep a value as a JSON file of the folder; its path."""
        path = self.folder / name
        path.write_text(json.dumps(value), "utf-8")
        return str(path)


def config_of(job: Job) -> dict[str, Any]:
    """The config of the competitors."""
    return {
        "api_url": job.url,
        "workload": job.workload.name,
        "schema": job.write("schema.json", _raw_schema(job.workload)),
        "start_date": job.plan.start.isoformat(),
        "end_date": job.plan.end.isoformat(),
    }


def _raw_schema(workload: Workload) -> dict[str, Any]:
    """The tap's columns under the provider's names, with the types the provider sends."""
    schema = TapCallExports(config={}, validate_config=False).streams[workload.stream].schema
    columns = {n: c for n, c in schema["properties"].items() if n not in _OWN_COLUMNS}
    for name in set(columns) & set(_EPOCH_COLUMNS):
        columns[name] = {"type": ["integer", "null"]}
    if workload is VIDESK:
        columns = {_spelled(name): column for name, column in columns.items()}
    return {"type": "object", "properties": columns}


def _spelled(column: str) -> str:
    """A column's name as Videsk writes it."""
    special = {
        "acw_duration": "After Call Work (ACW)",
        "effective_duration": "Effective Duration",
    }
    first, *others = column.split("_")
    return special.get(column) or first + "".join(word.capitalize() for word in others)
