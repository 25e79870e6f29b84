"""Burki's transcripts: what was said in each call that is over, and when that call was."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    answer_with,
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
    failure,
)
from seam import limits
from support import assert_table_is, clock_at

from sandbox.instants import UTC, text

if TYPE_CHECKING:
    from sandbox import Sandbox

TRANSCRIPTS, ONE = "burki_call_transcripts", "/transcripts"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHAPES = pytest.mark.parametrize("shape", ["array", "items"])


@SHAPES
def test_every_segment_is_there_with_the_start_of_its_call(
    box: Sandbox, shape: Literal["array", "items"]
) -> None:
    box.burki.options.list_shape = shape
    run = export(box.burki, streams=[TRANSCRIPTS])
    assert_complete(run, box.burki, TRANSCRIPTS)
    assert_each_once(run, TRANSCRIPTS)
    starts = {row.canonical["id"]: row.canonical["started_at"] for row in box.burki.rows}
    for record in run.records(TRANSCRIPTS):
        assert record["call_started_at"] == starts[record["call_id"]]
        assert record["extra"] is None


def test_a_call_in_which_nothing_was_said_has_no_rows_and_is_no_failure() -> None:
    with empty_sandbox() as box:
        box.burki.add_at(*[NOON + step * HOUR for step in range(20)])
        said = {record["call_id"] for record in box.burki.truth(TRANSCRIPTS).values()}
        run = export(box.burki, streams=[TRANSCRIPTS])
    assert 0 < len(said) < 20
    assert len(asked(box.burki, ONE)) == 20
    assert_complete(run, box.burki, TRANSCRIPTS)


def test_an_account_in_which_nothing_was_said_at_all_is_empty_and_done() -> None:
    with empty_sandbox() as box:
        box.burki.add_at(*[NOON + step * HOUR for step in range(25)])
        answer_with(box.burki, ONE, [])
        run = export(box.burki, streams=[TRANSCRIPTS])
    assert run.code == 0
    assert run.records(TRANSCRIPTS) == []
    assert run.bookmark(TRANSCRIPTS) == "2024-06-01T00:00:00.000000Z"


@pytest.mark.parametrize("status", ["ongoing", "in-progress", "pending"])
def test_calls_that_are_not_over_are_not_asked_for(status: str) -> None:
    with empty_sandbox() as box:
        box.burki.add_at(*[NOON + step * HOUR for step in range(6)])
        going_on = box.burki.add_at(NOON, NOON + HOUR, status=status)
        run = export(box.burki, streams=[TRANSCRIPTS])
    paths = {request.path for request in asked(box.burki, ONE)}
    assert len(paths) == 6
    for row in going_on:
        assert not any(f"/{row.canonical['id']}/" in path for path in paths)
    assert run.code == 0


@pytest.mark.parametrize("status", ["failed", "transferred", "no-answer"])
def test_calls_that_ended_in_any_other_way_are_asked_for(status: str) -> None:
    with empty_sandbox() as box:
        box.burki.add_at(*[NOON + step * HOUR for step in range(6)], status=status)
        run = export(box.burki, streams=[TRANSCRIPTS])
    assert len(asked(box.burki, ONE)) == 6
    assert_complete(run, box.burki, TRANSCRIPTS)


def test_the_filters_of_the_list_decide_which_calls_are_asked_for(box: Sandbox) -> None:
    run = export(box.burki, streams=[TRANSCRIPTS], status="completed", assistant_id=2)
    wanted = {
        record["id"]
        for record in box.burki.truth("burki_call_list").values()
        if (record["status"], record["assistant_id"]) == ("completed", 2)
    }
    truth = {
        key: record
        for key, record in box.burki.truth(TRANSCRIPTS).items()
        if record["call_id"] in wanted
    }
    assert truth
    assert run.code == 0
    assert_table_is(run.table(TRANSCRIPTS), truth)
    requests = asked(box.burki, ONE)
    assert len(requests) == len(wanted)
    assert all(request.query == {} for request in requests)


@SHAPES
@limits(PAGE=10)
def test_a_list_that_is_split_asks_for_no_call_twice(shape: Literal["array", "items"]) -> None:
    with empty_sandbox() as box:
        box.burki.options.list_shape = shape
        box.burki.add(45, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[TRANSCRIPTS], start_date="2024-05-09", max_concurrency=4)
    assert_complete(run, box.burki, TRANSCRIPTS)
    paths = [request.path for request in asked(box.burki, ONE)]
    assert len(paths) == len(set(paths))


def test_a_list_whose_filter_is_ignored_fails_in_the_name_of_the_transcripts(box: Sandbox) -> None:
    box.burki.options.filter_ignored = True
    run = export(box.burki, streams=[TRANSCRIPTS])
    assert TRANSCRIPTS in failure(run, TRANSCRIPTS)
    assert "date_from and date_to" in failure(run, TRANSCRIPTS)


def test_transcripts_that_change_within_the_lookback_come_again() -> None:
    with empty_sandbox() as box:
        segments = box.burki.of(TRANSCRIPTS)
        old, new = segments.add_at(NOON - 30 * HOUR, NOON - 5 * HOUR)
        with clock_at(NOON):
            first = export(box.burki, streams=[TRANSCRIPTS], end_date=text(NOON))
        assert_complete(first, box.burki, TRANSCRIPTS)
        for row in (old, new):
            segments.amend(row, content="revised")
        day = export(
            box.burki, streams=[TRANSCRIPTS], state=first.state, end_date="2024-05-09T13:00:00Z"
        )
        week = export(
            box.burki,
            streams=[TRANSCRIPTS],
            state=first.state,
            end_date="2024-05-09T13:00:00Z",
            details_lookback_hours=100,
            lookback_hours=0,
        )
    found = [
        {record["id"]: record["content"] for record in run.records(TRANSCRIPTS)}
        for run in (day, week)
    ]
    assert found[0] == {new.canonical["id"]: "revised"}
    assert found[1] == {row.canonical["id"]: "revised" for row in (old, new)}


def test_values_of_a_segment_are_kept_whatever_they_are() -> None:
    with empty_sandbox() as box:
        (row,) = box.burki.of(TRANSCRIPTS).add_at(
            NOON, content="\u2028 ñ \0 🙂", confidence=None, stt_timestamps=None
        )
        row.extra_wire = {"confidence": "0.75", "segment_start": "soon", "language": ["es"]}
        run = export(box.burki, streams=[TRANSCRIPTS])
    (record,) = (r for r in run.records(TRANSCRIPTS) if r["id"] == row.canonical["id"])
    assert record["content"] == "\u2028 ñ  🙂"
    assert record["confidence"] == 0.75
    assert record["segment_start"] is None
    assert record["extra"] == {"segment_start": "soon", "language": ["es"]}
