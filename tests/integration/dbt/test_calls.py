"""One row for each call of every provider, and in it what the provider's own records tell."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from generator.facts import ROOT
from one_table import PROJECT, OneTable, truth
from support import PROVIDERS

from demo.calls_model import totals
from demo.expected import COLUMNS, STREAMS, Row, expected
from demo.project import Project
from sandbox import Sandbox

slow = pytest.mark.slow

_ZONE = "America/Santiago"
_TYPES = "select column_name, data_type from information_schema.columns where table_name = 'calls'"
_DAYS = """
select (provider, agent, cast(day as text), status), sum(n)
from (unpivot calls_daily on answered, abandoned, no_answer, failed, ongoing, other
      into name status value n)
where n > 0 group by all
"""
_COSTS = "select currency, sum(cost) from calls_daily where cost is not null group by all"


@slow
def test_every_call_and_every_day_is_there_as_the_records_tell(
    box: Sandbox, tmp_path: Path
) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    one.load(tables)
    due = expected(tables)

    one.build()

    assert one.wrong(tables) == []
    amounts = totals(list(due.values()))
    assert totals(one.calls()) == amounts
    assert set(amounts) == set(PROVIDERS)
    assert all(each.calls > each.answered > 0 for each in amounts.values())

    one.build(timezone=_ZONE, currencies={"anunzi": "EUR"})

    assert Counter(dict(one.ask(_DAYS))) == Counter(
        (row["provider"], row["agent"], _day(row["started_at"]), row["status"])
        for row in due.values()
    )
    [(calls, minutes)] = one.ask("select sum(calls), sum(minutes) from calls_daily")
    assert calls == len(due)
    assert minutes == pytest.approx(float(sum(each.seconds for each in amounts.values())) / 60)
    costs: Counter[str] = Counter()
    for row in due.values():
        if row["cost"] is not None:
            costs["EUR" if row["provider"] == "anunzi" else row["currency"]] += row["cost"]
    assert Counter(dict(one.ask(_COSTS))) == costs


def _day(instant: str | None) -> str | None:
    if instant is None:
        return None
    time = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return time.astimezone(ZoneInfo(_ZONE)).date().isoformat()


@slow
@pytest.mark.parametrize("streams", [(), STREAMS], ids=["no tables", "empty tables"])
def test_without_calls_the_tables_are_there_and_empty(
    streams: tuple[str, ...], tmp_path: Path
) -> None:
    one = OneTable(tmp_path)
    one.load({stream: [] for stream in streams})

    one.build()

    assert one.calls() == []
    assert one.ask("select count(*) from calls_daily") == [(0,)]
    types = dict(one.ask(_TYPES))
    assert tuple(types) == COLUMNS
    assert types["started_at"] == "TIMESTAMP"
    assert types["cost"] == "DECIMAL(18,6)"


@slow
def test_of_a_row_that_was_appended_again_the_newest_counts(box: Sandbox, tmp_path: Path) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    stale = {stream: [_stale(row) for row in rows] for stream, rows in tables.items()}
    one.load(
        {
            stream: [
                *_read(stale[stream], "2024-06-01T00:00:00", "2024-06-01T00:00:09"),
                *_read(rows, "2024-06-02T00:00:00", "2024-06-02T00:00:01"),
                *_read(stale[stream], "2024-06-02T00:00:00", "2024-06-02T00:00:00"),
                *_read(stale[stream], None, None),
            ]
            for stream, rows in tables.items()
        },
        more={"_sdc_extracted_at": "timestamp", "_sdc_batched_at": "timestamp"},
    )

    one.run()

    assert one.wrong(tables) == []


def _read(rows: list[Row], extracted: str | None, batched: str | None) -> list[Row]:
    times = {"_sdc_extracted_at": extracted, "_sdc_batched_at": batched}
    return [{**row, **times} for row in rows]


def _stale(row: Row) -> Row:
    """The row as it was before: other status, other length, and no end."""
    ends = ("end_time", "end_timestamp", "ended_at", "duration", "duration_ms", "price")
    states = ("status", "call_status", "current_status_name")
    return {
        name: "stale" if name in states else None if name in ends else value
        for name, value in row.items()
    }


@slow
def test_columns_may_be_deselected_flattened_or_have_a_zone(box: Sandbox, tmp_path: Path) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    left_out = ("agent", "customer_phone_number", "end_time", "task_id", "extra")
    one.load(
        {stream: [_flattened(row) for row in rows] for stream, rows in tables.items()},
        without=(*left_out, "call_cost", "call_analysis"),
        more={
            "call_cost__combined_cost": "double",
            "call_analysis__user_sentiment": "varchar",
            "started_at": "timestamp with time zone",
        },
    )

    one.run()

    bare = {
        stream: [{k: v for k, v in row.items() if k not in left_out} for row in rows]
        for stream, rows in tables.items()
    }
    assert one.wrong(bare) == []
    assert any(row["cost"] and row["sentiment"] for row in one.calls())


def _flattened(row: Row) -> Row:
    return {
        **row,
        "call_cost__combined_cost": (row.get("call_cost") or {}).get("combined_cost"),
        "call_analysis__user_sentiment": (row.get("call_analysis") or {}).get("user_sentiment"),
    }


@slow
def test_a_wrong_model_does_not_pass_its_checks(box: Sandbox, tmp_path: Path) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "transform")
    model = project / "models/providers/burki_as_calls.sql"
    sql, best = model.read_text("utf-8"), "where ranked.place = 1"
    assert best in sql
    model.write_text(sql.replace(best, ""), "utf-8")
    one = OneTable(tmp_path)
    one.load(truth(box))

    outcome = one.dbt("build", project=project)

    assert outcome.code != 0
    assert "every_exported_call_is_in_calls_once" in outcome.failed, outcome.log


@slow
def test_meltano_runs_dbt_as_its_plugin_is_declared(box: Sandbox, tmp_path: Path) -> None:
    tables, one, root = truth(box), OneTable(tmp_path), tmp_path / "project"
    one.load(tables)
    root.mkdir()
    shutil.copy(ROOT / "meltano.yml", root)
    (root / "transform").symlink_to(PROJECT)
    project = Project(root, tmp_path, {"DBT_DUCKDB_PATH": str(one.file)})

    for command in (["install", "dbt-duckdb"], ["run", "dbt-duckdb:build"]):
        outcome = project.meltano(*command)
        assert outcome.code == 0, outcome.log

    assert one.wrong(tables) == []
    assert (root / ".meltano/transformers/dbt/target/manifest.json").exists()
