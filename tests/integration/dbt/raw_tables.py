"""Raw tables as the DuckDB loader leaves them, written without it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from demo.expected import Row

ROOT = Path(__file__).resolve().parents[3]
RAW = "raw_calls"
_SCHEMAS = {
    path.stem: path for path in (ROOT / "tap_callexports/providers").glob("*/schemas/*.json")
}


def columns_of(stream: str) -> dict[str, str]:
    """The columns of a stream's table, with the types the loader gives them."""
    schema = json.loads(_SCHEMAS[stream].read_text("utf-8"))
    return {name: _type(column) for name, column in schema["properties"].items()}


def write(
    file: Path,
    tables: Mapping[str, Iterable[Row]],
    *,
    without: Iterable[str] = (),
    more: Mapping[str, str] | None = None,
) -> None:
    """Make the tables of these streams.

    Args:
        file: The DuckDB file.
        tables: The rows of each stream; what a row does not name is null.
        without: Columns that no table has, as if they had been deselected.
        more: Further columns of each table, with their types.
    """
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"create schema if not exists {RAW}")
        for stream, rows in tables.items():
            kept = {k: v for k, v in columns_of(stream).items() if k not in set(without)}
            _fill(connection, file, stream, {**kept, **(more or {})}, rows)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    stream: str,
    columns: Mapping[str, str],
    rows: Iterable[Row],
) -> None:
    typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table {RAW}.{stream} ({typed})")
    lines = [json.dumps({name: row.get(name) for name in columns}) for row in rows]
    if lines:
        source = file.with_name(f"{stream}.jsonl")
        source.write_text("\n".join(lines), "utf-8")
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            f"insert into {RAW}.{stream} select {names} "
            f"from read_json('{source}', format = 'newline_delimited', columns = {{{kinds}}})"
        )


def _type(column: Mapping[str, Any]) -> str:
    kinds = column["type"]
    if "object" in kinds or "array" in kinds:
        return "json"
    if column.get("format") == "date-time":
        return "timestamp"
    for kind, name in (("number", "double"), ("integer", "hugeint"), ("boolean", "boolean")):
        if kind in kinds:
            return name
    return "varchar"
