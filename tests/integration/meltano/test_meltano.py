"""Meltano's own commands do what they promise; what counts is what is stored in the end."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from expected_streams import OFF
from loaders import DuckDb, Jsonl, Postgres
from pipelines import TAP, Pipeline, text
from postgres import Server

from demo.project import ROOT, Project, tap_settings
from demo.streams import STREAMS
from sandbox import Sandbox

pytestmark = pytest.mark.slow

_BURKI = [stream for stream in STREAMS if stream.provider == "burki"]
_TWO = [stream for stream in STREAMS if stream.name in {"anunzi_calls", "burki_calls"}]
_SELECT = {"TAP_CALLEXPORTS__SELECT": json.dumps([f"{stream.name}.*" for stream in _TWO])}
_DAY = timedelta(days=1)


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


def test_a_range_is_read_again_and_the_bookmark_of_the_incremental_run_stays(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(DuckDb(tmp_path), box, meltano_project, tmp_path)
    again, resumable = _options_of_a_range()
    assert pipeline.run(**_SELECT).code == 0
    kept = pipeline.bookmarks()
    assert kept == {stream.name: {text(box.end)} for stream in _TWO}

    start, end = box.start + 7 * _DAY, box.start + 14 * _DAY
    # Further back than any lookback: the incremental run would not see it.
    (changed,) = box.burki.add_at(start + _DAY)
    (beside,) = box.burki.add_at(end + _DAY)
    outcome = pipeline.run(*again, **_SELECT, **_range(start, end))
    assert outcome.code == 0, outcome.log
    assert "is not closed" not in outcome.log
    ids = {row["id"] for row in pipeline.loader.stored()["burki_calls"]}
    assert changed.canonical["id"] in ids
    assert beside.canonical["id"] not in ids
    box.burki.remove(beside)
    assert pipeline.wrong(_TWO) == []
    assert pipeline.bookmarks() == kept

    (tmp_path / "part").mkdir()
    part = replace(pipeline, loader=DuckDb(tmp_path / "part"), suffix=resumable)
    outcome = part.run(**_SELECT, **_range(start, end))
    assert outcome.code == 0, outcome.log
    for stream in _TWO:
        times = [row[stream.time] for row in box.truth(stream.name).values() if stream.time]
        due = [time for time in times if text(start) <= time < text(end)]
        assert len(part.loader.stored()[stream.name]) == len(due) > 0
    assert part.bookmarks() == {stream.name: {text(end)} for stream in _TWO}
    assert pipeline.bookmarks() == kept


def _range(start: datetime, end: datetime) -> dict[str, str]:
    """The variables of the README for a range."""
    return {"TAP_CALLEXPORTS_START_DATE": text(start), "TAP_CALLEXPORTS_END_DATE": text(end)}


def _options_of_a_range() -> tuple[list[str], str]:
    """The options the README shows: those of a run without a state, and the suffix of the other."""
    section = (ROOT / "README.md").read_text("utf-8").partition("\n## A closed range\n")[2]
    first, second = re.findall(
        r"^meltano run (.*) tap-callexports", section.partition("\n## ")[0], re.MULTILINE
    )
    return first.split(), second.removeprefix("--state-id-suffix=")


def test_a_second_account_has_credentials_tables_and_a_state_of_its_own(
    box: Sandbox, meltano_project: Path, tmp_path: Path, postgres: Server
) -> None:
    _add_second_account(meltano_project / "meltano.yml")
    ours = Pipeline.into(Postgres(postgres, "our_calls"), box, meltano_project, tmp_path)
    # Two that are the first ones would both make Meltano's database.
    assert ours.state("list").split() == []
    with Sandbox(seed=9, rows=40, start=box.start, end=box.end) as acme:
        acme.burki.options.api_key = "burki-canary-key-of-acme"
        theirs = replace(ours, box=acme, loader=Postgres(postgres, "acme_calls"), account="acme")
        given = tap_settings({"burki": acme.burki.config()})
        own = {name.replace("CALLEXPORTS", "CALLEXPORTS__ACME"): given[name] for name in given}
        with ThreadPoolExecutor() as pool:
            # All of the first account's settings are there too, those of its loader included.
            second = pool.submit(theirs.run, **ours.loader.settings(), **own)
            first = ours.run()

        assert first.code == 0, first.log
        assert ours.wrong() == []
        assert second.result().code == 0, second.result().log
        assert theirs.wrong(_BURKI) == []
    assert set(theirs.loader.stored()) == {stream.name for stream in _BURKI}
    assert set(ours.state("list").split()) == {ours.state_id, theirs.state_id}
    assert set(theirs.bookmarks()) == {stream.name for stream in _BURKI}
    assert "canary" not in first.log + second.result().log


def _add_second_account(file: Path) -> None:
    """Add the second account as the README shows it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    [block] = re.findall(r"^```yaml\n(  extractors:\n.*?)^```", readme, re.DOTALL | re.MULTILINE)
    definition = yaml.safe_load(file.read_text("utf-8"))
    for kind, plugins in yaml.safe_load(block).items():
        definition["plugins"][kind] += plugins
    file.write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")


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
