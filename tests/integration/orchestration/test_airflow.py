"""The DAG file in a real Airflow: its DAGs, its months, its failures, and one month exported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.postgres import Server
from orchestrate.accounts import FILE_VARIABLE
from orchestrate.streams import STREAMS
from orchestrate.warehouse import URL_VARIABLE
from sandbox import Sandbox

pytestmark = pytest.mark.airflow

_ROOT = Path(__file__).resolve().parents[3]
_FOLDER = _ROOT / "orchestrate"
_PATIENCE_SECONDS = 300
_UTC = timezone.utc
_DAY = timedelta(days=1)
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
_MAY = ["2024-05-01T00:00:00+00:00", "2024-06-01T00:00:00+00:00"]


def _call(
    task: str, interval: Sequence[str | None] = _MAY, *, running: Mapping[str, int] | None = None
) -> dict[str, Any]:
    return {
        "dag": "callexports_burki",
        "task": task,
        "interval": interval,
        "running": running or {},
    }


#: Each is called once, in one process: to start Airflow takes seconds.
_CALLS = {
    "empty": _call("north", [_MAY[0], _MAY[0]]),
    "none": _call("north", [None, None]),
    "poor": _call("poor"),
    "full": _call("north", running={"callexports_burki": 1, "callexports_burki_details": 1}),
    "crowd": _call("north", running={"callexports_burki": 2, "callexports_burki_details": 1}),
    "crowd without a budget": _call("south", running={"callexports_burki": 3}),
    "not over": _call("south", [_MAY[0], "2999-01-01T00:00:00+00:00"]),
}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _facts(tmp_path_factory.mktemp("airflow"), _ACCOUNTS, _CALLS)


def test_every_provider_of_the_accounts_has_its_dags(facts: dict[str, Any]) -> None:
    assert facts["errors"] == {}
    assert {name: list(dag["tasks"]) for name, dag in facts["dags"].items()} == {
        "callexports_videsk": ["north", "late-calls"],
        "callexports_anunzi": ["south", "late-calls"],
        "callexports_anunzi_details": ["south", "late-calls"],
        "callexports_anunzi_whole": ["south"],
        "callexports_burki": ["north", "south", "poor", "late-calls"],
        "callexports_burki_details": ["north", "south", "poor", "late-calls"],
    }


def test_tasks_share_their_providers_pool_wait_for_late_calls_and_are_tried_again(
    facts: dict[str, Any],
) -> None:
    tried = {"retries": 3, "delay": 60, "backoff": 2}
    for name, dag in facts["dags"].items():
        provider = name.split("_")[1]
        waiting = [] if name.endswith("_whole") else ["late-calls"]
        assert dag["max_active_runs"] == 2
        for task_id, task in dag["tasks"].items():
            if task_id == "late-calls":
                assert task == {"pool": "default_pool", "after": [], **tried}
            else:
                assert task == {"pool": provider, "after": waiting, **tried}


def test_there_is_a_pool_with_slots_for_every_provider() -> None:
    pools = json.loads((_FOLDER / "airflow_pools.json").read_text("utf-8"))
    assert set(pools) == set(STREAMS)
    assert all(pool["slots"] > 0 and pool["description"] for pool in pools.values())


def test_a_run_is_a_whole_month_of_utc_where_monthly_alone_is_an_instant(
    facts: dict[str, Any],
) -> None:
    firsts = [f"2024-{month:02}-01T00:00:00+00:00" for month in range(1, 8)]
    months = [[firsts[number], firsts[number + 1]] for number in range(6)]
    ranged = [dag for name, dag in facts["dags"].items() if not name.endswith("_whole")]
    assert len(ranged) == 5
    for dag in ranged:
        assert dag["months"] == months
        assert dag["first"] == firsts[0]
        assert dag["catchup"] is False
    assert facts["@monthly"] == [[first, first] for first in firsts[:6]]


def test_to_read_the_file_takes_neither_the_tap_nor_http_nor_postgres(
    facts: dict[str, Any],
) -> None:
    heavy = {"requests", "psycopg", "singer_sdk", "tap_callexports"}
    assert not heavy & set(facts["modules"])


@pytest.mark.parametrize("interval", ["empty", "none"])
def test_a_run_without_an_interval_fails_for_good_and_names_the_timetable(
    facts: dict[str, Any], interval: str
) -> None:
    outcome = facts["calls"][interval]
    assert outcome["error"] == "AirflowFailException"
    assert 'CronDataIntervalTimetable("@monthly", timezone="UTC")' in outcome["line"]


def test_a_budget_that_the_pool_cannot_share_fails_for_good(facts: dict[str, Any]) -> None:
    outcome = facts["calls"]["poor"]
    assert outcome["error"] == "AirflowFailException"
    assert "1 a minute cannot be shared by 2 runs" in outcome["line"]


def test_more_runs_than_the_budget_was_shared_by_fail(facts: dict[str, Any]) -> None:
    outcome = facts["calls"]["crowd"]
    assert outcome["error"] == "RunError"
    assert outcome["line"].startswith("3 runs of burki go on at the same time, which are 2 in ")


@pytest.mark.parametrize("call", ["full", "crowd without a budget"])
def test_a_full_pool_goes_on_and_without_a_budget_one_of_any_size(
    facts: dict[str, Any], call: str
) -> None:
    # As far as the warehouse, whose address is not set.
    assert facts["calls"][call]["line"].startswith(f"set {URL_VARIABLE} to ")


def test_a_month_that_is_not_over_fails(facts: dict[str, Any]) -> None:
    assert facts["calls"]["not over"]["error"] == "RunError"
    assert "2999-01-01 is not here yet" in facts["calls"]["not over"]["line"]


def test_a_month_that_ended_just_now_fails_as_incomplete(
    box: Sandbox, postgres: Server, tmp_path: Path
) -> None:
    now = datetime.now(_UTC)
    call = _call("just_now", [(now - _DAY).isoformat(), now.isoformat()])
    accounts = {"just_now": {"burki": box.config()["burki"]}}
    outcome = _facts(tmp_path, accounts, {"now": call}, postgres)["calls"]["now"]
    assert outcome["error"] == "RunError"
    assert outcome["line"].startswith("burki_calls, burki_call_list: the range ended too short")


def test_airflow_exports_a_month_of_each_account(postgres: Server, tmp_path: Path) -> None:
    start, end = datetime(2024, 4, 10, tzinfo=_UTC), datetime(2024, 6, 20, tzinfo=_UTC)
    with Sandbox(seed=1, rows=300, start=start, end=end) as box:
        settings = {**box.config()["burki"], "requests_per_minute": 60_000}
        names = ("airflow_north", "airflow_south")
        environment = _environment(
            tmp_path, {name: {"burki": settings} for name in names}, postgres
        )
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


def _facts(
    folder: Path,
    accounts: Mapping[str, Any],
    calls: Mapping[str, Any],
    server: Server | None = None,
) -> dict[str, Any]:
    """What airflow_facts.py says; its calls by name."""
    answer = folder / "facts.json"
    script = str(Path(__file__).with_name("airflow_facts.py"))
    environment = _environment(folder, accounts, server)
    _run(environment, "python", script, str(answer), json.dumps(list(calls.values())))
    facts: dict[str, Any] = json.loads(answer.read_text("utf-8"))
    return {**facts, "calls": dict(zip(calls, facts["calls"], strict=True))}


def _environment(home: Path, accounts: Mapping[str, Any], server: Server | None) -> dict[str, str]:
    """An Airflow of its own, with a database in a file."""
    file = home / "accounts.yml"
    content = {"first_month": "2024-01", "accounts": dict(accounts)}
    file.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    kept.pop(URL_VARIABLE, None)
    return {
        **kept,
        **({URL_VARIABLE: server.url} if server else {}),
        "PATH": os.pathsep.join(
            [str(_airflow().parent), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "PYTHONPATH": str(_ROOT),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        FILE_VARIABLE: str(file),
    }


def _airflow() -> Path:
    found = Path(os.environ.get("AIRFLOW") or _ROOT / ".venv-airflow/bin/airflow")
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
