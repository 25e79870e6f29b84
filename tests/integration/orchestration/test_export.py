"""One run over a closed range: the real tap, a real loader, a real database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from dagster_runs import dagster_folder
from killing import kill
from postgres import Server

from orchestrate.export import Exported, Range, export
from orchestrate.programs import RunError
from orchestrate.streams import STREAMS
from orchestrate.warehouse import URL_VARIABLE, Warehouse
from sandbox import Fault, Sandbox

pytestmark = pytest.mark.slow

_DAY = timedelta(days=1)
_BOTH = ("burki_calls", "burki_call_list")


@pytest.fixture
def warehouse(
    postgres: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Warehouse]:
    """A schema of its own; the programs of the run know the test's folder by their environment."""
    monkeypatch.setenv("PATH", f"{dagster_folder()}:{os.environ['PATH']}")
    monkeypatch.setenv(URL_VARIABLE, postgres.url)
    monkeypatch.setenv("CALLEXPORTS_TEST", str(tmp_path))
    schema = f"t{abs(hash(request.node.name)) % 10**9}"
    yield Warehouse(schema)
    postgres.sql(f"drop schema if exists {schema} cascade")


def exported(
    box: Sandbox,
    warehouse: Warehouse,
    span: Range | None = None,
    streams: Sequence[str] = _BOTH,
    **settings: Any,
) -> Exported:
    """Export streams of a provider, over the whole range of the sandbox or another one."""
    provider = streams[0].partition("_")[0]
    settings = {**box.apis[provider].config(), **settings}
    return export(provider, settings, streams, span or Range(box.start, box.end), warehouse)


def due(box: Sandbox, stream: str, column: str, span: Range | None = None) -> int:
    """How many rows a range holds."""
    span = span or Range(box.start, box.end)
    start, end = (each.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in (span.start, span.end))
    return sum(start <= (row[column] or "") < end for row in box.truth(stream).values())


def held(postgres: Server, warehouse: Warehouse, table: str) -> int:
    return int(postgres.sql(f"select count(*) from {warehouse.schema}.{table}"))


@pytest.mark.parametrize("provider", STREAMS)
def test_a_range_is_loaded_whole_and_once_however_often(
    box: Sandbox, postgres: Server, warehouse: Warehouse, provider: str
) -> None:
    span = Range(box.start + 9 * _DAY, box.start + 20 * _DAY)
    streams = [each for each in STREAMS[provider] if each.ranged]
    for _ in range(2):
        done = exported(box, warehouse, span, [each.name for each in streams])
        assert done.complaint == ""
        assert set(done.complete) == {each.name for each in streams}
        for name, column in ((each.name, each.filter_field) for each in streams):
            if column:
                rows = due(box, name, column, span)
                assert rows
                assert done.rows[name] == held(postgres, warehouse, name) == rows
                assert warehouse.rows(name, column, span.start, span.end) == rows
    for name in (each.name for each in STREAMS[provider] if not each.ranged):
        done = export(provider, box.apis[provider].config(), [name], None, warehouse)
        assert done.complete == [name]
        assert held(postgres, warehouse, name) == len(box.truth(name)) > 0


def test_a_range_that_is_not_over_is_refused_and_one_that_ended_just_now_is_not_complete(
    box: Sandbox, warehouse: Warehouse
) -> None:
    now = datetime.now(timezone.utc)
    with pytest.raises(RunError, match="is not here yet"):
        exported(box, warehouse, Range(now - _DAY, now + _DAY))
    assert box.burki.requests == []
    done = exported(box, warehouse, Range(now - _DAY, now))
    assert done.complete == []
    assert done.complaint.startswith("burki_calls, burki_call_list: the range ended too short")


def test_a_stream_that_fails_leaves_the_others_complete(
    box: Sandbox, postgres: Server, warehouse: Warehouse
) -> None:
    refused = Fault("status", 403, times=99)
    box.burki.faults.add(refused, when=lambda request: request.path.endswith("/calls/"))
    done = exported(box, warehouse)
    assert done.complete == ["burki_calls"]
    assert done.complaint.startswith("burki_call_list: tap-callexports ended with 1: ")
    assert "403" in done.complaint
    assert held(postgres, warehouse, "burki_calls") == due(box, "burki_calls", "started_at")


def test_a_tap_that_is_killed_leaves_nothing_half_done_as_complete(
    box: Sandbox, postgres: Server, warehouse: Warehouse, tmp_path: Path
) -> None:
    kill("tap-callexports", tmp_path, at=box.burki, after=4)
    done = exported(box, warehouse)
    assert "burki_calls" not in done.complete
    assert "tap-callexports ended with -9" in done.complaint
    assert exported(box, warehouse).complaint == ""
    for name in _BOTH:
        assert held(postgres, warehouse, name) == due(box, name, "started_at")


def test_a_loader_that_is_killed_fails_the_run_and_no_program_outlives_it(
    box: Sandbox, warehouse: Warehouse, tmp_path: Path
) -> None:
    kill("target-postgres", tmp_path, at=box.burki, after=4)
    with pytest.raises(RunError, match=r"^target-postgres ended with -9: its log says why$"):
        exported(box, warehouse)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            started_here = os.fsencode(tmp_path) in (process / "environ").read_bytes()
            assert not started_here or int(process.name) == os.getpid()


def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    box: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://u:canary-password@127.0.0.1:1/d")
    with pytest.raises(RunError, match=f"the database of {URL_VARIABLE}") as error:
        exported(box, warehouse)
    assert "canary" not in str(error.value)
