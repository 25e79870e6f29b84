"""A DuckDB file with raw tables in it, and the one table that dbt makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import raw_tables
from dbt_runs import PROJECT, Dbt, Outcome

from demo import calls_model
from demo.expected import STREAMS, Row, expected
from sandbox import Sandbox


@dataclass(frozen=True)
class OneTable:
    """A warehouse in a folder of its own."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def load(self, tables: Mapping[str, Iterable[Row]], **options: Any) -> None:
        """Write raw tables."""
        raw_tables.write(self.file, tables, **options)

    def dbt(self, *arguments: str, project: Path = PROJECT, **variables: Any) -> Outcome:
        """Run dbt, whatever comes of it."""
        database = {"DBT_DUCKDB_PATH": str(self.file)}
        return Dbt(self.folder, database, project, variables)(*arguments)

    def run(self) -> None:
        """Make the tables; for tests to which the project's own checks add nothing."""
        outcome = self.dbt("run")
        assert outcome.code == 0, outcome.log

    def build(self, **variables: Any) -> None:
        """Make the tables and check them; every check has to pass without a warning."""
        outcome = self.dbt("build", **variables)
        assert outcome.code == 0, outcome.log
        assert outcome.warned == (), outcome.log

    def calls(self) -> list[Row]:
        """Every call, by provider and id."""
        return sorted(calls_model.calls(self.file), key=lambda r: (r["provider"], r["call_id"]))

    def wrong(self, tables: Mapping[str, Iterable[Row]]) -> list[str]:
        """Where the calls are not what these records tell of."""
        return list(calls_model.differences(self.calls(), expected(tables)))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """What the tables in the schema of the model answer."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute(f"set schema = '{calls_model.SCHEMA}'")
            return connection.execute(query).fetchall()


def truth(box: Sandbox) -> dict[str, list[Row]]:
    """All records that calls are made of, by stream."""
    return {stream: list(box.truth(stream).values()) for stream in STREAMS}
