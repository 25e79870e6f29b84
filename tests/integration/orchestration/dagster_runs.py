"""Instances of Dagster with the project in orchestrate/, for tests."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from postgres import Server

_ROOT = Path(__file__).resolve().parents[3]
_UTC = timezone.utc
START, END = datetime(2024, 1, 1, tzinfo=_UTC), datetime(2024, 7, 1, tzinfo=_UTC)
#: What runs elsewhere must not reach into these.
_OWN_PREFIXES = ("DAGSTER", "CALLEXPORTS", "WAREHOUSE", "TAP_", "TARGET_")
_PATIENCE_SECONDS = 600
#: Prints the `Run`s that an instance knows of.
_RUNS = """
import json
from dagster import DagsterEventType, DagsterInstance
instance = DagsterInstance.get()
kind = DagsterEventType.ASSET_CHECK_EVALUATION
print(json.dumps([
    [run.tags["dagster/partition"], run.status.value, step.start_time, step.end_time, [
        check.asset_key.to_user_string()
        for log in instance.all_logs(run.run_id, of_type=kind)
        if (check := log.dagster_event.asset_check_evaluation_data).passed
    ]]
    for run in instance.get_runs() for step in instance.get_run_step_stats(run.run_id)
]))
"""


@dataclass(frozen=True)
class Run:
    """A run that Dagster has carried out, and the tables that it found to be as counted."""

    partition: str
    status: str
    start: float
    end: float | None
    passed: list[str]


@dataclass(frozen=True)
class Dagster:
    """An instance of Dagster with the project in orchestrate/, that loads into a server."""

    home: Path
    server: Server

    @classmethod
    def made(
        cls,
        home: Path,
        server: Server,
        accounts: Mapping[str, Mapping[str, Any]],
        pool: int = 2,
    ) -> Dagster:
        """A new instance, on which `pool` runs of one provider can go on at the same time."""
        home.mkdir(exist_ok=True)
        instance = yaml.safe_load((_ROOT / "orchestrate" / "dagster.yaml").read_text("utf-8"))
        instance["concurrency"]["pools"]["default_limit"] = pool
        instance["run_monitoring"]["poll_interval_seconds"] = 1  # dead workers are noticed soon
        (home / "dagster.yaml").write_text(yaml.safe_dump(instance), "utf-8")
        content = {"first_month": f"{START:%Y-%m}", "accounts": accounts}
        (home / "accounts.yml").write_text(yaml.safe_dump(content), "utf-8")
        return cls(home, server)

    def run(self, program: str, *arguments: str) -> tuple[int, str]:
        """Exit code and output of a program beside Dagster's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OWN_PREFIXES)}
        done = subprocess.run(
            [dagster_folder() / program, *arguments],
            cwd=_ROOT,
            env={**kept, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        (self.home / "log").write_text(done.stdout, "utf-8")
        return done.returncode, done.stdout

    def runs(self) -> list[Run]:
        """What it has carried out."""
        code, said = self.run("python", "-c", _RUNS)
        if code:
            raise RuntimeError(said)
        return [Run(*each) for each in json.loads(said)]

    def rows(self, table: str) -> int:
        """How many rows a table has, `schema.name`."""
        return int(self.server.sql(f"select count(*) from {table}"))

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "DAGSTER_HOME": str(self.home),
            "CALLEXPORTS_ACCOUNTS": str(self.home / "accounts.yml"),
            "CALLEXPORTS_RETRY_SECONDS": "1",
            "WAREHOUSE_URL": self.server.url,
        }


def dagster_folder() -> Path:
    """Where Dagster's programs are: `$DAGSTER_BIN`, or where make has installed them."""
    folder = Path(os.environ.get("DAGSTER_BIN") or _ROOT / ".venv-dagster" / "bin")
    if not (folder / "dagster").exists():
        raise FileNotFoundError(f"no Dagster in {folder}: run make .venv-dagster/ready")
    return folder


@contextmanager
def half_a_year(rows: int) -> Iterator[Sandbox]:
    """The platforms with so many calls in the first half of 2024."""
    with Sandbox(seed=7, rows=rows, start=START, end=END) as box:
        yield box
