"""One run over a closed range: the real tap, a real loader, a real database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from killing import kill

from benchmarks.backfill import dagster_folder
from benchmarks.postgres import Server
from orchestrate.export import Range, export
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


@pytest.mark.parametrize("provider", STREAMS)
def test_a_range_is_loaded_whole_and_once_however_often(
    box: Sandbox, postgres: Server, warehouse: Warehouse, provider: str
) -> None:
    span = Range(box.start + 9 * _DAY, box.start + 20 * _DAY)
    settings = _settings(box, provider)
    streams = [each for each in STREAMS[provider] if each.ranged]
    for _ in range(2):
        done = export(provider, settings, [each.name for each in streams], span, warehouse)
        assert done.complaint == ""
        assert set(done.complete) == {each.name for each in streams}
        for stream in streams:
            if stream.filter_field is None:
                continue
            due = _due(box, stream.name, stream.filter_field, span)
            assert due
            assert _rows(postgres, warehouse, stream.name) == len(due)
            assert done.rows[stream.name] == len(due)
            assert warehouse.rows(stream.name, stream.filter_field, span.start, span.end) == len(
                due
            )


def test_a_stream_without_time_is_loaded_as_a_whole(
    box: Sandbox, postgres: Server, warehouse: Warehouse
) -> None:
    name = "anunzi_unstarted_calls"
    done = export("anunzi", _settings(box, "anunzi"), [name], None, warehouse)
    assert done.complete == [name]
    assert _rows(postgres, warehouse, name) == len(box.truth(name)) > 0


def test_ranges_at_the_same_time_make_their_tables_once(
    box: Sandbox, postgres: Server, warehouse: Warehouse
) -> None:
    cuts = [box.start + days * _DAY for days in (0, 7, 13, 20, 31)]
    settings = _settings(box, "burki")
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(export, "burki", settings, _BOTH, Range(*pair), warehouse)
            for pair in pairwise(cuts)
        ]
    assert [run.result().complaint for run in runs] == [""] * 4
    for name in _BOTH:
        due = _due(box, name, "started_at", Range(cuts[0], cuts[-1]))
        assert sum(run.result().rows[name] for run in runs) == len(due)
        assert _rows(postgres, warehouse, name) == len(due)


def test_a_range_that_is_not_over_is_refused_before_anything_is_asked(
    box: Sandbox, warehouse: Warehouse
) -> None:
    now = datetime.now(timezone.utc)
    with pytest.raises(RunError, match="is not here yet"):
        export("burki", _settings(box, "burki"), _BOTH, Range(now - _DAY, now + _DAY), warehouse)
    assert box.burki.requests == []


def test_a_range_that_ended_just_now_is_not_complete(box: Sandbox, warehouse: Warehouse) -> None:
    now = datetime.now(timezone.utc)
    done = export("burki", _settings(box, "burki"), _BOTH, Range(now - _DAY, now), warehouse)
    assert done.complete == []
    assert done.complaint.startswith("burki_calls, burki_call_list: the range ended too short")


def test_a_stream_that_fails_leaves_the_others_complete(
    box: Sandbox, postgres: Server, warehouse: Warehouse
) -> None:
    only_the_list = Fault("status", 403, times=99)
    box.burki.faults.add(only_the_list, when=lambda request: request.path.endswith("/calls/"))
    span = Range(box.start, box.end)
    done = export("burki", _settings(box, "burki"), _BOTH, span, warehouse)
    assert done.complete == ["burki_calls"]
    assert done.complaint.startswith("burki_call_list: tap-callexports ended with 1: ")
    assert "403" in done.complaint
    due = _due(box, "burki_calls", "started_at", span)
    assert _rows(postgres, warehouse, "burki_calls") == len(due)


def test_a_tap_that_is_killed_leaves_nothing_half_done_as_complete(
    box: Sandbox, postgres: Server, warehouse: Warehouse, tmp_path: Path
) -> None:
    kill("tap-callexports", tmp_path, at=box.burki, after=4)
    span = Range(box.start, box.end)
    settings = _settings(box, "burki")
    done = export("burki", settings, _BOTH, span, warehouse)
    assert "burki_calls" not in done.complete
    assert "tap-callexports ended with -9" in done.complaint
    assert export("burki", settings, _BOTH, span, warehouse).complaint == ""
    for name in _BOTH:
        due = _due(box, name, "started_at", span)
        assert _rows(postgres, warehouse, name) == len(due)


def test_a_loader_that_is_killed_fails_the_run(
    box: Sandbox, warehouse: Warehouse, tmp_path: Path
) -> None:
    kill("target-postgres", tmp_path, at=box.burki, after=4)
    span = Range(box.start, box.end)
    with pytest.raises(RunError, match=r"^target-postgres ended with -9: its log says why$"):
        export("burki", _settings(box, "burki"), _BOTH, span, warehouse)
    assert _others(tmp_path) == []


def test_a_refused_credential_is_said_without_the_credential(
    box: Sandbox, warehouse: Warehouse
) -> None:
    settings = {**_settings(box, "burki"), "api_key": "canary-wrong"}
    done = export("burki", settings, _BOTH, Range(box.start, box.end), warehouse)
    assert done.complete == []
    assert "401" in done.complaint
    assert "canary" not in done.complaint


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", f"set {URL_VARIABLE} to postgresql://"),
        ("mysql://a", f"set {URL_VARIABLE} to postgresql://"),
        ("postgresql://u:canary-password@127.0.0.1:1/d", f"the database of {URL_VARIABLE}"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    box: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, url: str, what: str
) -> None:
    monkeypatch.setenv(URL_VARIABLE, url)
    with pytest.raises(RunError, match=what) as error:
        export("burki", _settings(box, "burki"), _BOTH, Range(box.start, box.end), warehouse)
    assert "canary" not in str(error.value)


def _settings(box: Sandbox, provider: str) -> dict[str, Any]:
    settings: dict[str, Any] = box.apis[provider].config()
    return settings


def _due(box: Sandbox, stream: str, column: str, span: Range) -> list[Any]:
    start, end = (each.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in (span.start, span.end))
    rows = box.truth(stream).values()
    return [row for row in rows if row[column] and start <= row[column] < end]


def _rows(postgres: Server, warehouse: Warehouse, table: str) -> int:
    return int(postgres.sql(f"select count(*) from {warehouse.schema}.{table}"))


def _others(folder: Path) -> list[str]:
    """Processes that were started for a test and are still there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (
                int(process.name) != os.getpid()
                and os.fsencode(folder) in (process / "environ").read_bytes()
            ):
                found.append((process / "cmdline").read_text())
    return found
