"""Burki's list: windows that fit one page, never a second page, and never fewer calls than told."""

from __future__ import annotations

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
    warnings_in,
)
from seam import limits
from support import assert_table_is, clock_at

from sandbox.instants import MICROSECOND, MILLISECOND, SECOND, UTC
from tap_callexports.providers.burki import streams as burki_client

if TYPE_CHECKING:
    from sandbox import Api, Sandbox
    from sandbox.http import LoggedRequest

LIST, COUNT = "burki_call_list", "/calls/count"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Shape = Literal["array", "items"]
Count = Literal["right", "missing", "wrong_high", "error"]
Total = Literal["right", "high", "low"]
SHAPES = pytest.mark.parametrize("shape", ["array", "items"])


def _pages(api: Api) -> list[LoggedRequest]:
    """The requests of the list itself."""
    return [request for request in asked(api) if request.path.endswith("/calls/")]


def _assert_never_paged(api: Api) -> None:
    pages = _pages(api)
    assert pages
    for request in pages:
        assert request.query["limit"] == "1000"
        assert "skip" not in request.query
        assert request.status == 200
    assert all("limit" not in request.query for request in asked(api, COUNT))


@SHAPES
def test_both_shapes_give_every_call(box: Sandbox, shape: Shape) -> None:
    box.burki.options.list_shape = shape
    run = export(box.burki, streams=[LIST])
    assert_complete(run, box.burki, LIST)
    assert_each_once(run, LIST)
    _assert_never_paged(box.burki)
    costs = {record["total_cost"] is not None for record in run.records(LIST)}
    assert (True in costs) == (shape == "items")


@pytest.mark.covers(32)
@SHAPES
@pytest.mark.parametrize("rows", [999, 1000, 1001, 2600])
def test_more_calls_than_a_page_holds_are_split_and_never_paged(rows: int, shape: Shape) -> None:
    with empty_sandbox() as box:
        box.burki.options.list_shape = shape
        box.burki.add(rows, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.burki, LIST)
    assert_each_once(run, LIST)
    _assert_never_paged(box.burki)
    assert (len(_pages(box.burki)) == 1) == (rows == 999)


@pytest.mark.covers(32)
@SHAPES
@pytest.mark.parametrize("page", [3, 10])
def test_calls_that_started_together_are_all_there(shape: Shape, page: int) -> None:
    with limits(PAGE=page), empty_sandbox() as box:
        box.burki.options.list_shape = shape
        # Pairs of one microsecond, across the places where windows are cut.
        instants = [NOON + step * 11 * SECOND for step in range(40)]
        box.burki.add_at(*instants, *instants, NOON + DAY - MICROSECOND, NOON + DAY)
        run = export(box.burki, streams=[LIST])
    assert_complete(run, box.burki, LIST)
    assert_each_once(run, LIST)
    assert all("skip" not in request.query for request in _pages(box.burki))


@pytest.mark.covers(33)
@SHAPES
@limits(PAGE=10)
def test_more_calls_in_a_second_than_a_page_holds_fail_and_are_named(shape: Shape) -> None:
    with empty_sandbox() as box:
        box.burki.options.list_shape = shape
        box.burki.add(8, NOON - 4 * DAY, NOON - DAY)
        box.burki.add_at(*[NOON + step * MILLISECOND for step in range(12)])
        run = export(box.burki, streams=[LIST])
        assert "2024-05-09T12:00:00" in failure(run, LIST)
        assert_safe(run, box.burki, LIST)
        assert (run.bookmark(LIST) or "") <= "2024-05-09T12:00:00.000000Z"
        assert len(run.table(LIST)) >= 8


@pytest.mark.parametrize("count", ["right", "missing", "wrong_high", "error"])
@pytest.mark.parametrize("total", ["right", "high", "low"])
def test_a_wrong_total_loses_nothing_in_silence(total: Total, count: Count) -> None:
    with empty_sandbox() as box:
        options = box.burki.options
        options.list_total, options.count = total, count
        box.burki.add(60, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    if total == "right" or count == "right" or (total == "low" and count != "wrong_high"):
        assert_complete(run, box.burki, LIST)
    else:
        # Both say that there is more: nobody can tell.
        assert "are counted" in failure(run, LIST)
    assert_complete_or_loud(run, box.burki, LIST)


@SHAPES
@pytest.mark.parametrize("count", ["missing", "error"])
def test_without_a_count_the_length_of_a_page_decides_and_it_is_said_once(
    box: Sandbox,
    caplog: pytest.LogCaptureFixture,
    shape: Shape,
    count: Literal["missing", "error"],
) -> None:
    box.burki.options.list_shape, box.burki.options.count = shape, count
    run = export(box.burki, streams=[LIST])
    assert_complete(run, box.burki, LIST)
    # A page that tells its total needs no count.
    assert len(warnings_in(caplog, "count")) == (1 if shape == "array" else 0)
    assert len(asked(box.burki, COUNT)) <= burki_client.COUNT_TRIES


@pytest.mark.parametrize("most", [100, 20])
@pytest.mark.parametrize(
    ("shape", "count", "total"),
    [
        ("items", "right", "right"),
        ("items", "missing", "right"),
        ("items", "right", "low"),
        ("array", "right", "right"),
    ],
)
def test_a_page_that_is_shorter_than_asked_for_is_noticed(
    most: int, shape: Shape, count: Count, total: Total
) -> None:
    with empty_sandbox() as box:
        options = box.burki.options
        options.list_limit_max, options.list_shape = most, shape
        options.count, options.list_total = count, total
        box.burki.add(3 * most, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.burki, LIST)
    assert_each_once(run, LIST)
    assert all("skip" not in request.query for request in _pages(box.burki))


def test_a_page_that_is_shorter_than_asked_for_is_noticed_where_nothing_is_counted() -> None:
    with empty_sandbox() as box:
        options = box.burki.options
        options.list_limit_max, options.list_shape, options.count = 100, "array", "missing"
        box.burki.add(350, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.burki, LIST)


def test_a_total_that_agrees_with_a_cut_page_by_chance_is_not_believed() -> None:
    with empty_sandbox() as box:
        options = box.burki.options
        # Of 112 calls the page holds 100, and that is what the total says.
        options.list_limit_max, options.list_total = 100, "low"
        box.burki.add(112, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.burki, LIST)


@SHAPES
@pytest.mark.parametrize("rows", [30, 1200])
def test_an_ignored_filter_fails(rows: int, shape: Shape) -> None:
    with empty_sandbox() as box:
        box.burki.options.filter_ignored = True
        box.burki.options.list_shape = shape
        box.burki.add(rows, NOON - 20 * DAY, NOON + 20 * DAY)
        run = export(box.burki, streams=[LIST])
    assert "date_from and date_to" in failure(run, LIST)
    assert_safe(run, box.burki, LIST)
    assert len(asked(box.burki)) < 40


@SHAPES
def test_status_and_assistant_are_the_server_s_filters(box: Sandbox, shape: Shape) -> None:
    box.burki.options.list_shape = shape
    run = export(box.burki, streams=[LIST], status="completed", assistant_id=2)
    truth = {
        key: record
        for key, record in box.burki.truth(LIST).items()
        if record["status"] == "completed" and record["assistant_id"] == 2
    }
    assert truth
    assert run.code == 0
    assert_table_is(run.table(LIST), truth)
    for request in asked(box.burki):
        assert (request.query["status"], request.query["assistant_id"]) == ("completed", "2")


def test_an_assistant_that_does_not_exist_is_named(box: Sandbox) -> None:
    run = export(box.burki, streams=[LIST], assistant_id=99)
    assert "burki.assistant_id" in failure(run, LIST)


@pytest.mark.covers(82, 83, 86)
def test_costs_are_unknown_while_a_call_goes_on_and_filled_later() -> None:
    with empty_sandbox() as box:
        (row,) = box.burki.add_at(NOON, status="ongoing", duration=None, ended_at=None)
        with clock_at(datetime(2024, 5, 10, tzinfo=UTC)):
            first = export(box.burki, streams=[LIST], end_date="2024-05-10")
        assert_complete(first, box.burki, LIST)
        assert first.records(LIST)[0]["total_cost"] is None
        assert first.records(LIST)[0]["cost_currency"] is None
        over = {"status": "completed", "duration": 75, "ended_at": NOON + HOUR}
        box.burki.amend(row, **over)
        second = export(box.burki, streams=[LIST], state=first.state, end_date="2024-05-11")
    assert_complete(second, box.burki, LIST)
    assert second.records(LIST)[0]["total_cost"] > 0


@SHAPES
def test_windows_join_and_are_asked_for_in_naive_utc(box: Sandbox, shape: Shape) -> None:
    box.burki.options.list_shape = shape
    export(box.burki, streams=[LIST])
    pages = _pages(box.burki)
    ends = [request.query["date_to"] for request in pages]
    starts = [request.query["date_from"] for request in pages]
    assert len(pages) > 2
    assert all(end.endswith(".999999") for end in ends)
    for end, start in zip(ends, starts[1:], strict=False):
        assert datetime.fromisoformat(end) + MICROSECOND == datetime.fromisoformat(start)


def test_a_page_as_long_as_a_cap_may_be_is_not_taken_for_whole_where_nothing_is_counted() -> None:
    with empty_sandbox() as box:
        options = box.burki.options
        options.list_limit_max, options.list_total, options.count = 50, "low", "error"
        box.burki.add(52, NOON, NOON + 9 * HOUR)
        run = export(box.burki, streams=[LIST], start_date="2024-05-09", end_date="2024-05-10")
    assert_complete_or_loud(run, box.burki, LIST)
    assert_complete(run, box.burki, LIST)
