"""The workflows, the hooks and the Makefile do the same, for every Python the package names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
CHANGELOG = """# Changelog

## [1.1.0] - Unreleased

- One more.

## [1.0.0] - 2026-11-30

- All of it.

## [0.9.0] - 2026-10-01

- Most of it.
"""


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def jobs(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(read(f".github/workflows/{name}.yml"))["jobs"])


def test_every_python_of_the_package_is_tested() -> None:
    classifiers = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', read("pyproject.toml")
    )
    tests = jobs("test")
    newest = [
        step["with"]["python-version"]
        for step in tests["newest-python"]["steps"]
        if "python-version" in step.get("with", {})
    ]
    assert [*tests["test"]["strategy"]["matrix"]["python"], *newest] == classifiers


def test_the_hooks_are_the_parts_of_make_lint() -> None:
    (parts,) = re.findall(r"^lint: (.+?) ##", read("Makefile"), re.MULTILINE)
    (repo,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [hook["entry"] for hook in repo["hooks"]] == [f"make {part}" for part in parts.split()]
    assert repo["repo"] == "local"


def test_ci_runs_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([\w./-]+):", read("Makefile"), re.MULTILINE))
    asked = [
        target
        for workflow in WORKFLOWS
        for target in re.findall(r"run: make (\S+)", workflow.read_text(encoding="utf-8"))
    ]
    assert {"test", "demo", "build"} <= set(asked) <= targets


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_an_action_is_named_by_its_commit_and_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: (.+)", workflow.read_text(encoding="utf-8"))
    ours = [name for name in used if name.startswith("$/")]
    assert [name for name in ours if not (ROOT / name[2:]).is_file()] == []
    pinned = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [name for name in used if name not in ours and not pinned.fullmatch(name)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    text = "".join(workflow.read_text(encoding="utf-8") for workflow in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w./-]+)@(\S+)", text))
    assert len(pins) == len({name for name, _ in pins})


def test_only_what_passed_every_job_is_published() -> None:
    steps = jobs("release")
    assert set(steps["publish"]["needs"]) == {"test", "notes"}
    assert steps["github"]["needs"] == "publish"
    assert steps["publish"]["permissions"] == {"id-token": "write"}


def notes(version: str, changelog: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci/release-notes"), version, str(changelog)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_notes_of_a_release_are_its_section(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG, encoding="utf-8")
    assert notes("v1.0.0", changelog).stdout.strip() == "- All of it."
    assert notes("v0.9.0", changelog).stdout.strip() == "- Most of it."


@pytest.mark.parametrize("version", ["v1.1.0", "v1.0", "v2.0.0", "1.0.0-rc1"])
def test_there_is_no_release_without_a_section_and_its_date(version: str, tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG, encoding="utf-8")
    refused = notes(version, changelog)
    assert refused.returncode == 1
    assert refused.stdout.strip() == ""
    assert "no section" in refused.stderr
