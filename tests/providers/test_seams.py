"""Where windows are split, read on, reopened or given up: every row once, no bookmark too early."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
from provider_runs import (
    after_requests,
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    warnings_in,
    with_columns,
)
from support import Run, catalog_of, clock_at, kept_signals

from sandbox import Fault, Sandbox
from sandbox.instants import UTC, text
from tap_callexports.tap import TapCallExports

CALLS, UNSTARTED = "anunzi_calls", "anunzi_unstarted_calls"
DAY = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.covers(41, 160)
def test_no_bookmark_passes_a_half_that_was_not_read_yet(box: Sandbox) -> None:
    stream = "twin24_calls"
    run = export(box.twin24, streams=[stream], max_records=4, lookback_hours=0)
    assert_complete(run, box.twin24, stream)
    states = [number for number, line in enumerate(run.lines, 1) if line["type"] == "STATE"]
    for number in states:
        assert_safe(Run(0, run.lines[:number]), box.twin24, stream)
    # More than the planned windows would have: they were split.
    assert len(states) > 31


@pytest.mark.covers(24, 103)
def test_calls_handed_over_before_a_window_was_split_do_not_come_twice() -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(*(DAY + 2 * HOUR * number + HOUR for number in range(12)))
        # The second page of the day is too much for the server, then the first of its half.
        box.anunzi.faults.add(Fault("status", status=413, times=4), skip=1)
        run = export(box.anunzi, streams=[CALLS], page_size=10, max_concurrency=1)
        assert_complete(run, box.anunzi, CALLS)
        assert_each_once(run, CALLS)


def test_a_misfit_of_a_call_that_comes_twice_is_counted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        for row in box.anunzi.add_at(*(DAY + 2 * HOUR * number + HOUR for number in range(12))):
            row.extra_wire = {"duration_ms": "long"}
        box.anunzi.faults.add(Fault("status", status=413, times=4), skip=1)
        run = export(box.anunzi, streams=[CALLS], page_size=10, max_concurrency=1)
    assert len(run.records(CALLS)) == 12
    assert "12 invalid values in column duration_ms" in caplog.text


@pytest.mark.covers(14)
def test_a_filter_that_is_ignored_from_some_day_on_brings_nothing_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(*(DAY + 6 * HOUR * number for number in range(120)))
        options = box.anunzi.options
        options.wrong_dialect = "ignore"

        def forget() -> None:
            options.dialect = "retell"

        after_requests(box.anunzi, 2, "list-calls", forget)
        run = export(box.anunzi, streams=[CALLS], page_size=1000, max_concurrency=1)
        assert_complete(run, box.anunzi, CALLS)
        assert_each_once(run, CALLS)
    (line,) = warnings_in(caplog, "filter_dialect")
    assert "reading the rest as one scan" in line


@pytest.mark.covers(14, 16)
def test_calls_at_the_ends_of_windows_do_not_speak_against_the_filter(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(*(DAY + 6 * HOUR * number for number in range(120)))
        run = export(box.anunzi, streams=[CALLS])
        assert_complete(run, box.anunzi, CALLS)
        assert_each_once(run, CALLS)
    assert warnings_in(caplog) == []


@pytest.mark.covers(31)
def test_a_call_that_comes_twice_does_not_hide_one_that_does_not_come() -> None:
    stream = "twin24_calls"
    with empty_sandbox() as box:
        api = box.twin24
        first = api.of(stream).add_at(*(DAY + HOUR * number for number in range(1, 21)))

        def shift() -> None:
            # One more at the head, one less further on: the count stays.
            api.of(stream).add_at(DAY + HOUR / 2)
            api.of(stream).remove(api.of(stream).rows[12])

        after_requests(api, 1, "cis/calls", shift)
        run = export(api, streams=[stream], page_size=5, max_concurrency=1)
        assert run.code == 0
        assert len(api.of(stream).rows) == len(first)
        assert set(api.truth(stream)) <= set(run.table(stream))


@pytest.mark.covers(154)
def test_the_bookmarks_of_forms_that_were_handed_over_are_not_changed(box: Sandbox) -> None:
    config: dict[str, Any] = {
        "videsk": box.videsk.config(),
        "start_date": "2024-05-01",
        "end_date": "2024-06-01",
    }
    (form, *_) = config["videsk"]["form_ids"]
    partition = {"context": {"form_id": form}, "replication_key_value": text(DAY)}
    state = {"bookmarks": {"videsk_forms": {"partitions": [partition]}}}
    before = copy.deepcopy(state)
    with kept_signals():
        tap = TapCallExports(
            config=config, state=state, catalog=catalog_of(config, ["videsk_forms"])
        )
        assert tap.run() == 0
    assert state == before


@pytest.mark.covers(140)
def test_columns_the_tap_itself_needs_are_asked_for_though_they_are_not_selected(
    box: Sandbox,
) -> None:
    catalog = with_columns(box.twin24, "twin24_incoming_calls", "duration")
    run = export(box.twin24, catalog=catalog, company_ids=[1])
    assert run.code == 0
    lists = [request for request in asked(box.twin24) if "fields" in request.query]
    assert lists
    for request in lists:
        assert {"callId", "companyId", "startedAt"} <= set(request.query["fields"].split(","))


@pytest.mark.covers(74)
def test_an_end_date_to_come_does_not_move_the_bookmark_there(box: Sandbox) -> None:
    run = export(box.anunzi, streams=[CALLS], end_date="2999-01-01")
    assert run.code == 0
    assert (run.bookmark(CALLS) or "9") < text(datetime.now(UTC))


@pytest.mark.covers(96)
def test_a_long_lookback_is_read_in_one_go(box: Sandbox) -> None:
    with clock_at(box.end):
        first = export(box.anunzi, streams=[CALLS])
        before = len(asked(box.anunzi))
        again = export(box.anunzi, streams=[CALLS], state=first.state, lookback_hours=20 * 24)
    assert again.code == 0
    assert len(again.records(CALLS)) > 50
    assert len(asked(box.anunzi)) - before == 1
