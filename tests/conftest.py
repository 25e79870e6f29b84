"""Fixtures all tests share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import requests
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from demo.project import Project  # noqa: E402 - after the path is set
from sandbox import Sandbox  # noqa: E402 - after the path is set


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits the tap chooses itself are short; waits a server asks for stay as they are."""
    monkeypatch.setattr("tap_callexports.core.manners._FIRST_WAIT", 0.01)
    monkeypatch.setattr("tap_callexports.core.manners._LONGEST_WAIT", 0.05)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """The four APIs with 200 calls each in May 2024."""
    start = datetime(2024, 5, 1, tzinfo=timezone.utc)
    end = datetime(2024, 6, 1, tzinfo=timezone.utc)
    with Sandbox(seed=1, rows=200, start=start, end=end) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    """A plain HTTP session, to ask the sandbox without the tap."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def meltano_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our meltano.yml, the tap and two loaders installed."""
    root = tmp_path_factory.mktemp("project")
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    (tap,) = definition["plugins"]["extractors"]
    assert tap["pip_url"] == "-e ."
    tap["pip_url"] = f"-e {shlex.quote(str(ROOT))}"  # the dot would be the copy's own folder
    (root / "meltano.yml").write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")
    plugins = ("tap-callexports", "target-duckdb", "target-jsonl")
    installed = Project(root, root, {}).meltano("install", *plugins)
    assert installed.code == 0, installed.log
    return root
