"""The stores of the benchmark's pipelines tell what is in them, and begin empty."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import pipelines_stores
from benchmarks.pipelines_stores import SCHEMA, Jsonl, Postgres, postgres

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
    command = [sys.executable, str(ROOT / "benchmarks/pipelines_duckdb.py"), "calls.duckdb", "raw"]
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


def test_rows_are_found_in_plain_and_in_packed_lines(tmp_path: Path) -> None:
    folder = tmp_path / "files" / SCHEMA / "calls"
    folder.mkdir(parents=True)
    (tmp_path / "files" / "anunzi_calls.jsonl").write_text('{"call_id":"a"}\n{"call_id":"b"}\n')
    (folder / "1.jsonl.gz").write_bytes(gzip.compress(b'{"call_id":"c"}\n'))
    (folder / "2.jsonl").write_bytes(b'{"call_id":"d"}\n')

    assert list(Jsonl().ids(tmp_path, "anunzi_calls")) == ["a", "b"]
    assert sorted(Jsonl().ids(tmp_path, "calls"), key=str) == ["c", "d"]


def test_a_database_is_emptied_by_reading_it_and_is_gone_in_the_end(tmp_path: Path) -> None:
    with postgres() as store:
        if reason := store.missing():
            pytest.skip(reason)
        for _ in range(2):
            store.server.sql(f"create schema {SCHEMA}")
            store.server.sql(f"create table {SCHEMA}.calls as select 'a' as call_id")
            assert list(store.ids(tmp_path, "calls")) == ["a"]
    with pytest.raises(subprocess.CalledProcessError):
        store.server.sql("select 1")


def test_a_machine_without_postgresql_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines_stores, "installed", lambda: None)
    with postgres() as store:
        assert isinstance(store, Postgres)
        assert "initdb" in str(store.missing())
