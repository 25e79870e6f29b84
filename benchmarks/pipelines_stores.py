"""The stores that pipelines load into: DuckDB, JSON lines, and a PostgreSQL of our own."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import subprocess
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks.tools import BENCH
from benchmarks.written import Id, found_in, loaded_into
from tap_callexports.core.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "raw_calls"
_SUPERUSER = "benchmark"
_DATABASE = "postgres"


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
        port: Its port on 127.0.0.1.
        bin_folder: Where its programs are.
        why_not: Why there is no server.
    """

    title = "PostgreSQL"
    loader = "target-postgres"
    dlt_files = ("", "csv")

    def __init__(self, port: int, bin_folder: Path, why_not: str | None = None) -> None:
        self._port = port
        self._bin = bin_folder
        self._why_not = why_not

    @override
    def missing(self) -> str | None:
        return self._why_not

    @override
    def settings(self, folder: Path) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self._port,
            "user": _SUPERUSER,
            "password": "unused",  # who comes from this machine is trusted
            "database": _DATABASE,
            "default_target_schema": SCHEMA,
        }

    @override
    def dlt_destination(self, folder: Path) -> list[str]:
        server = f"{_SUPERUSER}:unused@127.0.0.1:{self._port}"
        return ["postgres", f"--address=postgresql://{server}/{_DATABASE}"]

    @override
    def ids(self, folder: Path, table: str) -> Iterator[Id]:
        """Reads them and drops the schema: unlike a file it would outlast the run."""
        found = self.run_sql(f"select call_id from {SCHEMA}.{table}")  # noqa: S608 - our own names
        self.run_sql(f"set client_min_messages = error; drop schema {SCHEMA} cascade")
        return iter(found.split())

    def run_sql(self, statement: str) -> str:
        """What a statement prints."""
        host = ["--host=127.0.0.1", f"--port={self._port}", f"--username={_SUPERUSER}"]
        form = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", f"--command={statement}"]
        return subprocess.check_output(
            [str(self._bin / "psql"), *host, *form, _DATABASE], text=True
        )


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL in a temporary folder, as long as the context; a missing one without initdb."""
    programs = _programs()
    if not programs:
        yield Postgres(0, Path(), "no initdb in /usr/lib/postgresql/*/bin nor on the PATH")
        return
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="benchmarks-postgres-") as folder, socket.socket() as probe:
        if user:
            shutil.chown(folder, user)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        data = f"--pgdata={folder}/data"
        initdb = ["initdb", data, "--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8"]
        # What is measured is a loader, not the disk.
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        )
        start = ["pg_ctl", data, "--wait", f"--log={folder}/log", f"--options={options}", "start"]
        for name, *arguments in ([*initdb, "--locale=C", "--no-sync"], start):
            _run_as(user, [str(programs / name), *arguments], folder)
        try:
            yield Postgres(port, programs)
        finally:
            _run_as(user, [str(programs / "pg_ctl"), data, "--mode=immediate", "stop"], folder)


def _run_as(user: str | None, command: list[str], folder: str) -> None:
    subprocess.run(
        command,
        cwd=folder,
        user=user,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _programs() -> Path | None:
    """The folder of the newest PostgreSQL."""
    versions = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()
    ]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None
