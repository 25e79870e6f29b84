"""The workflows test every Python, use pinned actions, and publish only what passed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = {
    path.stem: path.read_text("utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")
}
CHANGELOG = """# Changelog

## [1.1.0] - Unreleased

- One more.

## [1.0.0] - 2026-11-30

- All of it.
"""


def jobs(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(WORKFLOWS[name])["jobs"])


def test_every_python_of_the_package_is_tested() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    tests = jobs("test")
    versions = [*tests["test"]["strategy"]["matrix"]["python"]]
    for step in tests["newest-python"]["steps"]:
        versions += filter(None, [step.get("with", {}).get("python-version")])
    assert versions == classifiers


@pytest.mark.parametrize(
    ("version", "notes"),
    [("v1.0.0", "- All of it."), ("v1.1.0", ""), ("v1.0", ""), ("1.0.0-rc1", "")],
)
def test_the_notes_of_a_release_are_its_section_with_a_date(
    version: str, notes: str, tmp_path: Path
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG, "utf-8")
    command = [str(ROOT / ".ci/release-notes"), version, str(changelog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0 if notes else 1, notes)
    assert notes or "no section" in done.stderr
