"""The same SQL on PostgreSQL makes the same tables, and from them the same report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from calls_table import write_calls
from one_table import run_dbt, truth, types_in
from postgres import Server

from demo.calls_model import differences
from demo.expected import Row, expected
from demo.report.insights import insights
from demo.report.page import page
from sandbox import Sandbox

pytestmark = pytest.mark.slow

_KINDS = {"json": "jsonb", "double": "double precision", "hugeint": "bigint", "varchar": "text"}


def test_postgres_holds_the_same_calls(postgres: Server, box: Sandbox, tmp_path: Path) -> None:
    tables, raw, analytics = truth(box), "raw_of_dbt", "made_by_dbt"
    _load(postgres, raw, tables, tmp_path)
    settings = {"DBT_TARGET": "postgres", "DBT_RAW_SCHEMA": raw, "DBT_SCHEMA": analytics}
    settings |= {f"DBT_POSTGRES_{key.upper()}": str(v) for key, v in postgres.address.items()}

    outcome = run_dbt(tmp_path, "build", settings, {"timezone": "America/Santiago"})

    assert outcome.code == 0, outcome.log
    assert outcome.warned == ()
    held = [_as_written(row) for row in _rows(postgres, f"{analytics}.calls")]
    assert list(differences(held, expected(tables))) == []
    days = _rows(postgres, f"{analytics}.calls_daily")
    assert sum(day["calls"] for day in days) == len(held)
    started = [row["started_at"] for row in held if row["started_at"]]
    assert min(day["day"] for day in days if day["day"]) < min(started)[:10], "the zone counts"
    same = write_calls(tmp_path, expected(tables).values())
    assert page(insights(postgres.url, analytics)) == page(insights(same, "analytics"))


def _load(server: Server, schema: str, tables: Mapping[str, Iterable[Row]], folder: Path) -> None:
    """Raw tables as the PostgreSQL loader leaves them."""
    server.sql(f"create schema {schema}; create table {schema}.lines (line jsonb)")
    for stream, rows in tables.items():
        file = folder / f"{stream}.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        types = types_in(stream).items()
        columns = ", ".join(f'"{name}" {_KINDS.get(kind, kind)}' for name, kind in types)
        server.sql(f"create table {schema}.{stream} ({columns})")
        # Characters that no JSON holds: a line is taken as it is.
        whole = r"(format csv, quote e'\x01', delimiter e'\x02')"
        server.sql(rf"\copy {schema}.lines from '{file}' with {whole}")
        server.sql(
            f"insert into {schema}.{stream} select row.* from {schema}.lines, "
            f"jsonb_populate_record(null::{schema}.{stream}, line) as row; "
            f"truncate {schema}.lines"
        )


def _rows(server: Server, table: str) -> list[Row]:
    lines = server.sql(f"select row_to_json(t) from {table} as t").splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def _as_written(row: Row) -> Row:
    """Instants and amounts as they are compared."""

    def plain(name: str, value: Any) -> Any:
        if name in ("started_at", "ended_at") and value is not None:
            seconds, _, fraction = value.partition(".")
            return f"{seconds}.{fraction:0<6}Z"
        return Decimal(value) if type(value) is int else value

    return {name: plain(name, value) for name, value in row.items()}
