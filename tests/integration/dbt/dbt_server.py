"""Runs dbt again and again in one process: to import it takes longer than to build.

Reads commands as JSON lines, `{"arguments": [...], "environment": {...}}`, and answers each with
`{"code": 0, "log": "..."}`. Runs on dbt's own Python.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner


def main() -> None:
    """Answer until there is nothing more to read."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _answer(command: dict[str, Any]) -> dict[str, Any]:
    for name in [name for name in os.environ if name.startswith("DBT_")]:
        del os.environ[name]
    os.environ.update(command["environment"])
    with contextlib.redirect_stdout(io.StringIO()) as said:
        result = dbtRunner().invoke(command["arguments"])
        DuckDBConnectionManager.close_all_connections()  # dbt leaves that to the process's end
    log = said.getvalue() + (f"\n{result.exception!r}" if result.exception else "")
    return {"code": 0 if result.success else 1, "log": log}


if __name__ == "__main__":
    main()
