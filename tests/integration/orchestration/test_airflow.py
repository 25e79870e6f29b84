"""The DAG file in a real Airflow: what airflow_checks.py looks at, and one month exported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from generator.facts import ROOT
from postgres import Server

from orchestrate.accounts import FILE_VARIABLE
from orchestrate.warehouse import URL_VARIABLE
from sandbox import Sandbox

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 300
_UTC = timezone.utc
_SECRET = "canary-secret"
_ACCOUNTS = {
    "north": {
        "videsk": {"api_token": _SECRET},
        "burki": {"api_key": _SECRET, "requests_per_minute": 120},
    },
    "south": {
        "anunzi": {"api_key": _SECRET, "api_url": "http://127.0.0.1:1"},
        "burki": {"api_key": _SECRET, "api_url": "http://127.0.0.1:1"},
    },
    "poor": {"burki": {"api_key": _SECRET, "requests_per_minute": 1}},
}


def test_the_dags_are_as_they_must_be(tmp_path: Path) -> None:
    checks = str(Path(__file__).with_name("airflow_checks.py"))
    _run(_environment(tmp_path, _ACCOUNTS), "python", checks)


def test_airflow_exports_a_month_of_each_account(postgres: Server, tmp_path: Path) -> None:
    start, end = datetime(2024, 4, 10, tzinfo=_UTC), datetime(2024, 6, 20, tzinfo=_UTC)
    with Sandbox(seed=1, rows=300, start=start, end=end) as box:
        settings = {**box.config()["burki"], "requests_per_minute": 60_000}
        names = ("airflow_north", "airflow_south")
        accounts = {name: {"burki": settings} for name in names}
        environment = {**_environment(tmp_path, accounts), URL_VARIABLE: postgres.url}
        _run(environment, "airflow", "db", "migrate")
        # A run by hand takes the month before its date.
        log = _run(environment, "airflow", "dags", "test", "callexports_burki", "2024-06-01")
        due = {
            stream: [
                row["id"] for row in box.truth(stream).values() if "2024-05" in row["started_at"]
            ]
            for stream in ("burki_calls", "burki_call_list")
        }
    for stream, ids in due.items():
        assert 0 < len(ids) < 300
        assert log.count(f"{stream}: {len(ids)} calls are loaded, as counted") == len(names)
        for name in names:
            loaded = postgres.sql(f"select id from {name}.{stream}").split()
            assert sorted(loaded) == sorted(map(str, ids))
    assert settings["api_key"] not in log
    assert settings["api_key"].encode() not in (tmp_path / "airflow.db").read_bytes()


def _environment(home: Path, accounts: Mapping[str, Any]) -> dict[str, str]:
    """An Airflow of its own, with a database in a file."""
    file = home / "accounts.yml"
    content = {"first_month": "2024-01", "accounts": dict(accounts)}
    file.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    kept.pop(URL_VARIABLE, None)
    folders = [str(_airflow().parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **kept,
        "PATH": os.pathsep.join(folders),
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "orchestrate"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        FILE_VARIABLE: str(file),
    }


def _airflow() -> Path:
    found = Path(os.environ.get("AIRFLOW") or ROOT / ".venv-airflow/bin/airflow")
    if not found.exists():
        pytest.skip(f"no Airflow at {found}: run make, or set AIRFLOW to the program")
    return found


def _run(environment: Mapping[str, str], name: str, *arguments: str) -> str:
    """Run a program of Airflow's environment; all it said."""
    done = subprocess.run(
        [str(_airflow().with_name(name)), *arguments],
        env=environment,
        cwd=environment["AIRFLOW_HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout
