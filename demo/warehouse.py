"""What is in the DuckDB file, read back in the form in which the tap has sent it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]


def tables(file: Path, schema: str) -> dict[str, list[Row]]:
    """All rows of all tables of a schema, by table."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute(
            "select table_name from information_schema.tables where table_schema = ?", [schema]
        ).fetchall()
        return {name: _rows(connection.table(f"{schema}.{name}")) for (name,) in found}


def as_kept(rows: list[Row]) -> list[Row]:
    """Rows as the loader keeps them: it goes through CSV, where an empty text is none."""
    return [{name: None if value == "" else value for name, value in row.items()} for row in rows]


def _rows(table: duckdb.DuckDBPyRelation) -> list[Row]:
    types = [str(kind) for kind in table.types]
    return [
        {
            name: _as_sent(value, kind)
            for name, value, kind in zip(table.columns, values, types, strict=True)
        }
        for values in table.fetchall()
    ]


def _as_sent(value: object, kind: str) -> object:
    """The loader keeps instants as times without a zone, in UTC, and nested values as JSON."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if kind == "JSON" and isinstance(value, str):
        return json.loads(value)
    return value
