"""The PostgreSQL database that calls are loaded into."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from orchestrate.programs import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

#: Holds the database's address, `postgresql://user:password@host:port/database`.
URL_VARIABLE = "WAREHOUSE_URL"
_SCHEME = "postgresql://"


@dataclass(frozen=True)
class Warehouse:
    """One account's tables: a schema of the database.

    Args:
        schema: Its name.
    """

    schema: str

    @property
    def loader_config(self) -> dict[str, Any]:
        """Settings of target-postgres.

        It is quick so, and as strict: the tap has held every value against the schema.
        """
        return {
            "sqlalchemy_url": self._url.replace(_SCHEME, "postgresql+psycopg://", 1),
            "default_target_schema": self.schema,
            "use_copy": True,
            "validate_records": False,
        }

    @contextmanager
    def missing(self, tables: Sequence[str]) -> Iterator[list[str]]:
        """Those of some tables that do not exist; nobody else in here can make them meanwhile.

        Two loaders that made a table at the same time would fail.
        """
        with self._connection() as connection:
            # Freed when the connection ends, however it does.
            connection.execute("select pg_advisory_lock(hashtext(%s))", [self.schema])
            there = "select table_name from information_schema.tables where table_schema = %s"
            found = {name for (name,) in connection.execute(there, [self.schema])}
            yield [table for table in tables if table not in found]

    def rows(self, table: str, column: str, start: datetime, end: datetime) -> int:
        """How many rows have a time in `[start, end)`; the loader keeps times as UTC, zoneless."""
        where = psycopg.sql.SQL("select count(*) from {} where {} >= %s and {} < %s").format(
            psycopg.sql.Identifier(self.schema, table),
            *2 * [psycopg.sql.Identifier(column)],
        )
        naive = (start.replace(tzinfo=None), end.replace(tzinfo=None))
        with self._connection() as connection:
            ((number,),) = connection.execute(where, naive).fetchall()
        return int(number)

    @property
    def _url(self) -> str:
        url = os.environ.get(URL_VARIABLE, "")
        if not url.startswith(_SCHEME):
            raise RunError(f"set {URL_VARIABLE} to {_SCHEME}user:password@host:port/database")
        return url

    def _connection(self) -> psycopg.Connection[Any]:
        try:
            return psycopg.connect(self._url, autocommit=True, application_name="tap-callexports")
        except psycopg.OperationalError as error:
            raise RunError(f"the database of {URL_VARIABLE}: {error}") from None
