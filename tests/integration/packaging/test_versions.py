"""What a build is called: the version of the tag, or the one to come where no tag is seen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
#: What pyproject.toml says is being worked on.
[NEXT] = re.findall(
    r'^fallback-version = "(.+)\.dev0"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
)
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SETUPTOOLS_")}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=_CLEAN, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(folder: Path, *arguments: str) -> None:
    run(folder, "git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", *arguments)


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "a change")


def version_of(tree: Path) -> str:
    return run(tree, sys.executable, "-m", "hatchling", "version").strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that decide on the version, in a folder without history."""
    folder = tmp_path / "tree"
    folder.mkdir()
    for name in ("pyproject.toml", ".gitignore", ".gitattributes", ".git_archival.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def test_a_version_is_that_of_the_tag_or_a_step_to_the_next(tree: Path, tmp_path: Path) -> None:
    assert version_of(tree) == f"{NEXT}.dev0"
    git(tree, "init", "--quiet")
    commit(tree)
    assert version_of(tree).startswith(f"{NEXT}.dev")
    git(tree, "tag", "v9.1.0")
    assert version_of(tree) == "9.1.0"
    git(tree, "archive", "--format=tar", f"--output={tmp_path / 'it.tar'}", "HEAD")
    (tmp_path / "archive").mkdir()
    run(tmp_path, "tar", "-xf", "it.tar", "-C", "archive")
    assert version_of(tmp_path / "archive") == "9.1.0"
    commit(tree)
    assert re.fullmatch(r"9\.1\.1\.dev1\+g[0-9a-f]+", version_of(tree))
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-tags", tree.as_uri(), "clone")
    assert version_of(tmp_path / "clone").startswith(f"{NEXT}.dev")
