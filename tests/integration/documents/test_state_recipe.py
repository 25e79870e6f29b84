"""The README's recipe without Meltano keeps the state, whatever the target writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pages import README, code_blocks

OLD = '{"bookmarks": {"burki_calls": {}}}\n'
NEW = '{"bookmarks": {"videsk_calls": {}}}\n'


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        (f"cat >/dev/null; printf '%s' '{OLD}{NEW}'", NEW),
        ("cat >/dev/null", OLD),
        ("exit 1", OLD),
    ],
    ids=["states", "no state", "failure"],
)
def test_the_state_file_is_never_emptied(tmp_path: Path, target: str, kept: str) -> None:
    blocks = code_blocks(README.read_text(encoding="utf-8"), "bash")
    [recipe] = [block for block in blocks if "states." in block]
    for name, script in (("tap-callexports", "exit 0"), ("target-jsonl", target)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "state.json").write_text(OLD, encoding="utf-8")

    subprocess.run(
        ["sh", "-c", "\n".join(line for line in recipe.splitlines() if "state" in line)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
    )

    assert (tmp_path / "state.json").read_text(encoding="utf-8") == kept
