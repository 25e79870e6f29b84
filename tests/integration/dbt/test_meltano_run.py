"""Meltano runs dbt as its plugin is declared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from one_table import OneTable, truth
from raw_tables import ROOT

from demo.project import Project
from sandbox import Sandbox


@pytest.mark.meltano
@pytest.mark.dbt
def test_the_plugin_makes_the_table(box: Sandbox, tmp_path: Path) -> None:
    tables, one, root = truth(box), OneTable(tmp_path), tmp_path / "project"
    one.load(tables)
    root.mkdir()
    shutil.copy(ROOT / "meltano.yml", root)
    (root / "transform").symlink_to(ROOT / "transform")
    project = Project(root, tmp_path, {"DBT_DUCKDB_PATH": str(one.file)})

    for command in (["install", "dbt-duckdb"], ["run", "dbt-duckdb:build"]):
        outcome = project.meltano(*command)
        assert outcome.code == 0, outcome.log

    assert one.wrong(tables) == []
    assert (root / ".meltano/transformers/dbt/target/manifest.json").exists()
