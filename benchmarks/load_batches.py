"""Upserts the tap's batch files into DuckDB: `tap | load_batches.py FILE SCHEMA > states`."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

import duckdb

_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "object": "JSON",
    "array": "JSON",
}


def main() -> None:
    """Load what standard input names, and pass on its STATE."""
    file, schema = sys.argv[1:]
    columns: dict[str, dict[str, str]] = {}
    with duckdb.connect(file) as connection:
        connection.execute(f'create schema if not exists "{schema}"')
        for line in sys.stdin:
            message = json.loads(line)
            stream = message.get("stream")
            table = f'"{schema}"."{stream}"'
            if message["type"] == "SCHEMA":
                properties = message["schema"]["properties"]
                columns[stream] = {name: _type(column) for name, column in properties.items()}
                parts = [f'"{name}" {kind}' for name, kind in columns[stream].items()]
                keys = ", ".join(f'"{name}"' for name in message["key_properties"])
                parts.append(f"primary key ({keys})")
                connection.execute(f"create table if not exists {table} ({', '.join(parts)})")
            elif message["type"] == "BATCH":
                files = [unquote(urlsplit(address).path) for address in message["manifest"]]
                connection.execute(
                    f"insert or replace into {table} by name "  # noqa: S608 - the tap's own names
                    "select * from read_json(?, format = 'newline_delimited', columns = "
                    f"{columns[stream]})",
                    [files],
                )
            elif message["type"] == "STATE":
                sys.stdout.write(json.dumps(message["value"]) + "\n")


def _type(column: dict[str, Any]) -> str:
    kinds = set(column["type"]) - {"null"} if isinstance(column["type"], list) else {column["type"]}
    if column.get("format") == "date-time":
        return "TIMESTAMP"
    return _TYPES.get(kinds.pop(), "VARCHAR") if len(kinds) == 1 else "VARCHAR"


if __name__ == "__main__":
    main()
