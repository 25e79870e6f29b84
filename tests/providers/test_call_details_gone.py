"""Calls that are gone or cannot be read: a few are left out, all of them are a wrong path."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from detail_streams import BURKI, EACH, HOUR, MINUTE, Details
from provider_runs import (
    answer_with,
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    failure,
    warnings_in,
)
from support import assert_table_is, upserted

from sandbox import Fault
from tap_callexports.detail_stream import NOT_FOUND_AT_FIRST


@EACH
@pytest.mark.parametrize("status", [404, 422])
@pytest.mark.parametrize("workers", [1, 4])
def test_calls_that_are_gone_are_left_out_and_counted_in_one_warning(
    kind: Details, workers: int, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        rows = kind.add(box, 30, 11 * HOUR)
        kind.refuse(box, rows[2:5], status)
        run = kind.run(box, max_concurrency=workers)
        gone = {row.canonical[kind.key] for row in rows[2:5]}
        truth = kind.of(box).truth(kind.stream)
    assert run.code == 0
    there = {key: row for key, row in truth.items() if row[kind.call] not in gone}
    assert len(there) < len(truth)
    assert_table_is(run.table(kind.stream), there)
    (warning,) = warnings_in(caplog)
    assert "3 of 30 calls" in warning
    assert kind.stream in warning
    assert run.bookmark(kind.stream) == "2024-06-01T00:00:00.000000Z"


@EACH
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("step", [MINUTE, 17 * HOUR], ids=["one window", "many windows"])
def test_a_path_no_call_is_at_fails_and_leaves_everything_to_the_next_run(
    kind: Details, step: timedelta, workers: int
) -> None:
    with empty_sandbox() as box:
        kind.add(box, NOT_FOUND_AT_FIRST + 10, step)
        kind.of(box).faults.add(Fault("status", status=404, times=10**9), kind.one)
        run = kind.run(box, max_concurrency=workers)
        requests = len(asked(kind.of(box), kind.one))
        kind.of(box).faults.clear()
        again = kind.run(box, state=run.state)
    line = failure(run, kind.stream)
    assert kind.setting in line
    assert kind.path.replace("{}", "{") in line.replace("{call_id}", "{").replace("{id}", "{")
    assert requests <= NOT_FOUND_AT_FIRST + 4 * workers
    assert run.records(kind.stream) == []
    assert_complete(again, kind.of(box), kind.stream)


@EACH
def test_one_call_less_that_is_gone_says_nothing_of_the_path(
    kind: Details, caplog: pytest.LogCaptureFixture
) -> None:
    with empty_sandbox() as box:
        rows = kind.add(box, NOT_FOUND_AT_FIRST - 1 + 40)
        kind.refuse(box, rows[: NOT_FOUND_AT_FIRST - 1], 404)
        kind.refuse(box, rows[-NOT_FOUND_AT_FIRST:], 404)
        run = kind.run(box, end_date="2024-05-10")
    there = {row.canonical[kind.key] for row in rows[19:-20]}
    assert run.code == 0
    assert there >= {record[kind.call] for record in run.records(kind.stream)}
    assert len(run.records(kind.stream)) >= 20
    assert len(warnings_in(caplog, "39 of 59 calls")) == 1


@EACH
def test_failures_that_pass_are_tried_again(kind: Details) -> None:
    with empty_sandbox() as box:
        kind.add(box, 20)
        api = kind.of(box)
        for trouble in ("status", "reset", "cut_body", "cut_json", "html", "empty"):
            api.faults.add(Fault(trouble, times=2), kind.one, skip=3)
        run = kind.run(box, max_concurrency=4)
    assert_complete(run, api, kind.stream)
    assert_each_once(run, kind.stream)


@EACH
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("status", [400, 403, 500, 504])
def test_a_call_that_cannot_be_read_fails_the_stream_with_a_safe_bookmark(
    kind: Details, status: int, workers: int
) -> None:
    with empty_sandbox() as box:
        rows = kind.add(box, 40, 9 * HOUR)
        kind.refuse(box, [rows[25]], status)
        run = kind.run(box, max_concurrency=workers)
        api = kind.of(box)
        line = failure(run, kind.stream)
        assert kind.stream in line
        assert str(status) in line
        assert_safe(run, api, kind.stream)
        assert run.bookmark(kind.stream)
        api.faults.clear()
        again = kind.run(box, state=run.state)
    assert again.code == 0
    table = upserted(run.table(kind.stream), again, kind.stream)
    assert_table_is(table, api.truth(kind.stream))


@EACH
@pytest.mark.parametrize("body", [{"call_id": "call_other"}, [{"id": 1, "call_id": 10**9}], []])
def test_an_answer_about_another_call_is_refused(kind: Details, body: Any) -> None:
    with empty_sandbox() as box:
        kind.add(box, 3)
        answer_with(kind.of(box), kind.one, body)
        run = kind.run(box)
    if kind is BURKI and body == []:
        assert run.code == 0  # a call in which nothing was said
    else:
        assert kind.stream in failure(run, kind.stream)
    assert run.records(kind.stream) == []
