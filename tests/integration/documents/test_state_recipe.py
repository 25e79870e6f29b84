"""The recipe without Meltano keeps the state, whatever the target writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from recipes import recipes

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
    [recipe] = [text for _, text in recipes()["Run it without Meltano"] if "states." in text]
    scripts = {".venv-tap/bin/tap-callexports": "exit 0", ".venv-target/bin/target-jsonl": target}
    for name, script in scripts.items():
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
    (tmp_path / "state.json").write_text(OLD, encoding="utf-8")

    subprocess.run(["bash", "-c", recipe], cwd=tmp_path, check=False)

    assert (tmp_path / "state.json").read_text(encoding="utf-8") == kept
