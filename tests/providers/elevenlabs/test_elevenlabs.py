"""ElevenLabs Agents: whole seconds, stale cursors, late details, and two kinds of 429."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from provider_runs import FOR_EVER, asked, assert_complete, empty_sandbox, export, truth_where
from support import DAY, HOUR, SECOND, UTC, failure, warnings_in

from sandbox import Fault, Sandbox

LIST, DETAILS = "elevenlabs_conversations", "elevenlabs_conversation_details"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
ONE = "/conversations/"


# The list.


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_every_second_is_read_once_whatever_the_ends_of_the_range_mean(
    sort: Any, *, after: bool, before: bool
) -> None:
    with empty_sandbox() as box:
        options = box.elevenlabs.options
        options.after_included, options.before_included, options.sort = after, before, sort
        # In each second around the ends of the first windows, three that share it.
        ends = [NOON.replace(day=day, hour=0) for day in (1, 2, 6)]
        box.elevenlabs.add_at(*(end + n * SECOND for end in ends for n in (-1, 0, 1)), *ends, *ends)
        truth = {key: row for key, row in box.truth(LIST).items() if row["start_time"] >= "2024-05"}
        run = export(box.elevenlabs, page_size=2)
    assert 0 < len(truth) < len(box.elevenlabs.rows)
    assert_complete(run, box.elevenlabs, truth=truth)


def test_a_request_is_a_second_wider_than_its_window_on_both_sides(box: Sandbox) -> None:
    export(box.elevenlabs, start_date="2024-05-01T00:00:00", end_date="2024-05-01T01:00:00.5")
    [request] = asked(box.elevenlabs)
    # The last second inside begins half a second before the end.
    begin, end = 1714521600, 1714525200
    assert request.query["call_start_after_unix"] == str(begin - 1)
    assert request.query["call_start_before_unix"] == str(end + 1)
    assert request.query["summary_mode"] == "include"


@pytest.mark.parametrize("page_max", [100, 3])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_short_pages_and_a_stale_cursor_do_not_end_a_list_or_prolong_it(
    box: Sandbox, page_max: int, sort: Any
) -> None:
    options = box.elevenlabs.options
    options.page_max, options.stale_cursor, options.sort = page_max, True, sort
    run = export(box.elevenlabs, page_size=50)
    assert_complete(run, box.elevenlabs)
    keys = [json.dumps(request.query, sort_keys=True) for request in asked(box.elevenlabs)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("refusal", [400, 404, 422])
def test_an_expired_cursor_splits_the_window(box: Sandbox, refusal: int) -> None:
    options = box.elevenlabs.options
    options.cursor_ttl_pages, options.cursor_refusal_status = 2, refusal
    run = export(box.elevenlabs, page_size=5)
    assert refusal in {request.status for request in asked(box.elevenlabs)}
    assert_complete(run, box.elevenlabs)


def test_an_ignored_range_costs_one_warning_and_one_scan(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.elevenlabs.options.range_ignored = True
    run = export(box.elevenlabs, max_concurrency=1, start_date="2024-05-10", end_date="2024-05-20")
    truth = truth_where(
        box.elevenlabs, LIST, lambda row: "2024-05-10" <= row["start_time"] < "2024-05-20"
    )
    assert_complete(run, box.elevenlabs, truth=truth)
    assert len(warnings_in(caplog, "does not apply the time range")) == 1
    assert len(asked(box.elevenlabs)) <= 1 + 2


@pytest.mark.parametrize("refusals", [1, 2, 8])
def test_a_scan_is_read_from_its_start_again_after_a_refused_cursor(
    box: Sandbox, caplog: pytest.LogCaptureFixture, refusals: int
) -> None:
    caplog.set_level("INFO")
    box.elevenlabs.options.range_ignored = True
    box.elevenlabs.faults.add(
        Fault("status", status=404, times=refusals), when=lambda r: "cursor" in r.query, skip=2
    )
    run = export(box.elevenlabs, max_concurrency=1, page_size=20, start_date="2024-05-10")
    truth = truth_where(box.elevenlabs, LIST, lambda row: row["start_time"] >= "2024-05-10")
    if refusals < 8:
        assert_complete(run, box.elevenlabs, truth=truth)
    else:
        assert "the server refused its own next_cursor" in failure(run, LIST)
    firsts = [request for request in asked(box.elevenlabs) if "cursor" not in request.query]
    assert len(firsts) == 1 + 1 + min(refusals // 2, 3)
    assert caplog.text.count("reading the list from its start again") == len(firsts) - 2


def test_agents_are_requested_one_by_one(box: Sandbox) -> None:
    agents = sorted({row.canonical["agent_id"] for row in box.elevenlabs.rows})[:2]
    run = export(box.elevenlabs, agent_ids=agents, streams=[LIST, DETAILS])
    for stream in (LIST, DETAILS):
        truth = truth_where(box.elevenlabs, stream, lambda row: row["agent_id"] in agents)
        assert_complete(run, box.elevenlabs, stream, truth=truth)
    lists = [request for request in asked(box.elevenlabs) if ONE not in request.path]
    assert {request.query["agent_id"] for request in lists} == set(agents)


def test_chats_and_messages_come_as_what_they_are(box: Sandbox) -> None:
    run = export(box.elevenlabs, streams=[LIST, DETAILS])
    assert_complete(run, box.elevenlabs, LIST, DETAILS)
    sources = {record["conversation_initiation_source"] for record in run.records(LIST)}
    assert {"twilio", "widget", "whatsapp", "twilio_sms"} <= sources
    assert {record["metadata"]["text_only"] for record in run.records(DETAILS)} == {True, False}


# Single conversations.


def test_a_conversation_that_its_details_call_unfinished_waits_for_a_later_run(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    box.elevenlabs.options.late_details = True
    run = export(box.elevenlabs, streams=[LIST, DETAILS])
    assert_complete(run, box.elevenlabs, LIST, DETAILS)
    missing = len(run.records(LIST)) - len(run.records(DETAILS))
    assert missing > 10
    assert [line for line in caplog.messages if f"skipped {missing} unfinished calls" in line]

    box.elevenlabs.options.late_details = False
    assert_complete(export(box.elevenlabs, streams=[DETAILS]), box.elevenlabs, DETAILS)


def test_only_finished_conversations_are_requested_and_those_once() -> None:
    with empty_sandbox() as box:
        for number, status in enumerate(
            ("initiated", "in-progress", "processing", "done", "failed")
        ):
            box.elevenlabs.add_at(NOON + number * HOUR, status=status)
        run = export(box.elevenlabs, streams=[DETAILS])
    assert {record["status"] for record in run.records(DETAILS)} == {"done", "failed"}
    assert len(asked(box.elevenlabs, ONE)) == 2


def test_the_start_is_that_of_the_metadata_and_an_id_is_one_part_of_the_path() -> None:
    with empty_sandbox() as box:
        box.elevenlabs.add_at(NOON, conversation_id="a/b?c=1&d #ñ")
        run = export(box.elevenlabs, streams=[DETAILS])
    [record] = run.records(DETAILS)
    assert record["start_time"] == "2024-05-09T12:00:00.000000Z"
    assert record["metadata"]["start_time_unix_secs"] == NOON.timestamp()
    assert_complete(run, box.elevenlabs, DETAILS)


def test_headers_of_tools_links_and_secret_variables_are_never_exported(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    run = export(box.elevenlabs, streams=[DETAILS])
    assert_complete(run, box.elevenlabs, DETAILS)
    written = json.dumps(run.lines) + caplog.text
    assert "tool_details" in written
    for secret in ("canary-secret", "secret__crm", '"headers"', '"file_url"'):
        assert secret not in written


# Limits.


@pytest.mark.parametrize("wait", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_fewer_requests_run_at_once_after_the_server_refuses_so_many(
    box: Sandbox, wait: str
) -> None:
    options = box.elevenlabs.options
    options.most_at_once, options.retry_after = 2, wait
    box.elevenlabs.faults.add(Fault("slow", seconds=0.01, times=FOR_EVER))
    run = export(box.elevenlabs, streams=[DETAILS], max_concurrency=6)
    assert_complete(run, box.elevenlabs, DETAILS)
    requests = asked(box.elevenlabs)
    refused = [number for number, request in enumerate(requests) if request.status == 429]
    # Each refusal takes one of the six away; some come at the same time.
    assert 0 < len(refused) <= 12
    assert max(refused) < len(requests) / 2


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_no_more_requests_run_at_once_than_are_set(box: Sandbox, at_once: int) -> None:
    box.elevenlabs.faults.add(Fault("slow", seconds=0.005, times=FOR_EVER))
    run = export(box.elevenlabs, streams=[LIST, DETAILS], max_concurrency=at_once)
    assert_complete(run, box.elevenlabs, LIST, DETAILS)
    assert box.elevenlabs.most_in_flight == at_once


def test_a_busy_server_is_waited_for_and_loses_no_slot(box: Sandbox) -> None:
    box.elevenlabs.faults.add(Fault("status", status=429, times=3), skip=2)
    box.elevenlabs.faults.add(Fault("slow", seconds=0.005, times=FOR_EVER), ONE, skip=50)
    run = export(box.elevenlabs, streams=[DETAILS], max_concurrency=2)
    assert_complete(run, box.elevenlabs, DETAILS)
    assert box.elevenlabs.most_in_flight == 2


@pytest.mark.parametrize("detail", ["object", "text"])
def test_an_error_is_quoted_whatever_its_form(box: Sandbox, detail: Any) -> None:
    box.elevenlabs.options.detail = detail
    line = failure(export(box.elevenlabs, api_key="wrong"), LIST)
    assert "elevenlabs.api_key was refused" in line
    assert "Invalid API key" in line


# Figures.


@pytest.mark.parametrize(("conversations", "days"), [(1000, 7), (1000, 30), (1000, 365)])
def test_pages_are_full_where_conversations_are_spread_evenly(
    conversations: int, days: int
) -> None:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    end, step = start + days * DAY, days * DAY / conversations
    with empty_sandbox() as box:
        box.elevenlabs.add_at(*(start + number * step for number in range(conversations)))
        run = export(box.elevenlabs, start_date=start.isoformat(), end_date=end.isoformat())
    assert_complete(run, box.elevenlabs)
    assert len(asked(box.elevenlabs)) <= 1.3 * conversations / 100
