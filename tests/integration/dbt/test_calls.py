"""One row for each call of every provider, and in it what the provider's own records tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable, truth
from support import PROVIDERS

from demo.calls_model import totals
from demo.expected import COLUMNS, STREAMS, expected
from sandbox import Sandbox

pytestmark = [pytest.mark.dbt]

_TYPES = "select column_name, data_type from information_schema.columns where table_name = 'calls'"


def test_every_call_of_every_provider_is_there_as_its_records_tell(
    box: Sandbox, tmp_path: Path
) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    one.load(tables)

    one.build()

    assert one.wrong(tables) == []
    due = totals(list(expected(tables).values()))
    assert totals(one.calls()) == due
    assert set(due) == set(PROVIDERS)
    assert all(amounts.calls > amounts.answered > 0 for amounts in due.values())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_provider_is_enough(provider: str, box: Sandbox, tmp_path: Path) -> None:
    tables = {name: rows for name, rows in truth(box).items() if name.startswith(provider)}
    one = OneTable(tmp_path)
    one.load(tables)

    one.build()

    assert one.wrong(tables) == []
    assert {row["provider"] for row in one.calls()} == {provider}


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


def test_of_a_row_that_was_appended_again_the_newest_counts(box: Sandbox, tmp_path: Path) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    stale = {stream: [_stale(row) for row in rows] for stream, rows in tables.items()}
    times = {"_sdc_extracted_at": "timestamp", "_sdc_batched_at": "timestamp"}
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
        more=times,
    )

    one.build()

    assert one.wrong(tables) == []


def test_a_column_that_was_deselected_is_null_in_the_model(box: Sandbox, tmp_path: Path) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    left_out = ("agent", "call_cost", "customer_phone_number", "end_time", "task_id", "extra")
    one.load(tables, without=left_out)

    one.run()

    bare = {
        stream: [{k: v for k, v in row.items() if k not in left_out} for row in rows]
        for stream, rows in tables.items()
    }
    assert one.wrong(bare) == []


def test_flattened_columns_are_read_where_they_are(box: Sandbox, tmp_path: Path) -> None:
    tables = {name: rows for name, rows in truth(box).items() if name.startswith("anunzi")}
    one = OneTable(tmp_path)
    flat = {"call_cost__combined_cost": "double", "call_analysis__user_sentiment": "varchar"}
    one.load(
        {stream: [_flattened(row) for row in rows] for stream, rows in tables.items()},
        without=("call_cost", "call_analysis"),
        more=flat,
    )

    one.run()

    assert one.wrong(tables) == []
    assert any(row["cost"] and row["sentiment"] for row in one.calls())


def test_instants_with_a_zone_are_turned_into_utc(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    started = {"started_at": "2024-05-01T10:00:00+02:00"}
    zoned = {"started_at": "timestamp with time zone"}
    one.load({"burki_calls": [{"id": 1, "status": "completed", **started}]}, more=zoned)

    one.run()

    assert [row["started_at"] for row in one.calls()] == ["2024-05-01T08:00:00.000000Z"]


def _read(rows: list[dict[str, Any]], extracted: str | None, batched: str | None) -> Any:
    times = {"_sdc_extracted_at": extracted, "_sdc_batched_at": batched}
    return [{**row, **times} for row in rows]


def _stale(row: dict[str, Any]) -> dict[str, Any]:
    """The row as it was before: other status, other length, and no end."""
    ends = ("end_time", "end_timestamp", "ended_at", "duration", "duration_ms", "price")
    states = ("status", "call_status", "current_status_name")
    return {
        name: "stale" if name in states else None if name in ends else value
        for name, value in row.items()
    }


def _flattened(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "call_cost__combined_cost": (row.get("call_cost") or {}).get("combined_cost"),
        "call_analysis__user_sentiment": (row.get("call_analysis") or {}).get("user_sentiment"),
    }
