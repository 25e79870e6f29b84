"""The table `calls` in a DuckDB file, as dbt makes it, of rows that a test gives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from demo.expected import Row
from sandbox.calls import COLUMNS

_TYPES = {
    **dict.fromkeys(("started_at", "ended_at"), "timestamp"),
    **dict.fromkeys(("duration_seconds", "waited_seconds"), "numeric(14, 3)"),
    "cost": "numeric(18, 6)",
}


def write_calls(folder: Path, rows: Iterable[Row], columns: Sequence[str] = COLUMNS) -> str:
    """Write the rows, with these columns only; what a row does not say is null."""
    file, lines = folder / "warehouse.duckdb", folder / "calls.jsonl"
    lines.write_text("".join(f"{json.dumps(row, default=str)}\n" for row in rows), "utf-8")
    kinds = {name: _TYPES.get(name, "varchar") for name in columns}
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema analytics")
        connection.execute(
            f"create table analytics.calls as from read_json('{lines}', "
            f"format = 'newline_delimited', columns = {kinds})"
        )
    return str(file)
