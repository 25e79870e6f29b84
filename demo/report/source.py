"""The table `calls` in a DuckDB file or in PostgreSQL, whose SQL the report's queries share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg

#: Rows of a query about `calls`.
Ask = Callable[[str], list[tuple[Any, ...]]]

_POSTGRES = ("postgresql://", "postgres://")
_PATIENCE = 10  # seconds
#: The columns that the report reads.
_COLUMNS = {
    "provider": "text",
    "status": "text",
    "direction": "text",
    "started_at": "timestamp",
    "duration_seconds": "double precision",
    "waited_seconds": "double precision",
    "agent": "text",
    "disconnection_reason": "text",
    "cost": "double precision",
    "currency": "text",
}


class SourceError(Exception):
    """There is no table to draw a report from. The message is one line without a password."""


@contextmanager
def opened(source: str, schema: str) -> Iterator[Ask]:
    """Open a DuckDB file, or PostgreSQL at an address, for reading.

    A column that the table lacks is null. Every query sees the table in the same state.

    Raises:
        SourceError: The source cannot be read, or `calls` is not in it, or has no rows.
    """
    name = "the PostgreSQL database" if source.startswith(_POSTGRES) else source
    try:
        with closing(_connect(source)) as connection:

            def ask(query: str) -> list[tuple[Any, ...]]:
                return connection.execute(query).fetchall()

            tables = ask(
                "select table_schema, column_name from information_schema.columns "
                "where table_name = 'calls'"
            )
            columns = {column for where, column in tables if where == schema}
            if not columns:
                raise SourceError(
                    f"{name} has no table calls in the schema {schema}, or it may not be read: "
                    "make it with dbt, or give its schema (docs/calls.md)"
                )
            calls = _reading(schema, columns)
            if not ask(f"{calls} select 1 from calls limit 1"):  # noqa: S608 - escaped
                raise SourceError(f"the table calls in the schema {schema} of {name} is empty")
            yield lambda query: ask(f"{calls} {query}")
    except (duckdb.Error, psycopg.Error) as error:
        raise SourceError(f"cannot read {name}: {_first_line(error)}") from None


def _connect(source: str) -> duckdb.DuckDBPyConnection | psycopg.Connection[tuple[Any, ...]]:
    if not source.startswith(_POSTGRES):
        if not Path(source).is_file():
            raise SourceError(f"no such file: {source} (docs/calls.md says how it is made)")
        return duckdb.connect(source, read_only=True)
    try:
        connection = psycopg.connect(source, connect_timeout=_PATIENCE)
    except psycopg.Error as error:
        # A password with @, / or # in it is taken for a part of the host, which the error names.
        reason = "" if _may_hold_password(source) else f": {_first_line(error)}"
        raise SourceError(
            f"cannot connect to PostgreSQL: check host, port, user, password and database{reason}"
        ) from None
    connection.execute("set transaction isolation level repeatable read, read only")
    return connection


def _may_hold_password(address: str) -> bool:
    return "password" in address or ":" in address.partition("//")[2].rpartition("@")[0]


def _reading(schema: str, held: set[str]) -> str:
    """The beginning of every query: `calls` with the columns that the report reads."""
    columns = ", ".join(
        f"cast({name if name in held else 'null'} as {kind}) as {name}"
        for name, kind in _COLUMNS.items()
    )
    escaped = schema.replace('"', '""')
    return f'with calls as (select {columns} from "{escaped}".calls)'  # noqa: S608 - escaped


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
