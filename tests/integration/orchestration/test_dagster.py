"""The real Dagster: its daemon, its queue and its retries, on a backfill into a real database."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from killing import kill

from benchmarks.backfill import Dagster, Run, half_a_year
from benchmarks.postgres import Server
from orchestrate.streams import STREAMS
from sandbox import Api, Fault, Sandbox
from sandbox.http import Request

pytestmark = pytest.mark.dagster

_PATIENCE_SECONDS = 60
_TABLES = ("burki_calls", "burki_call_list")
_MONTHS = [f"2024-{month:02}-01" for month in range(1, 7)]


def test_there_is_an_asset_for_each_stream(tmp_path: Path, postgres: Server) -> None:
    accounts: dict[str, Any] = {"north": {provider: {} for provider in STREAMS}}
    code, said = Dagster.made(tmp_path / "home", postgres, accounts).run(
        "dagster", "asset", "list", "--module-name", "orchestrate.definitions"
    )
    assert code == 0, said
    streams = [each.name for group in STREAMS.values() for each in group]
    assert [line for line in said.splitlines() if line in streams] == sorted(streams)


def test_six_months_on_two_workers_are_exact_though_one_worker_is_killed(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with half_a_year(3000) as box:
        accounts = {"halves": {"burki": box.burki.config()}}
        dagster = Dagster.made(tmp_path / "home", postgres, accounts)
        met = _two_at_once(box.burki, monkeypatch)
        kill("tap-callexports", dagster.home, at=box.burki, after=20, parent=True)
        code, said = dagster.backfill("burki")
        assert code == 0, said
        assert met.is_set()
        assert "6 of 6 partitions are complete" in said
        assert re.search(r"^halves\|2024-\d\d-01: FAILURE", said, re.MULTILINE)
        for table in _TABLES:
            assert dagster.rows(f"halves.{table}") == len(box.truth(table)) == 3000

    runs = dagster.runs()
    assert Counter(table for run in runs for table in run.passed) == dict.fromkeys(_TABLES, 6)
    ended = Counter((run.partition, run.status) for run in runs)
    failed = [partition for partition, status in ended if status == "FAILURE"]
    assert len(failed) == 1
    assert ended == Counter(
        [(f"halves|{month}", "SUCCESS") for month in _MONTHS] + [(failed[0], "FAILURE")]
    )


def test_a_pool_holds_the_runs_of_a_provider(tmp_path: Path, postgres: Server) -> None:
    with half_a_year(300) as box:
        accounts = {name: {"burki": box.burki.config()} for name in ("east", "west")}
        dagster = Dagster.made(tmp_path / "home", postgres, accounts, workers=2, pool=1)
        code, said = dagster.run(
            *("python", "-m", "orchestrate.backfill", "burki"),
            *("--from", "2024-02", "--to", "2024-03"),
        )
        assert code == 0, said
        assert "2 of 2 partitions are complete" in said
        due = _between(box, "2024-02-01", "2024-03-01")
        assert {name: dagster.rows(f"{name}.burki_calls") for name in accounts} == dict.fromkeys(
            accounts, due
        )
    assert _at_once(dagster.runs()) == 1


def test_a_row_that_the_loader_loses_fails_the_check_and_the_run(
    tmp_path: Path, postgres: Server
) -> None:
    with half_a_year(300) as box:
        accounts = {"lossy": {"burki": box.burki.config()}}
        dagster = Dagster.made(tmp_path / "home", postgres, accounts)
        materialize = (
            *("dagster", "asset", "materialize", "--module-name", "orchestrate.definitions"),
            *("--select", "burki_calls", "--partition", "lossy|2024-03-01"),
        )
        code, said = dagster.run(*materialize)
        assert code == 0, said
        due = _between(box, "2024-03-01", "2024-04-01")
        assert dagster.rows("lossy.burki_calls") == due

        postgres.sql(
            "delete from lossy.burki_calls where id = (select min(id) from lossy.burki_calls);"
            "create function lossy.lose() returns trigger language plpgsql as"
            " 'begin if exists (select from lossy.burki_calls where id = new.id)"
            " then return new; end if; return null; end';"
            "create trigger lose before insert on lossy.burki_calls"
            " for each row execute function lossy.lose()"
        )
        code, said = dagster.run(*materialize)
        assert code != 0
        assert f"{due - 1} calls are loaded where the provider counts {due}" in said


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--from", "2023-12", "--to", "2024-02"), "begins with 2024-01"),
        (("--from", "2024-02", "--to", "2024-02"), "--to: must be after --from"),
        (("--from", "2024-02", "--to", "2999-01"), "--to: that month has not begun"),
        (("--from", "May", "--to", "2024-02"), "'May' is not a month"),
        (("--from", "2024-01", "--to", "2024-02", "--account", "x"), "no account of burki: x"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_refused(
    tmp_path: Path, postgres: Server, arguments: tuple[str, ...], what: str
) -> None:
    dagster = Dagster.made(tmp_path / "home", postgres, {"a": {"burki": {}}})
    code, said = dagster.run("python", "-m", "orchestrate.backfill", "burki", *arguments)
    assert code == 2
    assert what in said
    assert len(said.splitlines()) == 1


def _two_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Lets the first request wait for one of another month; whether that came meanwhile."""
    months: set[str] = set()
    met = Event()
    take = api.faults.take

    def wait(request: Request) -> Fault | None:
        first = not months
        months.add(request.query["date_from"][:7])
        if len(months) > 1:
            met.set()
        elif first:
            met.wait(_PATIENCE_SECONDS)
        return take(request)

    monkeypatch.setattr(api.faults, "take", wait)
    return met


def _at_once(runs: list[Run]) -> int:
    """Most steps that were under way when one began."""
    return max(
        sum(one.start <= each.start < (one.end or one.start) for one in runs) for each in runs
    )


def _between(box: Sandbox, start: str, end: str) -> int:
    times = [str(row["started_at"]) for row in box.truth("burki_calls").values()]
    return len([at for at in times if start <= at < end])
