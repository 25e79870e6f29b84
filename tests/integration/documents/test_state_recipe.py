"""The README's recipe without Meltano keeps the state, whatever the target writes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from declared import ROOT

OLD = '{"bookmarks": {"burki_calls": {}}}\n'
NEW = '{"bookmarks": {"videsk_calls": {}}}\n'


def recipe() -> list[str]:
    """The lines of the README that run the tap with a state, and keep the new one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = [
        block for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) if "states." in block
    ]
    return [line for line in block.splitlines() if "state" in line]


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


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
    program(tmp_path / "tap-callexports", "exit 0")
    program(tmp_path / "target-jsonl", target)
    (tmp_path / "state.json").write_text(OLD, encoding="utf-8")

    subprocess.run(
        ["sh", "-c", "\n".join(recipe())],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
    )

    assert (tmp_path / "state.json").read_text(encoding="utf-8") == kept
