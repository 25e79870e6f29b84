"""Vapi: a range of when calls changed, with a limit and no cursor, in no documented order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from provider_runs import (
    after_requests,
    asked,
    assert_complete,
    assert_safe,
    empty_sandbox,
    export,
)
from support import DAY, HOUR, MILLISECOND, MINUTE, UTC, clock_at, failure, text, warnings_in

from sandbox import Fault, Sandbox
from sandbox.vapi import ASSISTANTS, VapiApi

CALLS = "vapi_calls"
NOON = datetime(2024, 5, 9, 12, 0, 0, 123_000, tzinfo=UTC)
ORDERS = pytest.mark.parametrize("order", ["newest", "ascending", "shuffled"])
WORKERS = pytest.mark.parametrize("workers", [1, 4])


@pytest.fixture
def vapi() -> Iterator[VapiApi]:
    with empty_sandbox() as box:
        yield box.vapi


def limits(api: VapiApi) -> list[int]:
    return [int(request.query["limit"]) for request in asked(api)]


# Completeness.


@ORDERS
@WORKERS
def test_60_calls_of_one_millisecond_across_the_border_of_a_page_are_exported(
    vapi: VapiApi, order: Any, workers: int
) -> None:
    vapi.options.order = order
    vapi.add_at(*[NOON] * 60, *(NOON + step * MILLISECOND for step in range(-70, 70, 7)))
    run = export(vapi, page_size=50, max_concurrency=workers)
    assert_complete(run, vapi)
    assert limits(vapi).count(1000) == 1


@pytest.mark.parametrize(("calls", "page_size"), [(1000, 200), (1200, 50)])
def test_more_calls_of_one_millisecond_than_the_highest_limit_fail_and_name_it(
    vapi: VapiApi, calls: int, page_size: int
) -> None:
    vapi.add_at(NOON - DAY, *[NOON] * calls, NOON + DAY)
    run = export(vapi, page_size=page_size)
    assert "2024-05-09T12:00:00.123000Z to 2024-05-09T12:00:00.124000Z" in failure(run, CALLS)
    assert_safe(run, vapi, CALLS)


@pytest.mark.parametrize("clamp", [100, 250])
def test_a_limit_that_is_lowered_in_silence_loses_nothing(vapi: VapiApi, clamp: int) -> None:
    vapi.options.clamp = clamp
    vapi.add_at(*(NOON + number * MINUTE for number in range(400)))
    assert_complete(export(vapi, page_size=1000), vapi)
    assert set(limits(vapi)) == {1000}


def test_a_lowered_limit_fails_where_it_hides_calls_of_one_millisecond(vapi: VapiApi) -> None:
    vapi.options.clamp = 100
    vapi.add_at(*[NOON] * 101)
    run = export(vapi)
    assert "a response of 100 rows, which may have been cut" in failure(run, CALLS)
    assert_safe(run, vapi, CALLS)


@pytest.mark.parametrize(("calls", "page_size"), [(1000, 200), (700, 50)])
def test_requests_are_at_most_two_and_a_half_times_as_many_as_pages(
    vapi: VapiApi, calls: int, page_size: int
) -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    vapi.add_at(*(start + number * 31 * DAY / calls for number in range(calls)))
    run = export(vapi, page_size=page_size)
    assert_complete(run, vapi)
    assert len(asked(vapi)) <= 2.5 * calls / page_size
    before = len(asked(vapi))
    again = export(vapi, page_size=page_size, state=run.state, end_date="2024-06-01T01:00:00Z")
    assert (again.code, len(asked(vapi)) - before) == (0, 1)


def test_windows_that_end_inside_a_millisecond_lose_nothing(vapi: VapiApi) -> None:
    edge = "2024-05-09T12:00:00.123456Z"
    vapi.add_at(*(NOON + step * MILLISECOND for step in (-1, 0, 1)))
    first = export(vapi, end_date=edge)
    rest = export(vapi, start_date=edge)
    assert len(first.records(CALLS)) == 2
    assert len(rest.records(CALLS)) == 1


# Late changes.


@WORKERS
def test_a_call_that_changes_while_its_window_is_read_comes_later_and_is_not_lost(
    vapi: VapiApi, workers: int
) -> None:
    rows = vapi.add_at(*(NOON + number * HOUR for number in range(40)))
    moved = NOON + 10 * DAY
    after_requests(
        vapi, 3, "/call", lambda: vapi.amend(rows[20], updated_at=text(moved), status="ended")
    )
    run = export(vapi, page_size=10, max_concurrency=workers)
    assert run.code == 0
    assert run.table(CALLS)[(rows[20].key,)]["updated_at"] == text(moved)
    assert len(run.table(CALLS)) == 40


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("late", [30 / 3600, 3])
def test_an_analysis_is_found_whether_or_not_it_moves_updated_at(
    vapi: VapiApi, late: float, *, moves: bool
) -> None:
    [row] = vapi.add_at(NOON, analysis=None)
    ends = NOON + MINUTE / 4, NOON + late * HOUR + MINUTE
    with clock_at(ends[0]):
        first = export(vapi, end_date=text(ends[0]))
    moved = {"updated_at": text(NOON + late * HOUR)} if moves else {}
    vapi.amend(row, analysis={"summary": "late"}, **moved)
    with clock_at(ends[1]):
        second = export(vapi, state=first.state, end_date=text(ends[1]))
    assert [record["analysis"] for record in second.records(CALLS)] == [{"summary": "late"}]


def test_calls_that_are_gone_after_their_retention_are_no_error(vapi: VapiApi) -> None:
    vapi.add_at(*(NOON + number * HOUR for number in range(60)))
    after_requests(vapi, 2, "/call", lambda: setattr(vapi.options, "retention_days", 22))
    vapi.now = NOON + 23 * DAY
    run = export(vapi, page_size=10)
    assert run.code == 0
    assert run.table(CALLS).keys() >= vapi.truth(CALLS).keys()
    assert 0 < len(vapi.truth(CALLS)) < 60


# What is sent and received.


@pytest.mark.parametrize("as_list", [True, False])
def test_a_transcript_is_kept_as_text_and_as_a_list(box: Sandbox, *, as_list: bool) -> None:
    box.vapi.options.transcript_as_list = as_list
    run = export(box.vapi)
    assert_complete(run, box.vapi)
    artifacts = [record["artifact"] or {} for record in run.records(CALLS)]
    found = {type(artifact["transcript"]) for artifact in artifacts if artifact}
    assert found == {list if as_list else str}


def test_links_and_secrets_are_left_out_and_what_customers_said_stays(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    run = export(box.vapi, page_size=7)
    assert_complete(run, box.vapi)
    written = json.dumps(run.records(CALLS))
    assert "canary" not in json.dumps(run.lines) + caplog.text
    assert not {"presigned", "controlUrl", "listenUrl"} & set(written.split('"'))
    assert '"password": "what the customer said"' in written
    assert '"apiKey": "what the customer said"' in written


def test_links_that_differ_in_each_response_make_no_call_come_twice(vapi: VapiApi) -> None:
    vapi.add_at(*[NOON] * 30, monitor={"monitors": []})
    run = export(vapi, page_size=20)
    assert_complete(run, vapi)
    assert len(asked(vapi)) > 1


@pytest.mark.parametrize("names", ["ignore", "refuse"])
@pytest.mark.parametrize("chosen", [[], ASSISTANTS[:1], ASSISTANTS[:3]])
def test_each_assistant_has_a_request_of_its_own_and_no_unknown_name_is_sent(
    box: Sandbox, names: Any, chosen: tuple[str, ...]
) -> None:
    box.vapi.options.unknown_names = names
    run = export(box.vapi, assistant_ids=list(chosen))
    truth = box.vapi.truth(CALLS)
    if chosen:
        truth = {key: row for key, row in truth.items() if row["assistant_id"] in chosen}
    assert_complete(run, box.vapi, truth=truth)
    sent = {request.query.get("assistantId") for request in asked(box.vapi)}
    assert sent == {*(chosen or [None])}


@pytest.mark.parametrize("as_list", [True, False])
def test_a_refused_key_is_named_and_the_message_is_read_as_text_and_as_a_list(
    vapi: VapiApi, *, as_list: bool
) -> None:
    vapi.options.message_as_list = as_list
    run = export(vapi, api_key="wrong")
    assert "vapi.api_key" in failure(run, CALLS)
    vapi.faults.add(Fault("status", status=400))
    assert "error 400" in failure(export(vapi), CALLS)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=429, headers={"Retry-After": "0"}, times=3),
        Fault("status", status=429),
        Fault("status", status=500, body="<html>Internal Server Error</html>"),
        Fault("status", status=503),
        Fault("cut_json"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status} {len(fault.headers)}",
)
def test_faults_that_pass_change_nothing(
    box: Sandbox, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    box.vapi.faults.add(fault, skip=1)
    assert_complete(export(box.vapi, page_size=20), box.vapi)
    assert not warnings_in(caplog, "invalid")
