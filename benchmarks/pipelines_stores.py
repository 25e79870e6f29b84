"""The stores that pipelines load into: DuckDB, JSON lines, and a PostgreSQL of our own."""

from __future__ import annotations

import gzip
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks.postgres import Server, installed, running
from benchmarks.tools import BENCH
from benchmarks.written import Id, found_in, loaded_into
from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = "raw_calls"


class Store(ABC):
    """Where a pipeline's rows end up; every run finds it empty."""

    title: ClassVar[str]
    #: Its loader in meltano.yml.
    loader: ClassVar[str]
    #: Kinds of file that dlt can bring its rows in; empty for its own choice.
    dlt_files: ClassVar[tuple[str, ...]] = ("",)

    def missing(self) -> str | None:
        """Why there is none here, None where there is."""
        return None

    @abstractmethod
    def settings(self, folder: Path) -> dict[str, Any]:
        """The loader's settings for a run in a folder."""

    @abstractmethod
    def dlt_destination(self, folder: Path) -> list[str]:
        """The same for dlt: kind and address."""

    @abstractmethod
    def ids(self, folder: Path, table: str) -> Iterator[Id]:
        """The ids of a table after a run."""


class DuckDb(Store):
    """A file."""

    title = "DuckDB"
    loader = "target-duckdb"
    dlt_files = ("", "jsonl")

    @override
    def settings(self, folder: Path) -> dict[str, Any]:
        return {"filepath": str(folder / "calls.duckdb"), "default_target_schema": SCHEMA}

    @override
    def dlt_destination(self, folder: Path) -> list[str]:
        return ["duckdb", f"--address={folder / 'calls.duckdb'}"]

    @override
    def ids(self, folder: Path, table: str) -> Iterator[Id]:
        return loaded_into(BENCH / "python", folder / "calls.duckdb", f"{SCHEMA}.{table}")


class Jsonl(Store):
    """A folder of JSON lines."""

    title = "JSONL"
    loader = "target-jsonl"

    @override
    def settings(self, folder: Path) -> dict[str, Any]:
        return {"destination_path": str(folder / "files"), "do_timestamp_file": False}

    @override
    def dlt_destination(self, folder: Path) -> list[str]:
        return ["filesystem", f"--address={(folder / 'files').as_uri()}"]

    @override
    def ids(self, folder: Path, table: str) -> Iterator[Id]:
        """The loader writes one file beside the others, dlt a folder of packed ones."""
        for file in folder.glob(f"files/{table}.jsonl"):
            yield from found_in(file, "call_id")
        for file in folder.glob(f"files/{SCHEMA}/{table}/*.jsonl*"):
            if file.suffix == ".gz":
                plain = file.with_suffix("")
                plain.write_bytes(gzip.decompress(file.read_bytes()))
                file = plain  # noqa: PLW2901 - the same rows
            yield from found_in(file, "call_id")


class Postgres(Store):
    """A schema of a server of our own.

    Args:
        server: The server; None where there is no PostgreSQL.
    """

    title = "PostgreSQL"
    loader = "target-postgres"
    dlt_files = ("", "csv")

    def __init__(self, server: Server | None) -> None:
        self._server = server

    @override
    def missing(self) -> str | None:
        if self._server:
            return None
        return "no initdb in /usr/lib/postgresql/*/bin nor on the PATH"

    @override
    def settings(self, folder: Path) -> dict[str, Any]:
        return {**self.server.address, "default_target_schema": SCHEMA}

    @override
    def dlt_destination(self, folder: Path) -> list[str]:
        where = "{user}:{password}@{host}:{port}/{database}".format(**self.server.address)
        return ["postgres", f"--address=postgresql://{where}"]

    @override
    def ids(self, folder: Path, table: str) -> Iterator[Id]:
        """Reads them and drops the schema: unlike a file it would outlast the run."""
        found = self.server.sql(f"select call_id from {SCHEMA}.{table}")  # noqa: S608 - our own names
        self.server.sql(f"set client_min_messages = error; drop schema {SCHEMA} cascade")
        return iter(found.split())

    @property
    def server(self) -> Server:
        """The server, where there is one."""
        assert self._server, self.missing()  # noqa: S101 - callers ask what is missing first
        return self._server


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL in a temporary folder, as long as the context; a missing one without initdb."""
    programs = installed()
    if not programs:
        yield Postgres(None)
        return
    with running(programs) as server:
        yield Postgres(server)
