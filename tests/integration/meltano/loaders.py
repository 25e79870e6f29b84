"""Real loaders: how each is set up for a test, and how to read what it has stored."""

from __future__ import annotations

import csv
import json
import re
from abc import ABC, abstractmethod
from ast import literal_eval
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from generator.facts import columns_of
from postgres import Server

from demo.warehouse import as_kept, tables
from tap_callexports.compat import override

Row = dict[str, Any]
Tables = dict[str, list[Row]]
SCHEMA = "raw_calls"


class Loader(ABC):
    """A loader of meltano.yml with a store of its own."""

    #: Its name in meltano.yml.
    name: ClassVar[str]
    #: Whether a row that comes again is added; it replaces the one before where not.
    appends: ClassVar[bool] = False

    @abstractmethod
    def config(self) -> Mapping[str, object]:
        """Its settings."""

    @abstractmethod
    def stored(self) -> Tables:
        """All rows as they lie there, oldest first where that can be told, by stream."""

    def kept(self, stream: str, rows: list[Row]) -> list[Row]:
        """Rows of the tap in the form in which this store keeps them."""
        return rows

    def settings(self) -> dict[str, str]:
        """Its settings as Meltano reads them from the environment."""
        return {
            f"{self.name}_{setting}".upper().replace("-", "_"): (
                value if isinstance(value, str) else json.dumps(value)
            )
            for setting, value in self.config().items()
        }


@dataclass(frozen=True)
class DuckDb(Loader):
    """A DuckDB file in a folder."""

    folder: Path
    name = "target-duckdb"

    @property
    def _file(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @override
    def config(self) -> Mapping[str, object]:
        return {"filepath": str(self._file)}

    @override
    def stored(self) -> Tables:
        return tables(self._file, SCHEMA) if self._file.exists() else {}

    @override
    def kept(self, stream: str, rows: list[Row]) -> list[Row]:
        return as_kept(rows)


@dataclass(frozen=True)
class Jsonl(Loader):
    """A file of JSON lines for each stream."""

    folder: Path
    name = "target-jsonl"
    appends = True

    @override
    def config(self) -> Mapping[str, object]:
        return {"destination_path": str(self.folder)}

    @override
    def stored(self) -> Tables:
        return {
            file.stem: [json.loads(line) for line in file.read_text("utf-8").splitlines()]
            for file in self.folder.glob("*.jsonl")
        }


@dataclass(frozen=True)
class Csv(Loader):
    """A CSV file for each stream and run."""

    folder: Path
    name = "target-csv"
    appends = True

    @override
    def config(self) -> Mapping[str, object]:
        return {"output_path": str(self.folder)}

    @override
    def stored(self) -> Tables:
        """A file's name is its stream's and the time of its run."""
        found: Tables = defaultdict(list)
        for file in sorted(self.folder.glob("*.csv")):
            stream = file.name.partition("-")[0]
            columns = columns_of(stream)
            with file.open(encoding="utf-8", newline="") as lines:
                found[stream] += [
                    {name: _as_sent(columns[name], text) for name, text in row.items()}
                    for row in csv.DictReader(lines)
                ]
        return dict(found)

    @override
    def kept(self, stream: str, rows: list[Row]) -> list[Row]:
        return [{name: _cell(value) for name, value in row.items()} for row in rows]


@dataclass(frozen=True)
class Postgres(Loader):
    """A schema of a PostgreSQL server."""

    server: Server
    schema: str
    name = "target-postgres"

    @override
    def config(self) -> Mapping[str, object]:
        return {**self.server.address, "default_target_schema": self.schema}

    @override
    def stored(self) -> Tables:
        columns = self._lines(
            "select jsonb_build_array(table_name, column_name, data_type) "
            f"from information_schema.columns where table_schema = '{self.schema}'"
        )
        found: Tables = {table: [] for table, _, _ in columns}
        if found:
            instants = {(table, name) for table, name, kind in columns if "timestamp" in kind}
            rows = " union all ".join(
                f"select jsonb_build_array('{table}', to_jsonb(t)) from {self.schema}.{table} t"
                for table in found
            )
            for table, row in self._lines(rows):
                found[table].append(
                    {
                        name: as_instant(value) if value and (table, name) in instants else value
                        for name, value in row.items()
                        if not name.startswith("_sdc_")
                    }
                )
        return found

    def _lines(self, statement: str) -> list[Any]:
        return [json.loads(line) for line in self.server.sql(statement).splitlines()]


#: The names of those that Meltano runs in tests.
LOADERS = tuple(kind.name for kind in (DuckDb, Jsonl, Csv, Postgres))


def as_instant(value: str) -> str:
    """An instant as the tap writes it; stores leave out the zone, the T, or zeros at the end."""
    seconds, _, fraction = value.replace(" ", "T").removesuffix("+00:00").partition(".")
    return f"{seconds}.{fraction:0<6}Z"


def _cell(value: object) -> object:
    """A plain value as CSV keeps it: as text, and an empty one as none."""
    if value is None or isinstance(value, dict | list):
        return value
    return str(value) or None


def _as_sent(schema: Mapping[str, Any], text: str) -> object:
    """A cell as the tap has sent it; numbers and truth values stay as they are written."""
    if not text:
        return None
    if schema.get("format") == "date-time":
        return as_instant(text)
    if {"object", "array"} & {*schema["type"]}:
        # Written the way Python shows them, with numbers as decimals.
        return literal_eval(re.sub(r"Decimal\('([^']*)'\)", r"\1", text))
    return text
