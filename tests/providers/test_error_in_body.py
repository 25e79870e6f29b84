"""Responses with status 200 that report an error: retried, then a failure, never "no rows"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from provider_runs import answer_with, asked, assert_complete, export, failure

from sandbox import Fault, Sandbox

FEATHERS = {
    "name": "GeneralError",
    "message": "database unavailable",
    "code": 500,
    "className": "general-error",
}
ERROR = {"error": "database unavailable"}

#: Each list: provider, stream, path, and its envelope without rows.
LISTS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("videsk", "videsk_calls", "/reports/exports/calls", {"data": [], "columns": []}),
    ("videsk", "videsk_comments", "/reports/exports/comments", {"data": [], "$limit": 5000}),
    ("anunzi", "anunzi_calls", "/v3/list-calls", {"items": [], "has_more": False}),
    ("anunzi", "anunzi_unstarted_calls", "/v3/list-calls", {"items": [], "has_more": False}),
    ("twin24", "twin24_incoming_calls", "/statistics/", {"count": None, "items": None}),
    ("twin24", "twin24_calls", "/search/cis/calls", {"count": 0, "items": []}),
    ("burki", "burki_calls", "/calls/export", {"items": []}),
    ("burki", "burki_call_list", "/api/v1/calls/", {"items": [], "total": 0}),
]
EVERY_LIST = pytest.mark.parametrize(("provider", "stream", "path", "envelope"), LISTS)


@EVERY_LIST
@pytest.mark.parametrize("error", [ERROR, FEATHERS, {"status": "error", "message": ERROR["error"]}])
def test_an_error_beside_no_rows_fails_the_stream(
    box: Sandbox,
    provider: str,
    stream: str,
    path: str,
    envelope: dict[str, Any],
    error: dict[str, Any],
) -> None:
    api = getattr(box, provider)
    answer_with(api, path, {**envelope, **error})
    run = export(api, streams=[stream], max_concurrency=1)
    line = failure(run, stream)
    assert "200 with an error in the body (database unavailable); gave up after" in line
    assert run.records(stream) == []
    assert run.bookmark(stream) is None


@EVERY_LIST
def test_an_error_field_without_an_error_changes_nothing(
    box: Sandbox, provider: str, stream: str, path: str, envelope: dict[str, Any]
) -> None:
    api = getattr(box, provider)
    nothing: dict[str, Any] = {"error": None, "errors": [], "status": "ok", "success": True}
    answer_with(api, path, {**envelope, **nothing})
    if provider == "burki":
        answer_with(api, "/calls/count", {"count": 0, **nothing})
    run = export(api, streams=[stream], max_concurrency=1)
    assert run.code == 0
    assert run.records(stream) == []


def test_an_error_that_passes_costs_no_row(box: Sandbox) -> None:
    body = json.dumps({"items": [], "has_more": False, **ERROR})
    box.anunzi.faults.add(Fault("error_object", times=2, body=body))
    run = export(box.anunzi, max_concurrency=1)
    assert_complete(run, box.anunzi, "anunzi_calls")


def test_an_error_beside_rows_fails_the_stream(box: Sandbox) -> None:
    row = {"call_id": "c1", "start_timestamp": 1715256000000}
    answer_with(box.anunzi, "", {"items": [row], "has_more": False, **ERROR})
    run = export(box.anunzi, max_concurrency=1)
    assert "database unavailable" in failure(run, "anunzi_calls")
    assert run.records("anunzi_calls") == []


def test_a_login_that_reports_an_error_is_not_used(box: Sandbox) -> None:
    answer_with(box.twin24, "auth/login", {"token": box.twin24.static_token, **ERROR})
    run = export(box.twin24, max_concurrency=1)
    assert "database unavailable" in failure(run, "twin24_incoming_calls")
    assert asked(box.twin24, "/statistics/") == []
