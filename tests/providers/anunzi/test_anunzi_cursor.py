"""Anunzi's cursor: opaque, perishable, and never the reason for a missing call."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_complete_or_loud,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    failure,
)

from sandbox import Fault
from sandbox.instants import MILLISECOND, UTC

if TYPE_CHECKING:
    from sandbox import Sandbox

BOTH = CALLS, UNSTARTED = "anunzi_calls", "anunzi_unstarted_calls"
INSTANT = datetime(2024, 5, 9, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.covers(10, 11)
@pytest.mark.parametrize("cursor", ["repeat", "missing"])
def test_more_without_a_way_to_get_it_is_a_failure_and_not_the_end(
    box: Sandbox, cursor: Literal["repeat", "missing"]
) -> None:
    box.anunzi.options.cursor = cursor
    run = export(box.anunzi, streams=[CALLS], page_size=4, max_concurrency=1)
    assert "pagination_key" in failure(run, CALLS)
    assert_safe(run, box.anunzi, CALLS)
    # No question is put twice: neither the first page again, nor a cursor that was used up.
    questions = [json.dumps(request.body) for request in asked(box.anunzi)]
    assert len(questions) == len(set(questions))


@pytest.mark.parametrize("cursor", ["good", "repeat"])
def test_a_cursor_on_the_last_page_is_not_needed(
    box: Sandbox, cursor: Literal["good", "repeat"]
) -> None:
    box.anunzi.options.cursor = cursor
    run = export(box.anunzi, page_size=1000)
    assert_complete(run, box.anunzi, CALLS)


@pytest.mark.parametrize("form", ["boolean", "text", "number", "null", "absent", "hasMore"])
def test_every_page_is_read_however_the_server_says_that_there_is_more(
    box: Sandbox, form: Literal["boolean", "text", "number", "null", "absent", "hasMore"]
) -> None:
    box.anunzi.options.has_more = form
    run = export(box.anunzi, streams=BOTH, page_size=4)
    assert_complete(run, box.anunzi, CALLS)
    assert_complete(run, box.anunzi, UNSTARTED)


@pytest.mark.covers(13)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("refusal", [400, 404, 422])
def test_an_expired_cursor_splits_the_window_and_gives_no_call_twice(
    box: Sandbox, refusal: int, workers: int
) -> None:
    box.anunzi.options.cursor_ttl_pages = 2
    box.anunzi.options.cursor_refusal_status = refusal
    run = export(box.anunzi, streams=[CALLS], page_size=3, max_concurrency=workers)
    assert refusal in {request.status for request in asked(box.anunzi)}
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(13, 17)
@pytest.mark.parametrize("times", [1, 2])
def test_calls_without_a_start_are_read_all_over_after_an_expired_cursor(
    box: Sandbox, times: int
) -> None:
    refusal = Fault("status", status=422, times=times)
    box.anunzi.faults.add(refusal, when=lambda request: "pagination_key" in request.body, skip=2)
    run = export(box.anunzi, streams=[UNSTARTED], page_size=2)
    assert 422 in {request.status for request in asked(box.anunzi)}
    assert_complete(run, box.anunzi, UNSTARTED)
    assert_each_once(run, UNSTARTED)


def test_calls_without_a_start_that_no_cursor_reaches_fail(box: Sandbox) -> None:
    box.anunzi.options.cursor_ttl_pages = 2
    run = export(box.anunzi, streams=[UNSTARTED], page_size=2)
    assert "refused its own pagination_key" in failure(run, UNSTARTED)


@pytest.mark.covers(13)
def test_a_window_whose_cursor_expires_is_read_in_halves() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.cursor_ttl_pages = 3
        box.anunzi.add(300, INSTANT, INSTANT + timedelta(hours=6))
        run = export(
            box.anunzi,
            streams=[CALLS],
            page_size=10,
            start_date="2024-05-09",
            end_date="2024-05-10",
        )
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)
    assert len(asked(box.anunzi)) < 4 * 300 / 10


@pytest.mark.covers(13)
def test_a_cursor_that_is_refused_for_ever_fails_after_a_few_tries() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.cursor_ttl_pages = 1
        box.anunzi.add_at(*[INSTANT] * 30)
        run = export(box.anunzi, streams=[CALLS], page_size=10)
    assert "refused its own pagination_key" in failure(run, CALLS)
    assert_safe(run, box.anunzi, CALLS)
    assert len(asked(box.anunzi)) < 120


@pytest.mark.covers(13, 22)
def test_an_expired_cursor_of_calls_in_another_order_is_loud() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.sort = "ignored"
        box.anunzi.options.cursor_ttl_pages = 2
        box.anunzi.add(60, INSTANT, INSTANT + timedelta(hours=6))
        run = export(box.anunzi, streams=[CALLS], page_size=10)
    assert_complete_or_loud(run, box.anunzi, CALLS)


def test_an_expired_cursor_after_a_single_call_says_nothing_of_the_order() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.sort = "ignored"
        box.anunzi.options.cursor_ttl_pages = 1
        box.anunzi.add_at(*[INSTANT + timedelta(minutes=n) for n in range(5)])
        run = export(box.anunzi, streams=[CALLS], page_size=1)
    assert_complete_or_loud(run, box.anunzi, CALLS)


@pytest.mark.covers(16)
@pytest.mark.parametrize("page_size", [1, 2, 7, 1000])
def test_more_calls_in_one_millisecond_than_a_page_are_all_there_once(page_size: int) -> None:
    rows = 2500 if page_size == 1000 else 25
    with empty_sandbox() as box:
        box.anunzi.add_at(*[INSTANT] * rows)
        box.anunzi.add_at(INSTANT - MILLISECOND, INSTANT + MILLISECOND)
        run = export(box.anunzi, page_size=page_size)
    assert len(run.table(CALLS)) == rows + 2
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(13, 16)
def test_ties_survive_an_expired_cursor() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.cursor_ttl_pages = 2
        for minute in range(20):
            box.anunzi.add_at(*[INSTANT + timedelta(minutes=minute)] * 3)
        run = export(box.anunzi, page_size=4)
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(12)
@pytest.mark.parametrize("empty", [1, 5])
def test_empty_pages_with_more_behind_them_are_not_the_end(box: Sandbox, empty: int) -> None:
    box.anunzi.options.empty_pages = empty
    run = export(box.anunzi, streams=BOTH, page_size=7)
    assert_complete(run, box.anunzi, CALLS)
    assert_complete(run, box.anunzi, UNSTARTED)


@pytest.mark.covers(12)
def test_empty_pages_without_end_fail(box: Sandbox) -> None:
    box.anunzi.options.empty_pages = 10**6
    run = export(box.anunzi, streams=[CALLS], page_size=7, max_concurrency=1)
    assert "responses without a row" in failure(run, CALLS)
    assert len(asked(box.anunzi)) < 100


@pytest.mark.covers(18, 19)
@pytest.mark.parametrize("most", [1, 6])
def test_shorter_pages_than_asked_for_are_not_the_end(box: Sandbox, most: int) -> None:
    box.anunzi.options.page_max = most
    run = export(box.anunzi, page_size=500)
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(23)
def test_no_request_mixes_a_cursor_with_an_offset_or_leaves_out_the_filter(box: Sandbox) -> None:
    export(box.anunzi, streams=[CALLS], page_size=7)
    with_cursor = [r.body for r in asked(box.anunzi) if "pagination_key" in r.body]
    assert with_cursor
    for body in with_cursor:
        assert "skip" not in body
        assert "start_timestamp" in body["filter_criteria"]


@pytest.mark.covers(13)
def test_no_cursor_is_kept_in_the_state(box: Sandbox) -> None:
    run = export(box.anunzi, streams=BOTH, page_size=7)
    assert run.code == 0
    bookmark = run.state["bookmarks"][CALLS]
    assert set(bookmark) == {"replication_key", "replication_key_value", "as_of"}
    assert "replication_key_value" not in run.state["bookmarks"].get(UNSTARTED, {})


@pytest.mark.covers(13)
def test_a_second_with_more_calls_than_a_cursor_lives_for_is_read_in_parts_of_it() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.cursor_ttl_pages = 1
        box.anunzi.add_at(*[INSTANT + 40 * n * MILLISECOND for n in range(20)])
        run = export(box.anunzi, streams=[CALLS], page_size=5)
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


def test_a_cursor_that_is_refused_once_costs_one_request_more() -> None:
    with empty_sandbox() as box:
        box.anunzi.add(100, INSTANT, INSTANT + timedelta(hours=6))
        refusal = Fault("status", status=400)
        box.anunzi.faults.add(refusal, when=lambda request: "pagination_key" in request.body)
        run = export(box.anunzi, streams=[CALLS], page_size=10)
        requests = asked(box.anunzi)
    assert_complete(run, box.anunzi, CALLS)
    assert sum(request.status == 400 for request in requests) == 1
    refused = next(request for request in requests if request.status == 400)
    assert sum(request.body == refused.body for request in requests) == 2
