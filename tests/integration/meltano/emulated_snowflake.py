"""Loads Singer messages with the real target-snowflake into fakesnow, a Snowflake made of DuckDB.

The tests run it in an environment of its own: `python emulated_snowflake.py CONFIG FILE...` loads
the files one after the other, and writes all rows as JSON, by table.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import fakesnow  # type: ignore[import-not-found] # in an environment of its own
from fakesnow.cursor import FakeSnowflakeCursor  # type: ignore[import-not-found] # likewise
from target_snowflake.target import TargetSnowflake  # type: ignore[import-not-found] # likewise

_STAGE = re.compile(r"'@~/target-snowflake/([^'/]+)/?'(\s*\(file_format => [^)]*\))?")
_execute = FakeSnowflakeCursor.execute


def execute(cursor: Any, command: str, params: Any = None, *others: Any, **options: Any) -> Any:
    """Run a statement of the loader, with what fakesnow lacks: the user's stage, file formats.

    A folder of the stage is a table with a row for each line of its files. Casts, MERGE and all
    else is run as the loader has written it.
    """
    if re.match(r"(create or replace|drop) file format", command):
        return _execute(cursor, "select 1")
    if not (stage := _STAGE.search(command)):
        return _execute(cursor, command, params, *others, **options)
    lines, rows = (f'CALLS.RAW_CALLS."{kind} {stage[1]}"' for kind in ("lines", "rows"))
    if command.startswith("remove"):
        for table in (lines, rows):
            _execute(cursor, f"drop table if exists {table}")
        return cursor
    if command.startswith("put"):
        file = url2pathname(urlparse(params["file_uri"]).path)
        _execute(cursor, f"create table if not exists {lines} (number integer, line variant)")
        cursor._duck_conn.execute(
            f"insert into {lines} select (select count(*) from {lines}) + row_number() over (), "
            f"json::variant from read_ndjson_objects('{file}')"
        )
        return cursor
    # Beside the loader's table, DuckDB takes the keys in QUALIFY for those of that table.
    merge = re.fullmatch(r"(merge into .* using )\((select .*)\)( s on .*)", command)
    assert merge, command
    select = _STAGE.sub(lines, merge[2]).replace("$1:", "line:").replace("SEQ8()", "number")
    _execute(cursor, "use schema CALLS.RAW_CALLS")  # without one fakesnow does not merge
    _execute(cursor, f"create table {rows} as {select}")
    return _execute(cursor, f"{merge[1]}{rows}{merge[3]}")


def load(config: dict[str, Any], file: Path) -> None:
    """Load the messages of a file, one stream after the other: fakesnow bears no threads."""
    target = TargetSnowflake(config=config)
    target.max_parallelism = 1
    with file.open() as messages, contextlib.redirect_stdout(io.StringIO()):
        target.listen(file_input=messages)


def tables(database: str, schema: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of a schema, by table; names in small letters."""
    import snowflake.connector  # type: ignore[import-not-found] # noqa: PLC0415 - patched by now

    with snowflake.connector.connect(database=database, schema=schema) as connection:
        cursor = connection.cursor(snowflake.connector.DictCursor)
        names = [row["name"] for row in cursor.execute("show tables").fetchall()]
        return {
            name.lower(): [
                {column.lower(): value for column, value in row.items()}
                for row in cursor.execute(f'select * from "{name}"').fetchall()
            ]
            for name in names
        }


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    FakeSnowflakeCursor.execute = execute
    with fakesnow.patch():
        for name in sys.argv[2:]:
            load(settings, Path(name))
        found = tables(settings["database"], settings["schema"])
    json.dump(found, sys.stdout, default=str)
