"""Raw tables in a DuckDB file, and dbt, in an environment of its own, which makes `calls`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from generator.facts import ROOT, Column, columns_of, types_of

from demo import calls_model
from demo.expected import STREAMS, Row, expected
from sandbox import Sandbox

PROJECT = ROOT / "transform"
RAW = "raw_calls"
_TYPES = {"number": "double", "integer": "hugeint", "boolean": "boolean"}


@dataclass(frozen=True)
class Outcome:
    """How a command ended, all it said, and which checks did not pass."""

    code: int
    log: str
    failed: tuple[str, ...]
    warned: tuple[str, ...]


def run_dbt(
    folder: Path,
    command: str,
    settings: Mapping[str, str],
    variables: Mapping[str, Any],
    project: Path = PROJECT,
) -> Outcome:
    """Run one command of dbt, which writes into `folder`; `settings` name the database."""
    environment = {
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(PROJECT / "profiles"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        **settings,
    }
    python = Path(os.environ.get("DBT_PYTHON") or ROOT / ".venv-dbt/bin/python")
    assert python.exists(), f"no dbt at {python}: run make, or set DBT_PYTHON to its Python"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    done = subprocess.run(
        [str(python.with_name("dbt")), command, "--vars", json.dumps(variables)],
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    results = json.loads((folder / "target/run_results.json").read_text("utf-8"))["results"]
    ended = [(part["unique_id"].split(".")[2], part["status"]) for part in results]
    failed = tuple(name for name, status in ended if status in ("fail", "error"))
    warned = tuple(name for name, status in ended if status == "warn")
    return Outcome(done.returncode, done.stdout, failed, warned)


@dataclass(frozen=True)
class OneTable:
    """A DuckDB file in a folder of its own."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def load(
        self,
        tables: Mapping[str, Iterable[Row]],
        *,
        without: Iterable[str] = (),
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Make raw tables of each stream's rows, as the DuckDB loader leaves them.

        No table has the columns `without`; each has `more`, or other types of columns.
        """
        with duckdb.connect(str(self.file)) as connection:
            connection.execute(f"create schema if not exists {RAW}")
            for stream, rows in tables.items():
                types = {k: v for k, v in types_in(stream).items() if k not in set(without)}
                _fill(connection, self.folder, stream, types | dict(more or {}), rows)

    def dbt(self, command: str, project: Path = PROJECT, **variables: Any) -> Outcome:
        """Run dbt, whatever comes of it."""
        database = {"DBT_DUCKDB_PATH": str(self.file)}
        return run_dbt(self.folder, command, database, variables, project)

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
        """Every call."""
        return calls_model.calls(self.file)

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


def types_in(stream: str) -> dict[str, str]:
    """The columns of a stream's table, with the types the loader gives them."""
    return {name: _type(column) for name, column in columns_of(stream).items()}


def _type(column: Column) -> str:
    kinds = types_of(column)
    if {"object", "array"} & {*kinds}:
        return "json"
    if column.get("format") == "date-time":
        return "timestamp"
    return next((name for kind, name in _TYPES.items() if kind in kinds), "varchar")


def _fill(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    stream: str,
    types: Mapping[str, str],
    rows: Iterable[Row],
) -> None:
    typed = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    connection.execute(f"create table {RAW}.{stream} ({typed})")
    if lines := [json.dumps({name: row.get(name) for name in types}) for row in rows]:
        source = folder / f"{stream}.jsonl"
        source.write_text("\n".join(lines), "utf-8")
        kinds = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        names = ", ".join(f'"{name}"' for name in types)
        connection.execute(
            f"insert into {RAW}.{stream} select {names} "
            f"from read_json('{source}', format = 'newline_delimited', columns = {{{kinds}}})"
        )
