"""A store is what the platforms hold, whatever happens on the way; its rows are what counts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import expected_streams
import pytest
from killing import kill
from loaders import LOADERS, Csv, DuckDb, Jsonl, Loader, Postgres
from pipelines import TAP, Pipeline, requests_so_far
from support import secrets_in

from sandbox import Fault, Sandbox
from tap_callexports.providers import PROVIDERS

pytestmark = pytest.mark.slow

#: So that a bookmark which is ahead of the store leaves a gap that no lookback mends.
NO_LOOKBACK = {
    f"TAP_CALLEXPORTS_{provider.name}_{setting.name}".upper(): "0"
    for provider in PROVIDERS
    for setting in provider.properties
    if setting.name.endswith("lookback_hours")
}
#: Requests that a platform answers until it refuses all, where they are not as many as usual.
_ANSWERED = {"twin24": 3, "videsk": 30, "vapi": 2}
_USUAL = 12
#: The first stream of each platform, in which a call may change at any time.
_AMENDED = {stream.api: stream for stream in reversed(expected_streams.STREAMS)}


@pytest.fixture
def loader(request: pytest.FixtureRequest, tmp_path: Path) -> Loader:
    """The loader that is named by the test's parameter, and an empty store for it."""
    if request.param == Postgres.name:
        return Postgres(request.getfixturevalue("postgres"), "calls_of_a_loader")
    folders = {kind.name: kind for kind in (DuckDb, Jsonl, Csv)}
    return folders[request.param](tmp_path)


@pytest.mark.parametrize("loader", LOADERS, indirect=True)
def test_a_store_follows_the_platforms_through_failures_and_time(
    loader: Loader, box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(loader, box, meltano_project, tmp_path)

    _break_down(box, tmp_path)
    broken = pipeline.run(**NO_LOOKBACK)
    assert broken.code != 0
    _repair(box)
    missing = pipeline.wrong()
    assert all(line.endswith(": lost") for line in missing), missing[:5]
    assert _platforms(missing) == _held(pipeline) == set(box.apis), "all were to break half-way"

    resumed = pipeline.run(**NO_LOOKBACK)
    assert resumed.code == 0, resumed.log
    assert pipeline.wrong() == []

    grown = box.grow(seed=2, until=box.end + timedelta(days=1))
    assert all(growth["added"] and growth["changed"] for growth in grown.values())
    before = requests_so_far(box)
    second = pipeline.run()
    assert second.code == 0, second.log
    assert pipeline.wrong() == []
    asked = _since(before, box)

    for name, stream in _AMENDED.items():
        table = box.apis[name].of(stream.name)
        table.amend(table.rows[0], **stream.changes)
    assert _platforms(pipeline.wrong()) == set(_AMENDED)
    before = requests_so_far(box)
    refresh = pipeline.run("--full-refresh")
    assert refresh.code == 0, refresh.log
    assert pipeline.wrong() == []
    for name, requests in _since(before, box).items():
        assert asked[name] < requests, f"{name} was read from the start in the second run"

    log = broken.log + resumed.log + second.log + refresh.log
    assert [secret for secret in secrets_in(box.config()) if secret in log] == []


def test_a_loader_that_is_killed_has_kept_no_state_ahead_of_its_rows(
    box: Sandbox, meltano_project: Path, tmp_path: Path
) -> None:
    pipeline = Pipeline.into(DuckDb(tmp_path), box, meltano_project, tmp_path)
    states = tmp_path / "states"
    settings = {
        **NO_LOOKBACK,
        "MELTANO_STATE_BACKEND_URI": states.as_uri(),
        # The first streams have fewer rows, and others have more.
        "TARGET_DUCKDB_BATCH_SIZE_ROWS": "60",
    }

    kill(
        pipeline.loader.name,
        tmp_path,
        at=box.videsk,
        after=0,
        when=lambda: any(states.rglob("state.json")),
    )
    killed = pipeline.run(**settings)
    assert killed.code != 0
    _repair(box)
    assert pipeline.wrong()

    resumed = pipeline.run(**settings)
    assert resumed.code == 0, resumed.log
    assert pipeline.wrong() == []


def _break_down(box: Sandbox, folder: Path) -> None:
    """In the next run platforms refuse half-way, and the tap is killed at the last one."""
    for name in box.apis:
        answered = _ANSWERED.get(name, _USUAL)
        if name == max(box.apis):
            kill(TAP, folder, at=box.apis[name], after=answered)
        else:
            box.apis[name].faults.add(Fault("status", status=403, times=1000), skip=answered)


def _repair(box: Sandbox) -> None:
    for api in box.apis.values():
        api.faults.clear()


def _platforms(lines: Iterable[str]) -> set[str]:
    return {line.partition("_")[0] for line in lines}


def _held(pipeline: Pipeline) -> set[str]:
    """The platforms of which there are rows."""
    return _platforms(stream for stream, rows in pipeline.loader.stored().items() if rows)


def _since(before: dict[str, int], box: Sandbox) -> dict[str, int]:
    return {name: total - before[name] for name, total in requests_so_far(box).items()}
