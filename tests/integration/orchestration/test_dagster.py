"""The real Dagster: its daemon, its queue and its retries, on a backfill into a real database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster_runs import Dagster, half_a_year
from killing import kill
from postgres import Server

from orchestrate.streams import STREAMS
from sandbox import Sandbox

pytestmark = pytest.mark.slow

_TABLES = ("burki_calls", "burki_call_list")
_MONTHS = ["2024-01-01", "2024-02-01", "2024-03-01"]
_QUARTER = ("--from", "2024-01", "--to", "2024-04")
_DEFINITIONS = ("--module-name", "orchestrate.definitions")
_FEBRUARY = ("--from", "2024-02", "--to", "2024-03")
#: Ranges of months, and what is said of each.
_REFUSED = {
    "--from 2023-12 --to 2024-02": "begins with 2024-01",
    "--from 2024-02 --to 2024-02": "--to: must be after --from",
    "--from 2024-02 --to 2999-01": "--to: that month has not begun",
    "--from May --to 2024-02": "'May' is not a month",
    "--from 2024-01 --to 2024-02 --account x": "no account of burki: x",
}
#: Prints the exit code of each of the command lines that it is given.
_EACH = """
import sys
from orchestrate.backfill import main
for line in sys.argv[1:]:
    print(main(["burki", *line.split()]))
"""


@pytest.fixture(scope="module", autouse=True)
def quick_daemon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(Path(__file__).with_name("quick_daemon")))
        yield


def test_a_pool_holds_the_runs_of_a_provider(postgres: Server, tmp_path: Path) -> None:
    with half_a_year(300) as box:
        accounts = {name: {"burki": box.burki.config()} for name in ("east", "west")}
        dagster = Dagster.made(tmp_path / "home", postgres, accounts, pool=1)
        code, said = dagster.run("python", "-m", "orchestrate.backfill", "burki", *_FEBRUARY)
        assert code == 0, said
        assert "2 of 2 partitions are complete" in said
        due = _started(box, _MONTHS[1])
    assert [dagster.rows(f"{name}.burki_calls") for name in ("east", "west")] == [due, due]
    runs = dagster.runs()
    at_once = [sum(one.start <= each.start < (one.end or 0) for one in runs) for each in runs]
    assert max(at_once) == 1


def test_three_months_on_two_workers_are_exact_though_one_worker_is_killed(
    tmp_path: Path, postgres: Server
) -> None:
    with half_a_year(3000) as box:
        accounts = {"halves": {"burki": box.burki.config()}}
        dagster = Dagster.made(tmp_path / "home", postgres, accounts)
        kill("tap-callexports", dagster.home, at=box.burki, after=20, parent=True)
        code, said = dagster.run("python", "-m", "orchestrate.backfill", "burki", *_QUARTER)
        assert code == 0, said
        assert "3 of 3 partitions are complete" in said
        assert re.search(r"^halves\|2024-\d\d-01: FAILURE", said, re.MULTILINE)
        due = _started(box, *_MONTHS)
        for table in _TABLES:
            assert dagster.rows(f"halves.{table}") == due > 1000

    runs = dagster.runs()
    assert Counter(table for run in runs for table in run.passed) == dict.fromkeys(_TABLES, 3)
    ended = Counter((run.partition, run.status) for run in runs)
    [failed] = [partition for partition, status in ended if status == "FAILURE"]
    months = [(f"halves|{month}", "SUCCESS") for month in _MONTHS]
    assert ended == Counter([*months, (failed, "FAILURE")])


def test_there_is_an_asset_for_each_stream_and_no_backfill_that_makes_no_sense(
    tmp_path: Path, postgres: Server
) -> None:
    accounts: dict[str, Any] = {"north": {provider: {} for provider in STREAMS}}
    dagster = Dagster.made(tmp_path / "home", postgres, accounts)
    code, said = dagster.run("dagster", "asset", "list", *_DEFINITIONS)
    assert code == 0, said
    streams = [each.name for group in STREAMS.values() for each in group]
    assert [line for line in said.splitlines() if line in streams] == sorted(streams)

    code, said = dagster.run("python", "-c", _EACH, *_REFUSED)
    assert code == 0, said
    lines = said.splitlines()
    assert lines[1::2] == ["2"] * len(_REFUSED)
    assert all(what in line for what, line in zip(_REFUSED.values(), lines[::2], strict=True))


def _started(box: Sandbox, *months: str) -> int:
    """How many calls started in these months."""
    times = [str(row["started_at"]) for row in box.truth("burki_calls").values()]
    return sum(f"{at[:7]}-01" in months for at in times)
