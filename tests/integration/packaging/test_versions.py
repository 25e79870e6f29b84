"""What a build is called: the version of the tag, or the one to come where no tag is seen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
#: What pyproject.toml says is being worked on.
NEXT = re.findall(r'^fallback-version = "(.+)\.dev0"$', PROJECT, re.MULTILINE)[0]
_NOBODY = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.com")
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SETUPTOOLS_")}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=_CLEAN, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(folder: Path, *arguments: str) -> None:
    run(folder, "git", *_NOBODY, *arguments)


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


@pytest.fixture
def repository(tree: Path) -> Path:
    git(tree, "init", "--quiet")
    commit(tree)
    return tree


def test_a_tag_is_the_version(repository: Path) -> None:
    git(repository, "tag", "v9.1.0")
    assert version_of(repository) == "9.1.0"


def test_after_a_tag_it_is_a_step_to_the_next_version(repository: Path) -> None:
    git(repository, "tag", "v9.1.0")
    commit(repository)
    assert re.fullmatch(r"9\.1\.1\.dev1\+g[0-9a-f]+", version_of(repository))


def test_without_history_it_is_a_step_to_the_version_in_pyproject(tree: Path) -> None:
    assert version_of(tree) == f"{NEXT}.dev0"


def test_without_a_tag_it_is_a_step_to_the_version_in_pyproject(repository: Path) -> None:
    assert version_of(repository).startswith(f"{NEXT}.dev")


def test_so_it_is_in_a_clone_of_the_last_commit_alone(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v0.0.1")
    commit(repository)
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "clone")
    assert version_of(tmp_path / "clone").startswith(f"{NEXT}.dev")


def test_an_archive_of_a_tag_knows_the_tag(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v9.1.0")
    git(repository, "archive", "--format=tar", f"--output={tmp_path / 'it.tar'}", "HEAD")
    (tmp_path / "archive").mkdir()
    run(tmp_path, "tar", "-xf", "it.tar", "-C", "archive")
    assert version_of(tmp_path / "archive") == "9.1.0"
