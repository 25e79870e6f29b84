"""Wheel and source distribution hold what they should, and come out the same anywhere."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


def build(tree: Path, folder: Path) -> dict[str, bytes]:
    """Both distributions of a source tree, without asking the network for anything."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_builds_hold_the_package_and_are_the_same_from_the_source_distribution(
    tmp_path: Path,
) -> None:
    built = build(ROOT, tmp_path / "first")
    [wheel], [archive] = (tmp_path / "first").glob("*.whl"), (tmp_path / "first").glob("*.gz")
    with zipfile.ZipFile(wheel) as files:
        names = {name for name in files.namelist() if ".dist-info/" not in name}
    assert names == {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tap_callexports").rglob("*")
        if path.suffix in {".py", ".json"} or path.name == "py.typed"
    }

    with tarfile.open(archive) as files:
        files.extractall(tmp_path / "elsewhere", filter="data")
    [unpacked] = (tmp_path / "elsewhere").iterdir()
    papers = {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
    assert {path.name for path in unpacked.iterdir()} == {*papers, ".gitignore", "tap_callexports"}
    assert build(unpacked, tmp_path / "second") == built
