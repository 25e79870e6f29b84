"""Real Meltano, real loaders: what counts is what lies in the store in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pipelines import Pipeline, requests_so_far, text

from demo.streams import STREAMS
from sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.meltano

_BOOKMARKED = {stream.name for stream in STREAMS if stream.time}


@pytest.mark.parametrize("loader", ["target-duckdb", "target-jsonl"])
def test_a_second_run_brings_the_store_up_to_date(
    loader: str, box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(loader, box, meltano_project, tmp_path)

    first = pipeline.run()
    assert first.code == 0, first.log
    assert {name: len(rows) for name, rows in pipeline.stored().items()} == {
        stream.name: len(pipeline.truth(stream)) for stream in STREAMS
    }
    assert pipeline.wrong() == []
    asked = requests_so_far(box)

    grown = box.grow(seed=2, until=box.end + timedelta(days=1))
    assert all(growth["added"] and growth["changed"] for growth in grown.values())
    second = pipeline.run()
    assert second.code == 0, second.log
    assert pipeline.wrong() == []
    for provider, total in requests_so_far(box).items():
        assert total - asked[provider] < asked[provider], f"{provider} was read from the start"

    log = first.log + second.log
    for secret in (
        box.videsk.config()["api_token"],
        box.anunzi.config()["api_key"],
        box.twin24.config()["password"],
        box.burki.config()["api_key"],
    ):
        assert secret not in log


def test_a_refused_provider_costs_only_its_own_rows_and_only_until_it_is_back(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into("target-duckdb", box, meltano_project, tmp_path)
    others = [stream for stream in STREAMS if stream.provider != "videsk"]

    box.videsk.faults.add(Fault("status", status=403, times=1000))
    first = pipeline.run()
    assert first.code != 0
    assert pipeline.wrong(others) == []
    assert pipeline.bookmarks() == {
        stream.name: {text(box.end)} for stream in others if stream.time
    }
    asked = requests_so_far(box)

    box.videsk.faults.clear()
    second = pipeline.run()
    assert second.code == 0, second.log
    assert pipeline.wrong() == []
    assert pipeline.bookmarks() == {name: {text(box.end)} for name in _BOOKMARKED}
    for provider in ("anunzi", "twin24", "burki"):
        again = requests_so_far(box)[provider] - asked[provider]
        assert again < asked[provider], f"{provider} was read from the start"


def test_meltano_finds_the_configuration_valid(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into("target-jsonl", box, meltano_project, tmp_path)

    outcome = pipeline.project.meltano("config", "test", "tap-callexports")

    assert outcome.code == 0, outcome.log
    assert "Plugin configuration is valid" in outcome.log
