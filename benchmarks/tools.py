"""The tools that are measured: how each is started, and which ids it has written."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
import sys
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks.measure import RunFailed, python_says
from benchmarks.workloads import (
    ANUNZI,
    BURKI_CSV,
    ROOT,
    WORKLOADS,
    Job,
    Workload,
    config_of,
)
from benchmarks.written import Id, found_in, loaded_into
from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_COMPETITORS = Path(__file__).with_name("competitors")
#: Where `make bench` installs what the tap itself does not need.
BENCH = ROOT / ".venv-bench" / "bin"


class Tool(ABC):
    """A program that reads a workload."""

    name: str
    #: What it can read.
    workloads: ClassVar[Sequence[Workload]] = WORKLOADS
    #: So slow that it gets fewer rows.
    slow: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Why it cannot run here, None where it can."""
        return None

    @abstractmethod
    def command(self, job: Job) -> list[str]:
        """How to start it; writes the files it reads."""

    @abstractmethod
    def ids(self, job: Job) -> Iterable[Id]:
        """The ids it has written."""


class Ours(Tool):
    """The tap.

    Args:
        workers: `max_concurrency`.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.name = "tap-callexports" if workers == 1 else f"tap-callexports, {workers} workers"

    @override
    def command(self, job: Job) -> list[str]:
        paths = [
            ("--config", job.write("config.json", self.config(job))),
            ("--catalog", job.write("catalog.json", _catalog(job.workload))),
        ]
        return [*tap_command(), *(word for pair in paths for word in pair)]

    def config(self, job: Job) -> dict[str, Any]:
        """The tap's config: from the first row to the last."""
        credential = "api_token" if job.workload.provider == "videsk" else "api_key"
        return {
            "start_date": job.plan.start.isoformat(),
            "end_date": job.plan.end.isoformat(),
            job.workload.provider: {
                "api_url": job.url,
                credential: "benchmark",
                "max_concurrency": self.workers,
                **job.workload.settings,
            },
        }

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return found_in(job.out, job.workload.key, "record")


class Plain(Tool):
    """The tap the SDK's template makes."""

    name = "plain SDK tap"
    slow = True

    @override
    def command(self, job: Job) -> list[str]:
        path = job.write("config.json", config_of(job))
        return [*plain_command(), "--config", path]

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return found_in(job.out, job.workload.key, "record")


class Limit(Tool):
    """Decode, encode, write; no Singer."""

    name = "limit: decode and encode"

    @override
    def command(self, job: Job) -> list[str]:
        path = job.write("config.json", config_of(job))
        return [sys.executable, str(_COMPETITORS / "limit.py"), path]

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        if job.workload is BURKI_CSV:
            return map(int, found_in(job.out, "Call ID"))
        return found_in(job.out, job.workload.key)


class Installed(Tool):
    """Base of the tools that `make bench` installs.

    Attributes:
        script: Its file among the competitors.
        module: What must be importable.
    """

    workloads = (ANUNZI,)
    slow = True
    script: ClassVar[str]
    module: ClassVar[str]

    @override
    def missing(self) -> str | None:
        return python_says(BENCH / "python", f"import {self.module}")

    @override
    def command(self, job: Job) -> list[str]:
        path = job.write("config.json", config_of(job))
        return [str(BENCH / "python"), str(_COMPETITORS / self.script), path]


class DltExtract(Installed):
    """dlt's REST source, extract only."""

    name = "dlt, extract"
    script = "dlt_source.py"
    module = "dlt.sources.rest_api"

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        wanted = re.compile(rb'"%s":"([^"]+)"' % job.workload.key.encode())
        for file in job.folder.rglob("*.typed-jsonl*"):
            raw = file.read_bytes()
            text = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
            yield from (found.decode() for found in wanted.findall(text))


class DltToDuckdb(DltExtract):
    """dlt's REST source, all steps into a DuckDB file."""

    name = "dlt to DuckDB"

    @override
    def command(self, job: Job) -> list[str]:
        return [*super().command(job), "duckdb"]

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return loaded_into(BENCH / "python", job.folder / "calls.duckdb", "raw_calls.calls")


class OursToDuckdb(Ours):
    """The tap and target-duckdb, joined by a pipe."""

    workloads = (ANUNZI,)
    slow = True

    def __init__(self) -> None:
        super().__init__()
        self.name = "tap-callexports to DuckDB"

    @override
    def missing(self) -> str | None:
        return python_says(BENCH / "python", "import target_duckdb")

    @override
    def command(self, job: Job) -> list[str]:
        target = {"filepath": "calls.duckdb", "default_target_schema": "raw_calls"}
        loader = [str(BENCH / "target-duckdb"), "--config", job.write("target.json", target)]
        return ["sh", "-c", f"{shlex.join(super().command(job))} | {shlex.join(loader)}"]

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return loaded_into(BENCH / "python", job.folder / "calls.duckdb", "raw_calls.anunzi_calls")


class Airbyte(Installed):
    """Airbyte's low-code CDK."""

    name = "Airbyte low-code"
    script = "airbyte_source.py"
    module = "airbyte_cdk.entrypoint"

    @override
    def ids(self, job: Job) -> Iterator[Id]:
        return found_in(job.out, job.workload.key, "record", "data")


def tap_command() -> list[str]:
    """How the tap is started: as its users do."""
    return [str(Path(sys.executable).with_name("tap-callexports"))]


def plain_command() -> list[str]:
    """How the template's tap is started."""
    return [sys.executable, str(_COMPETITORS / "plain.py")]


def check(tool: Tool, job: Job) -> None:
    """Hold what a run wrote against what the server holds.

    Raises:
        RunFailed: Another number of rows, or other ids.
    """
    written, held = list(tool.ids(job)), set(job.plan.ids())
    if len(written) != len(held) or set(written) != held:
        raise RunFailed(
            f"{tool.name} wrote {len(written)} rows with {len(set(written))} ids, "
            f"{len(held - set(written))} of {len(held)} are missing: {job.workload.title}"
        )


@cache
def _discovered() -> str:
    """The tap's own catalog."""
    return subprocess.check_output(
        [*tap_command(), "--discover"], stderr=subprocess.DEVNULL, text=True
    )


def _catalog(workload: Workload) -> dict[str, Any]:
    """The tap's catalog with one stream selected."""
    catalog: dict[str, Any] = json.loads(_discovered())
    for stream in catalog["streams"]:
        for part in stream["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = stream["tap_stream_id"] == workload.stream
    return catalog
