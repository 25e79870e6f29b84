"""Several accounts, and several runs of one account at the same time, keep to themselves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from loaders import Postgres
from pipelines import Pipeline, text

from benchmarks.postgres import Server
from demo.project import ROOT, Outcome, tap_settings
from demo.streams import STREAMS, Stream
from sandbox import Sandbox

pytestmark = pytest.mark.meltano

_BURKI = [stream for stream in STREAMS if stream.provider == "burki"]
_CALLS = [stream for stream in STREAMS if stream.name in {"anunzi_calls", "burki_calls"}]
_DAY = timedelta(days=1)
_SELECT = {"TAP_CALLEXPORTS__SELECT": json.dumps([f"{stream.name}.*" for stream in _CALLS])}
_README = (ROOT / "README.md").read_text("utf-8")
#: What docs/speed.md advises.
_QUICK = {"use_copy": True, "validate_records": False}


@pytest.fixture
def acme(box: Sandbox) -> Iterator[Sandbox]:
    """The platforms with the calls of another account, which has other credentials."""
    with Sandbox(seed=9, rows=40, start=box.start, end=box.end) as running:
        running.burki.options.api_key = "burki-canary-key-of-acme"
        yield running


def test_a_second_account_has_credentials_tables_and_a_state_of_its_own(
    box: Sandbox, acme: Sandbox, meltano_project: Path, tmp_path: Path, postgres: Server
) -> None:
    _add_example(meltano_project / "meltano.yml")
    ours = Pipeline.into(Postgres(postgres, "our_calls"), box, meltano_project, tmp_path)
    theirs = replace(ours, box=acme, loader=Postgres(postgres, "acme_calls"), account="acme")
    given = tap_settings({"burki": acme.burki.config()})
    own = {name.replace("CALLEXPORTS", "CALLEXPORTS__ACME"): given[name] for name in given}

    # Two that are the first ones would both make Meltano's database.
    assert ours.state("list").split() == []
    # All of the first account's settings are there too, those of its loader included.
    settings = {**ours.loader.settings(), **own}

    first, second = _at_the_same_time(ours.run, partial(theirs.run, **settings))

    assert first.code == 0, first.log
    assert ours.wrong() == []
    assert second.code == 0, second.log
    assert theirs.wrong(_BURKI) == []
    assert set(theirs.loader.stored()) == {stream.name for stream in _BURKI}
    assert set(ours.state("list").split()) == {ours.state_id, theirs.state_id}
    assert set(theirs.bookmarks()) == {stream.name for stream in _BURKI}
    assert "canary" not in first.log + second.log


def test_a_suffix_gives_a_run_a_state_of_its_own(
    box: Sandbox, meltano_project: Path, tmp_path: Path, postgres: Server
) -> None:
    run = Pipeline.into(Postgres(postgres, "calls"), box, meltano_project, tmp_path)
    assert run.run(**_SELECT).code == 0
    assert run.wrong(_CALLS) == []

    copied, moved = replace(run, suffix="copied"), replace(run, suffix="moved")
    middle = box.start + 15 * _DAY
    bookmark = {"replication_key": "start_timestamp", "replication_key_value": text(middle)}
    state = {"singer_state": {"bookmarks": {"anunzi_calls": bookmark}}}
    run.state("copy", "--force", run.state_id, copied.state_id)
    run.state("set", "--force", moved.state_id, json.dumps(state))
    run.state("clear", "--force", run.state_id)
    assert run.bookmarks() == {}
    assert copied.bookmarks() == {stream.name: {text(box.end)} for stream in _CALLS}

    copied = _elsewhere(copied, Postgres(postgres, "copied", _QUICK))
    moved = _elsewhere(moved, Postgres(postgres, "moved", _QUICK))
    again = replace(run, loader=Postgres(postgres, "again", _QUICK))
    runs = (again, copied, moved)
    for outcome in _at_the_same_time(*(partial(each.run, **_SELECT) for each in runs)):
        assert outcome.code == 0, outcome.log

    assert again.wrong(_CALLS) == []
    for stream in _CALLS:
        late = text(box.end - _DAY)
        assert _times(copied, stream) == [at for at in _times(again, stream) if at >= late]
    calls, burki_calls = _CALLS
    early = text(middle - _DAY)
    assert _times(moved, calls) == [at for at in _times(again, calls) if at >= early]
    assert moved.wrong([burki_calls]) == []
    for each in runs:
        assert each.bookmarks() == {stream.name: {text(box.end)} for stream in _CALLS}


def _at_the_same_time(*runs: Callable[[], Outcome]) -> list[Outcome]:
    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(lambda run: run(), runs))


def _elsewhere(pipeline: Pipeline, loader: Postgres) -> Pipeline:
    """A pipeline in another folder, with the same states, into another store."""
    old = pipeline.project.root
    new = old.with_name(pipeline.suffix)
    shutil.copytree(old, new, symlinks=True, ignore=shutil.ignore_patterns("run"))
    return replace(pipeline, project=replace(pipeline.project, root=new), loader=loader)


def _times(pipeline: Pipeline, stream: Stream) -> list[str]:
    """When the stored calls of a stream were."""
    assert stream.time
    return sorted(row[stream.time] for row in pipeline.loader.stored()[stream.name])


def _add_example(file: Path) -> None:
    """Add the second account as the README shows it."""
    (block,) = re.findall(r"^```yaml\n(  extractors:\n.*?)^```", _README, re.DOTALL | re.MULTILINE)
    definition = yaml.safe_load(file.read_text("utf-8"))
    for kind, plugins in yaml.safe_load(block).items():
        definition["plugins"][kind] += plugins
    file.write_text(yaml.safe_dump(definition, sort_keys=False), "utf-8")
