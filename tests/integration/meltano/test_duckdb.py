"""Real Meltano, the tap and the DuckDB loader: every stream, twice, rows counted in DuckDB."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from loaders import DuckDb
from pipelines import Pipeline, requests_so_far, text

from demo.project import ROOT, Project
from demo.streams import STREAMS
from sandbox import Sandbox


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the loader installed as meltano.yml says, and the tap of this Python."""
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    [tap] = definition["plugins"]["extractors"]
    del tap["pip_url"]
    tap["executable"] = str(Path(sys.executable).with_name(tap["executable"]))
    root = tmp_path / "project"
    root.mkdir()
    (root / "meltano.yml").write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")
    installed = Project(root, tmp_path, {}).meltano("install", "target-duckdb")
    assert installed.code == 0, installed.log
    return root


def test_two_runs_bring_every_row_of_every_stream_into_duckdb(
    box: Sandbox, project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(DuckDb(tmp_path), box, project, tmp_path)
    for grow in (False, True):
        if grow:
            box.grow(seed=2, until=box.end + timedelta(days=1))
        before = requests_so_far(box)
        outcome = pipeline.run()
        assert outcome.code == 0, outcome.log
        assert pipeline.wrong() == []
        counts = {name: len(rows) for name, rows in pipeline.loader.stored().items()}
        assert counts == {each.name: len(pipeline.truth(each)) for each in STREAMS}
        asked = {name: count - before[name] for name, count in requests_so_far(box).items()}
        assert all(asked.values())
    assert pipeline.bookmarks() == {each.name: {text(box.end)} for each in STREAMS if each.time}
