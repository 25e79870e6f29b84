"""The command that draws the report, and what it says where it cannot."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from calls_table import write_calls

from demo.report.__main__ import main

_CALL = {"provider": "burki", "status": "failed", "started_at": "2024-06-03T09:00:00"}


def test_the_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "report.html"
    assert main([write_calls(tmp_path, [_CALL]), f"--output={output}"]) == 0
    assert output.read_text("utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out == f"Open in a browser: {output}\n"


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = f"{tmp_path}/no.duckdb"
    assert _refused(capsys, file).startswith(f"No report: no such file: {file} ")


def test_a_file_that_is_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("call_id\n" * 9999, "utf-8")
    assert _refused(capsys, str(file)).startswith(f"No report: cannot read {file}: ")


def test_a_file_without_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(file)).close()
    assert "has no table calls in the schema analytics" in _refused(capsys, str(file))


def test_a_table_in_another_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_calls(tmp_path, [_CALL])
    said = _refused(capsys, file, "--schema=o'\"ne")
    assert "has no table calls in the schema o'\"ne" in said


def test_an_empty_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_calls(tmp_path, [])
    assert _refused(capsys, file).endswith(f"the schema analytics of {file} is empty\n")


def test_a_server_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    said = _refused(capsys, "postgresql://me@127.0.0.1:1/calls")
    assert said.startswith("No report: cannot connect to PostgreSQL: check host, port, user")
    assert "127.0.0.1" in said


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:S3CRET@127.0.0.1:1/calls",
        "postgresql://me:a/S3CRET@127.0.0.1:1/calls",
        "postgresql://me:a@S3CRET@127.0.0.1:1/calls",
        "postgresql://me:a%S3CRET@127.0.0.1:1/calls",
        "postgres://127.0.0.1:1/calls?user=me&password=S3CRET%",
    ],
)
def test_no_message_holds_a_password(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "S3CRET" not in _refused(capsys, address)


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said, in one line."""
    assert main([*arguments, "--output=unwritten.html"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not Path("unwritten.html").exists()
    return said.err
