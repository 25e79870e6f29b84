"""A Meltano project like the one in this repository, with its plugins installed once."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
import yaml

from demo.project import ROOT, Project

if TYPE_CHECKING:
    from pathlib import Path


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
