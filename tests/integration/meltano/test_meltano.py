"""Meltano's own commands do what they promise; what counts is what is stored in the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from expected_streams import OFF
from loaders import Jsonl
from pipelines import TAP, Pipeline, text

from demo.project import ROOT, Project, tap_settings
from demo.streams import STREAMS
from sandbox import Sandbox

pytestmark = pytest.mark.slow


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
    chosen = [s for s in STREAMS if s.provider != "twin24" and s.name not in OFF]
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


def test_the_recipe_with_maps_and_salt_arrives_through_meltano(tmp_path: Path) -> None:
    [recipe] = [
        example
        for block in (ROOT / "docs/privacy.md").read_text("utf-8").split("```yaml\n")[1:]
        if "config" in (example := yaml.safe_load(block.partition("```")[0]))
    ]
    definition = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    [tap] = definition["plugins"]["extractors"]
    known = {setting["name"] for setting in tap["settings"]}
    tap["settings"] += [each for each in recipe["settings"] if each["name"] not in known]
    tap["config"] = recipe["config"]
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(definition), "utf-8")
    salt = {"TAP_CALLEXPORTS_STREAM_MAP_CONFIG_HASH_SALT": "a salt for tests"}

    printed = Project(tmp_path, tmp_path, salt).meltano(
        "--log-level=critical", "config", "print", TAP
    )

    assert printed.code == 0, printed.log
    config = json.loads(printed.log)
    assert config["stream_maps"] == recipe["config"]["stream_maps"]
    # There, and not shown.
    assert list(config["stream_map_config"]) == ["hash_salt"]
    assert "a salt for tests" not in printed.log
