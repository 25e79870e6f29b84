"""dbt, in an environment of its own, on a DuckDB file or a PostgreSQL database."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PROJECT = ROOT / "transform"


@dataclass(frozen=True)
class Outcome:
    """How a command ended, all it said, and which checks did not pass."""

    code: int
    log: str
    failed: tuple[str, ...]
    warned: tuple[str, ...]


@dataclass(frozen=True)
class Dbt:
    """dbt with one database.

    Attributes:
        folder: Where it may write.
        settings: Environment variables that name the database.
        project: The dbt project.
        variables: dbt's own variables.
    """

    folder: Path
    settings: Mapping[str, str]
    project: Path = PROJECT
    variables: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> Outcome:
        """Run one command."""
        environment = {
            "DBT_PROJECT_DIR": str(self.project),
            "DBT_PROFILES_DIR": str(PROJECT / "profiles"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            **self.settings,
        }
        variables = ("--vars", json.dumps(dict(self.variables)))
        command = {"arguments": [*arguments, *variables], "environment": environment}
        answer = _ask(command)
        results = _results(self.folder / "target/run_results.json")
        return Outcome(
            answer["code"],
            answer["log"],
            tuple(name for name, status in results if status in ("fail", "error")),
            tuple(name for name, status in results if status == "warn"),
        )


def _ask(command: Mapping[str, Any]) -> dict[str, Any]:
    server = _server()
    assert server.stdin
    assert server.stdout
    server.stdin.write(json.dumps(command) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "dbt's process has ended; what it said is on stderr"
    return dict(json.loads(answer))


@cache
def _server() -> subprocess.Popen[str]:
    """A process for all tests of this one."""
    python = Path(os.environ.get("DBT_PYTHON") or ROOT / ".venv-dbt/bin/python")
    assert python.exists(), f"no dbt at {python}: run make, or set DBT_PYTHON to its Python"
    server = subprocess.Popen(
        [str(python), str(Path(__file__).with_name("dbt_server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def stop() -> None:
        server.communicate()

    atexit.register(stop)
    return server


def _results(file: Path) -> list[tuple[str, str]]:
    """Every model and check of the last command, by name, with how it ended."""
    if not file.exists():
        return []
    results = json.loads(file.read_text("utf-8"))["results"]
    return [(part["unique_id"].split(".")[2], part["status"]) for part in results]
