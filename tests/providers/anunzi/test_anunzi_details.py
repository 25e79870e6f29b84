"""Anunzi's and Retell's single calls: any id, either dialect, and no key to a call's room."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
    failure,
    warnings_in,
)
from support import assert_table_is

from sandbox.instants import UTC

if TYPE_CHECKING:
    from sandbox import Sandbox

DETAILS, ONE = "anunzi_call_details", "/get-call/"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OTHER = {"anunzi": "retell", "retell": "anunzi"}
DIALECTS = pytest.mark.parametrize("dialect", ["anunzi", "retell"])


@DIALECTS
def test_all_of_a_call_is_there_with_what_was_said(
    box: Sandbox, dialect: Literal["anunzi", "retell"]
) -> None:
    box.anunzi.options.dialect = dialect
    run = export(box.anunzi, streams=[DETAILS], filter_dialect=dialect, page_size=30)
    assert_complete(run, box.anunzi, DETAILS)
    assert_each_once(run, DETAILS)
    records = run.records(DETAILS)
    assert all(record["transcript"] and record["transcript_object"] for record in records)
    tools = [item for record in records for item in record["transcript_with_tool_calls"]]
    assert {"tool_call_invocation", "tool_call_result"} <= {item["role"] for item in tools}


@pytest.mark.parametrize(
    "call_id", ["a/b", "a?b=1&c", "100%", "a%2Fb", "dos palabras", "ñandú#1", "call_1;x", "+1@x:2"]
)
def test_an_id_of_any_characters_is_one_part_of_the_path(call_id: str) -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(NOON, call_id=call_id)
        run = export(box.anunzi, streams=[DETAILS])
    assert_complete(run, box.anunzi, DETAILS)
    (request,) = asked(box.anunzi, ONE)
    assert request.path.count("/") == "/anunzi/v2/get-call/x".count("/")
    assert request.query == {}


def test_the_path_of_a_call_is_a_setting(box: Sandbox) -> None:
    box.anunzi.options.details_path = "/v3/calls/{call_id}/all"
    run = export(box.anunzi, streams=[DETAILS])
    assert_complete(run, box.anunzi, DETAILS)
    assert len(asked(box.anunzi, "/all")) == len(run.records(DETAILS))


def test_a_wrong_path_names_its_setting(box: Sandbox) -> None:
    box.anunzi.options.details_path = "/v3/calls/{call_id}/all"
    run = export(box.anunzi, streams=[DETAILS], call_details_path="/v2/get-call/{call_id}")
    assert "/v2/get-call/{call_id}" in failure(run, DETAILS)
    assert "anunzi.call_details_path" in failure(run, DETAILS)


@DIALECTS
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_an_ignored_filter_costs_one_warning_and_no_call(
    caplog: pytest.LogCaptureFixture,
    dialect: Literal["anunzi", "retell"],
    sort: Literal["honoured", "ignored"],
) -> None:
    with empty_sandbox() as box:
        options = box.anunzi.options
        options.dialect, options.wrong_dialect, options.sort = dialect, "ignore", sort
        box.anunzi.add_at(*[NOON + 7 * step * HOUR for step in range(-30, 30)])
        run = export(
            box.anunzi,
            streams=[DETAILS],
            filter_dialect=OTHER[dialect],
            page_size=7,
            start_date="2024-05-05",
            end_date="2024-05-15",
        )
    truth = {
        key: record
        for key, record in box.anunzi.truth(DETAILS).items()
        if "2024-05-05" <= record["start_timestamp"] < "2024-05-15"
    }
    assert run.code == 0
    assert_table_is(run.table(DETAILS), truth)
    assert_each_once(run, DETAILS)
    (warning,) = warnings_in(caplog, "filter_dialect")
    assert DETAILS in warning
    assert run.bookmark(DETAILS) == "2024-05-15T00:00:00.000000Z"
    # Calls outside the export are not asked for, nor any call twice.
    assert len(asked(box.anunzi, ONE)) == len(truth)


@DIALECTS
def test_calls_without_a_start_are_not_asked_for(
    box: Sandbox, dialect: Literal["anunzi", "retell"]
) -> None:
    box.anunzi.options.dialect = dialect
    run = export(box.anunzi, streams=[DETAILS], filter_dialect=dialect)
    assert_complete(run, box.anunzi, DETAILS)
    assert box.anunzi.truth("anunzi_unstarted_calls")
    assert len(asked(box.anunzi, ONE)) == len(box.anunzi.truth(DETAILS))


def test_the_key_to_a_call_s_room_is_never_exported(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        run = export(box.anunzi, streams=[DETAILS])
    web_calls = [record for record in run.records(DETAILS) if record["call_type"] == "web_call"]
    assert web_calls
    assert all(record["extra"] is None for record in web_calls)
    assert "access_token" not in json.dumps(run.lines) + caplog.text
    assert "canary-access-token" not in json.dumps(run.lines) + caplog.text


def test_what_nobody_knows_of_a_call_is_kept() -> None:
    with empty_sandbox() as box:
        (row,) = box.anunzi.add_at(NOON, call_type="web_call", transcript="Agent: ¿Sí?\n \u2028\0")
        row.extra_wire = {"new_field": {"a": [1.5]}, "transcript_object": "none"}
        run = export(box.anunzi, streams=[DETAILS])
    (record,) = run.records(DETAILS)
    assert record["transcript"] == "Agent: ¿Sí?\n \u2028"
    assert record["transcript_object"] is None or record["transcript_object"] == ["none"]
    kept = {"new_field": {"a": [1.5]}}
    assert record["extra"] in (kept, kept | {"transcript_object": "none"})


def test_an_expired_cursor_of_the_list_gives_no_call_twice(box: Sandbox) -> None:
    box.anunzi.options.cursor_ttl_pages = 2
    run = export(box.anunzi, streams=[DETAILS], page_size=3)
    assert 400 in {request.status for request in asked(box.anunzi)}
    assert_complete(run, box.anunzi, DETAILS)
    assert_each_once(run, DETAILS)


def test_filters_of_one_s_own_decide_which_calls_are_asked_for(box: Sandbox) -> None:
    criteria = {"direction": {"operator": "eq", "value": "outbound"}}
    run = export(box.anunzi, streams=[DETAILS], filter_criteria=criteria)
    truth = {
        key: record
        for key, record in box.anunzi.truth(DETAILS).items()
        if record.get("direction") == "outbound"
    }
    assert truth
    assert_table_is(run.table(DETAILS), truth)
    assert len(asked(box.anunzi, ONE)) == len(truth)
