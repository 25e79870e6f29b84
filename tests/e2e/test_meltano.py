"""Meltano's own commands do what they promise; what counts is what is stored in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from loaders import DuckDb, Jsonl
from pipelines import TAP, Pipeline, requests_so_far, text

from demo.project import Project, tap_settings
from demo.streams import STREAMS
from sandbox import Fault, Sandbox

pytestmark = pytest.mark.meltano

_BOOKMARKED = {stream.name for stream in STREAMS if stream.time}
_PER_CALL = {"anunzi_call_details", "burki_call_transcripts"}


def test_a_refused_provider_costs_only_its_own_rows_and_only_until_it_is_back(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(DuckDb(tmp_path), box, meltano_project, tmp_path)
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


def test_what_meltano_select_excludes_is_not_stored(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(Jsonl(tmp_path), box, meltano_project, tmp_path)
    # What meltano.yml selects, instead of all.
    settings = {k: v for k, v in pipeline.project.settings.items() if not k.endswith("__SELECT")}
    pipeline = replace(pipeline, project=replace(pipeline.project, settings=settings))
    meltano = pipeline.project.meltano

    excluded = [("burki_calls", "customer_phone_number"), ("burki_calls", "id"), ("twin24_*", "*")]
    for names in excluded:
        assert meltano("select", "--exclude", TAP, *names).code == 0
    lines = meltano("select", TAP, "--list", "--all").log.splitlines()
    listed = {" ".join(line.split()) for line in lines}
    assert {
        "[excluded ] burki_calls.customer_phone_number",
        "[automatic ] burki_calls.id",
        "[excluded ] twin24_calls.duration",
        "[excluded ] burki_call_transcripts.content",
        "[selected ] burki_call_list.customer_phone_number",
    } <= listed

    outcome = pipeline.run()
    assert outcome.code == 0, outcome.log
    stored = pipeline.loader.stored()
    chosen = [s for s in STREAMS if s.provider != "twin24" and s.name not in _PER_CALL]
    assert set(stored) == {stream.name for stream in chosen}
    assert pipeline.wrong([stream for stream in chosen if stream.name != "burki_calls"]) == []
    assert len(stored["burki_calls"]) == len(box.truth("burki_calls"))
    assert {"id", "started_at", "status"} < set(stored["burki_calls"][0])
    assert [row for row in stored["burki_calls"] if "customer_phone_number" in row] == []


def test_meltano_config_test_tells_a_good_credential_from_a_refused_one(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    config = {"start_date": text(box.start), "videsk": box.videsk.config()}
    project = Project(meltano_project, tmp_path, tap_settings(config))

    good = project.meltano("config", "test", TAP)
    assert good.code == 0, good.log
    assert "Plugin configuration is valid" in good.log

    box.videsk.options.token = "another"
    refused = project.meltano("config", "test", TAP)
    assert refused.code != 0
    assert "Plugin configuration is invalid" in refused.log
