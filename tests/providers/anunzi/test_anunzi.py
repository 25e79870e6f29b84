"""Anunzi: Retell's API at another address, and two ways to write a filter."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from expected_streams import BY_NAME
from provider_runs import asked, assert_complete, empty_sandbox, export, truth_where
from support import HOUR, UTC, assert_table_is, failure, run_tap, warnings_in

from sandbox import Sandbox
from tap_callexports.providers.anunzi.provider import Anunzi
from tap_callexports.providers.retell.provider import Retell
from tap_callexports.providers.retell.streams import equals

CALLS, UNSTARTED, DETAILS = "anunzi_calls", "anunzi_unstarted_calls", "anunzi_call_details"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
OTHER = {"anunzi": "retell", "retell": "anunzi"}
DIALECTS = pytest.mark.parametrize("dialect", ["anunzi", "retell"])


def test_the_settings_are_those_of_retell_and_the_dialect() -> None:
    anunzi, retell = (
        {each.name: each.default for each in provider.properties} for provider in (Anunzi, Retell)
    )
    own = {"api_url": "https://calls.anunzi.net", "filter_dialect": "anunzi"}
    assert anunzi == {**retell, **own}
    assert retell["api_url"] == "https://api.retellai.com"
    assert "filter_dialect" not in retell


@DIALECTS
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", [CALLS, UNSTARTED])
def test_a_refused_dialect_fails_at_once_and_names_the_other(
    box: Sandbox, dialect: Any, stream: str, workers: int
) -> None:
    box.anunzi.options.dialect = dialect
    run = export(
        box.anunzi, streams=[stream], filter_dialect=OTHER[dialect], max_concurrency=workers
    )
    line = failure(run, stream)
    assert "400, the filter was refused" in line
    assert "has an invalid format" in line
    advice = f"; try anunzi.filter_dialect: {dialect}; check anunzi.filter_criteria"
    assert line.endswith(advice)
    assert run.records(stream) == []
    bodies = [json.dumps(request.body) for request in asked(box.anunzi)]
    assert len(bodies) == len(set(bodies)) <= workers


@DIALECTS
@pytest.mark.parametrize("stream", [CALLS, DETAILS])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
@pytest.mark.parametrize("page_size", [7, 500])
def test_an_ignored_dialect_costs_one_warning_and_one_scan_but_no_call(
    caplog: pytest.LogCaptureFixture, dialect: Any, stream: str, sort: Any, page_size: int
) -> None:
    with empty_sandbox() as box:
        options = box.anunzi.options
        options.dialect, options.wrong_dialect, options.sort = dialect, "ignore", sort
        # Calls before and after the export, which an ignored filter brings in.
        box.anunzi.add_at(*[NOON + 7 * step * HOUR for step in range(-40, 40)])
        run = export(
            box.anunzi,
            streams=[stream],
            filter_dialect=OTHER[dialect],
            page_size=page_size,
            start_date="2024-05-05",
            end_date="2024-05-15",
        )
    truth = truth_where(
        box.anunzi, stream, lambda row: "2024-05-05" <= row["start_timestamp"] < "2024-05-15"
    )
    assert_complete(run, box.anunzi, stream, truth=truth)
    assert run.bookmark(stream) == "2024-05-15T00:00:00.000000Z"
    [warning] = warnings_in(caplog, "filter_dialect")
    assert f"anunzi.filter_dialect: {dialect}" in warning
    # The windows begun before it was noticed, and one scan; details of each call of the export.
    assert len(asked(box.anunzi, "list-calls")) <= 4 + 80 / page_size + 1
    assert len(asked(box.anunzi, "/get-call/")) == (len(truth) if stream == DETAILS else 0)


def test_an_ignored_filter_on_the_status_is_a_warning_that_names_the_other_dialect(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.anunzi.options.unfiltered = {"call_status", "disconnection_reason"}
    assert_complete(export(box.anunzi, streams=[UNSTARTED]), box.anunzi, UNSTARTED)
    [warning] = warnings_in(caplog, "did not apply the filter on call_status")
    assert "those with a start are dropped; try anunzi.filter_dialect: retell" in warning


@DIALECTS
def test_conditions_of_ones_own_are_written_in_the_chosen_dialect(
    box: Sandbox, dialect: Any
) -> None:
    box.anunzi.options.dialect = dialect
    criteria = {"direction": equals(dialect, "outbound")}
    streams = [CALLS, UNSTARTED, DETAILS]
    run = export(box.anunzi, streams=streams, filter_criteria=criteria, filter_dialect=dialect)
    for stream in streams:
        truth = truth_where(box.anunzi, stream, lambda row: row.get("direction") == "outbound")
        assert_complete(run, box.anunzi, stream, truth=truth)


def test_an_address_of_retell_and_its_dialect_read_a_workspace_of_retell(box: Sandbox) -> None:
    settings = {**box.retell.config(), "filter_dialect": "retell"}
    names = {name: each.like for name, each in BY_NAME.items() if each.api == "anunzi"}
    run = run_tap({"start_date": "2024-05-01", "anunzi": settings}, streams=names)
    assert run.code == 0
    for ours, theirs in names.items():
        assert_table_is(run.table(ours), box.truth(theirs))
    assert box.anunzi.requests == []


def test_a_state_with_renamed_streams_is_continued_by_retell(box: Sandbox) -> None:
    settings = {**box.retell.config(), "filter_dialect": "retell"}
    config = {"start_date": "2024-05-01", "end_date": "2024-05-20", "anunzi": settings}
    state = run_tap(config, streams=[CALLS]).state
    renamed = json.loads(json.dumps(state).replace('"anunzi_', '"retell_'))
    run = export(box.retell, state=renamed, lookback_hours=0)
    truth = truth_where(
        box.retell, "retell_calls", lambda row: row["start_timestamp"] >= "2024-05-20"
    )
    assert_complete(run, box.retell, truth=truth)
