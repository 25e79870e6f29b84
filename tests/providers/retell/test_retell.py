"""Retell AI: filters, and a cursor that is opaque and expires."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from provider_runs import (
    FOR_EVER,
    asked,
    assert_complete,
    assert_complete_or_loud,
    assert_safe,
    empty_sandbox,
    export,
    truth_where,
)
from support import (
    HOUR,
    MILLISECOND,
    MINUTE,
    UTC,
    failure,
    warnings_in,
)

from sandbox import Fault, Sandbox

CALLS, UNSTARTED, DETAILS = "retell_calls", "retell_unstarted_calls", "retell_call_details"
BOTH = CALLS, UNSTARTED
NOON = datetime(2024, 5, 9, 12, 0, 0, 123_000, tzinfo=UTC)
WORKERS = pytest.mark.parametrize("workers", [1, 4])


# Filters.


@WORKERS
@pytest.mark.parametrize("stream", BOTH)
def test_a_refused_filter_fails_at_once_and_names_the_setting(
    box: Sandbox, stream: str, workers: int
) -> None:
    box.retell.options.dialect = "anunzi"
    run = export(box.retell, streams=[stream], max_concurrency=workers)
    line = failure(run, stream)
    assert "400, the filter was refused" in line
    assert line.endswith("has an invalid format); check retell.filter_criteria")
    assert run.records(stream) == []
    bodies = [json.dumps(request.body) for request in asked(box.retell)]
    assert len(bodies) == len(set(bodies)) <= workers


def test_an_ignored_filter_costs_one_warning_and_one_scan_but_no_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.retell.options.dialect, box.retell.options.wrong_dialect = "anunzi", "ignore"
        box.retell.add_at(*[NOON + 7 * step * HOUR for step in range(-40, 40)])
        run = export(box.retell, start_date="2024-05-05", end_date="2024-05-15")
    truth = truth_where(
        box.retell, CALLS, lambda row: "2024-05-05" <= row["start_timestamp"] < "2024-05-15"
    )
    assert_complete(run, box.retell, truth=truth)
    [warning] = warnings_in(caplog, "did not apply the time filter")
    assert "filter_dialect" not in warning


def test_filters_of_ones_own_reach_every_page_and_pages_ask_the_same(box: Sandbox) -> None:
    agents = sorted({row.canonical["agent_id"] for row in box.retell.rows})[:2]
    criteria = {"direction": {"type": "enum", "op": "in", "value": ["outbound"]}}
    run = export(
        box.retell,
        streams=[CALLS, DETAILS],
        page_size=5,
        filter_criteria=criteria,
        agent_ids=agents,
    )
    for stream in (CALLS, DETAILS):
        truth = truth_where(
            box.retell,
            stream,
            lambda row: row.get("direction") == "outbound" and row["agent_id"] in agents,
        )
        assert_complete(run, box.retell, stream, truth=truth)
    assert len(asked(box.retell, "/get-call/")) == len(truth)
    pages: dict[str, int] = {}
    for request in asked(box.retell, "list-calls"):
        body = dict(request.body)
        body.pop("pagination_key", None)
        assert set(body) == {"filter_criteria", "sort_order", "limit"}
        sent = body["filter_criteria"]
        assert sent["direction"] == criteria["direction"]
        assert sent["agent"] == [{"agent_id": agent} for agent in agents]
        pages[json.dumps(body, sort_keys=True)] = pages.get(json.dumps(body, sort_keys=True), 0) + 1
    assert max(pages.values()) > 1


def test_an_empty_balance_fails_without_another_try(box: Sandbox) -> None:
    box.retell.faults.add(Fault("status", status=402, times=99))
    assert "402" in failure(export(box.retell, max_concurrency=1), CALLS)
    assert len(asked(box.retell)) == 1


@pytest.mark.parametrize("stream", [CALLS, DETAILS])
def test_the_key_to_a_call_s_room_is_never_exported(
    box: Sandbox, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    caplog.set_level("DEBUG")
    [row] = box.retell.add_at(NOON, call_type="web_call")
    row.extra_wire = {"new_field": {"a": 1}}
    run = export(box.retell, streams=[stream])
    extras = {record["call_id"]: record["extra"] for record in run.records(stream)}
    assert extras.pop(row.key) == {"new_field": {"a": 1}}
    assert set(extras.values()) == {None}
    assert sum(record["call_type"] == "web_call" for record in run.records(stream)) > 1
    assert "access_token" not in json.dumps(run.lines) + caplog.text
    assert "canary-access-token" not in json.dumps(run.lines) + caplog.text


# The cursor.


@WORKERS
@pytest.mark.parametrize(
    ("stream", "refusal"), [(CALLS, 400), (CALLS, 404), (CALLS, 422), (DETAILS, 400)]
)
def test_an_expired_cursor_splits_the_window_and_gives_no_call_twice(
    box: Sandbox, stream: str, refusal: int, workers: int
) -> None:
    box.retell.options.cursor_ttl_pages = 2
    box.retell.options.cursor_refusal_status = refusal
    run = export(box.retell, streams=[stream], page_size=3, max_concurrency=workers)
    assert refusal in {request.status for request in asked(box.retell)}
    assert_complete(run, box.retell, stream)


@pytest.mark.parametrize(
    ("step", "calls", "ttl", "page_size", "most"),
    [
        (72_000 * MILLISECOND, 300, 3, 10, 160),  # six hours in one window
        (40 * MILLISECOND, 20, 1, 5, FOR_EVER),  # one second
        (MINUTE, 20, 2, 4, FOR_EVER),
    ],
    ids=["hours", "a second", "minutes"],
)
def test_a_window_with_more_pages_than_a_cursor_lives_for_is_read_in_parts(
    step: Any, calls: int, ttl: int, page_size: int, most: float
) -> None:
    with empty_sandbox() as box:
        box.retell.options.cursor_ttl_pages = ttl
        box.retell.add_at(*(NOON.replace(microsecond=0) + number * step for number in range(calls)))
        run = export(box.retell, page_size=page_size)
    assert_complete(run, box.retell)
    assert len(asked(box.retell)) < most


@pytest.mark.parametrize("times", [1, 2])
def test_calls_without_a_start_are_complete_after_a_refused_cursor(
    box: Sandbox, times: int
) -> None:
    refusal = Fault("status", status=422, times=times)
    box.retell.faults.add(refusal, when=lambda request: "pagination_key" in request.body, skip=2)
    run = export(box.retell, streams=[UNSTARTED], page_size=2)
    assert 422 in {request.status for request in asked(box.retell)}
    assert_complete(run, box.retell, UNSTARTED)


@pytest.mark.parametrize("stream", BOTH)
def test_a_cursor_that_is_refused_for_ever_fails_after_a_few_tries(stream: str) -> None:
    with empty_sandbox() as box:
        box.retell.options.cursor_ttl_pages = 1
        status = {} if stream == CALLS else {"call_status": "not_connected"}
        box.retell.of(stream).add_at(*[NOON] * 30, **status)
        run = export(box.retell, streams=[stream], page_size=10)
    assert "refused its own pagination_key" in failure(run, stream)
    assert_safe(run, box.retell, stream)
    assert len(asked(box.retell)) < 120


@pytest.mark.parametrize(("calls", "page_size"), [(60, 10), (5, 1)])
def test_an_expired_cursor_of_calls_in_another_order_is_loud(calls: int, page_size: int) -> None:
    with empty_sandbox() as box:
        box.retell.options.sort = "ignored"
        box.retell.options.cursor_ttl_pages = 2 if calls == 60 else 1
        box.retell.add_at(*[NOON + number * MINUTE for number in range(calls)])
        run = export(box.retell, page_size=page_size)
    assert_complete_or_loud(run, box.retell)


def test_a_cursor_that_is_refused_once_costs_one_request_more() -> None:
    with empty_sandbox() as box:
        box.retell.add(100, NOON, NOON + 6 * HOUR)
        refusal = Fault("status", status=400)
        box.retell.faults.add(refusal, when=lambda request: "pagination_key" in request.body)
        run = export(box.retell, page_size=10)
        requests = asked(box.retell)
    assert_complete(run, box.retell)
    [refused] = [request for request in requests if request.status == 400]
    assert sum(request.body == refused.body for request in requests) == 2
