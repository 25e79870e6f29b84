"""Programs in a run: what becomes of what they write and of them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from orchestrate import programs
from orchestrate.programs import running

_SECRET = "canary-key"


@pytest.fixture(autouse=True)
def on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_what_is_read_comes_in_whole_lines_and_a_torn_one_not_at_all(tmp_path: Path) -> None:
    _program(tmp_path, "write = sys.stdout.write; write('a\\nb'); sys.stdout.flush()")
    _program(tmp_path, "big = 'x' * 300_000; print(big); print('b'); sys.stdout.write('torn')")
    with running("program", config={}) as program:
        chunks = list(program.chunks())
        assert program.finish() == 0
    assert all(chunk.endswith(b"\n") for chunk in chunks if chunk)
    assert b"".join(chunks) == b"x" * 300_000 + b"\nb\n"


def test_its_config_is_a_file_that_nobody_else_can_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_CALLEXPORTS_START_DATE", "2001-01-01")
    monkeypatch.setenv("TARGET_POSTGRES_HOST", "elsewhere")
    _program(
        tmp_path,
        "import os; (option, value) = sys.argv[1].split('=');"
        "print(option, open(value).read(), sys.argv[1:], dict(os.environ))",
    )
    with running("program", "--more", config={"key": _SECRET}) as program:
        said = b"".join(program.chunks()).decode()
    option, _, rest = said.partition(" ")
    assert option == "--config"
    config, _, seen = rest.partition("}")
    assert json.loads(config + "}") == {"key": _SECRET}
    assert _SECRET not in seen
    assert "--more" in seen
    assert "TAP_CALLEXPORTS" not in seen
    assert "TARGET_POSTGRES" not in seen


@pytest.mark.parametrize("patience", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_none_outlives_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: str
) -> None:
    monkeypatch.setattr(programs, "_PATIENCE_SECONDS", 1)
    _program(tmp_path, f"{patience}print(os.getpid(), flush=True); time.sleep(600)")
    with running("program", config={}) as program:
        number = int(next(chunk for chunk in program.chunks() if chunk))
        assert Path(f"/proc/{number}").exists()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{number}").exists()


def _program(folder: Path, code: str) -> None:
    """Make an executable of some Python."""
    file = folder / "program"
    file.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{code}\n", "utf-8")
    file.chmod(0o755)
