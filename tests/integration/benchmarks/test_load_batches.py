"""The script that loads batch files into DuckDB, as docs/loaders.md shows it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = {
    "call_id": {"type": "string"},
    "start_timestamp": {"type": ["string", "null"], "format": "date-time"},
    "duration_ms": {"type": ["integer", "null"]},
    "metadata": {"type": ["object", "null"]},
}


def batch(folder: Path, name: str, *rows: dict[str, object]) -> str:
    """A BATCH message and its packed file."""
    file = folder / name
    file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return json.dumps({"type": "BATCH", "stream": "calls", "manifest": [file.as_uri()]})


def test_batch_files_are_upserted_with_the_types_of_the_schema(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    schema = {"type": "SCHEMA", "stream": "calls", "key_properties": ["call_id"]}
    first = {"call_id": "a", "start_timestamp": "2024-05-01T10:00:00.250000Z", "duration_ms": 5}
    lines = [
        json.dumps({**schema, "schema": {"properties": COLUMNS}}),
        batch(tmp_path, "one file.json.gz", first, {"call_id": "b", "metadata": {"k": [1, "é"]}}),
        json.dumps({"type": "STATE", "value": {"bookmarks": 1}}),
        batch(tmp_path, "two.json.gz", {**first, "duration_ms": 6}),
    ]
    command = [sys.executable, str(ROOT / "benchmarks/load_batches.py"), "calls.duckdb", "raw"]
    done = subprocess.run(
        command, cwd=tmp_path, input="\n".join(lines), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"bookmarks": 1}
    with duckdb.connect(str(tmp_path / "calls.duckdb")) as connection:
        found = connection.execute(
            "select call_id, start_timestamp::varchar, duration_ms, metadata->>'$.k[1]' "
            "from raw.calls order by call_id"
        ).fetchall()
    assert found == [("a", "2024-05-01 10:00:00.25", 6, None), ("b", None, None, "é")]
