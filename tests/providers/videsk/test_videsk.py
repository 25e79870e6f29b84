"""Videsk's cap: whatever it is and however it is told, no call is missing in silence."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from provider_runs import (
    after_requests,
    assert_complete,
    assert_complete_or_loud,
    assert_each_once,
    assert_safe,
    busiest_second,
    empty_sandbox,
    export,
    failure,
    warnings_in,
)
from support import assert_table_is, upserted

from sandbox.instants import MILLISECOND, SECOND, UTC

if TYPE_CHECKING:
    from sandbox.table import Ends
    from sandbox.videsk import VideskApi

CALLS = "videsk_calls"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
Declared: TypeAlias = Literal["yes", "no", "text", "lying"]
Shape: TypeAlias = Literal["uniform", "bursty", "one_instant"]

#: The days of an export, by how its calls lie in time; a burst is looked at closely.
_SPANS = {
    "uniform": ("2024-05-01", "2024-06-01"),
    "bursty": ("2024-05-01", "2024-06-01"),
    "one_instant": ("2024-05-09T11:59:59Z", "2024-05-09T12:00:01Z"),
}
_SMALL_CAPS = [
    (cap, rows, declared, shape)
    for cap, rows in ((1, 12), (2, 24), (5, 60), (1000, 2300))
    for declared in ("yes", "no", "text")
    for shape in ("uniform", "bursty", "one_instant")
]
_LARGE_CAPS = [
    (cap, rows, "lying", shape)
    for cap, rows in ((1000, 2300), (1700, 4000))
    for shape in ("uniform", "bursty", "one_instant")
] + [
    (5000, 5600, "yes", "one_instant"),
    *[(5000, 10_400, declared, "bursty") for declared in ("yes", "no", "text", "lying")],
    (5000, 5600, "yes", "uniform"),
    (10_000, 10_600, "no", "bursty"),
]


def _fill(api: VideskApi, rows: int, shape: Shape) -> None:
    if shape == "uniform":
        api.add(rows, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 20, tzinfo=UTC))
    elif shape == "bursty":
        for day in (2, 9):
            begin = datetime(2024, 5, day, 12, tzinfo=UTC)
            api.add(rows // 2, begin, begin + timedelta(minutes=10))
    else:
        api.add_at(*[NOON] * rows)


@pytest.mark.parametrize(("cap", "rows", "declared", "shape"), _SMALL_CAPS + _LARGE_CAPS)
@pytest.mark.covers(1, 6, 7)
def test_no_cap_cuts_an_export_in_silence(
    cap: int, rows: int, declared: Declared, shape: Shape
) -> None:
    with empty_sandbox() as box:
        _fill(box.videsk, rows, shape)
        box.videsk.options.cap = cap
        box.videsk.options.cap_declared = declared
        start, end = _SPANS[shape]
        # Where an answer names no usable cap, the setting tells it.
        run = export(box.videsk, start_date=start, end_date=end, max_records=cap)
    if busiest_second(box.videsk) < cap:
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
    else:
        assert_complete_or_loud(run, box.videsk, CALLS)


@pytest.mark.covers(2)
def test_an_answer_as_long_as_the_cap_may_also_be_the_whole_window() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 40
        start = NOON - timedelta(hours=12)
        box.videsk.add_at(*[start + number * timedelta(minutes=36) for number in range(40)])
        run = export(box.videsk, start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.videsk, CALLS)
    assert len(box.videsk.requests) <= 3


@pytest.mark.parametrize("lower", [20, 3])
@pytest.mark.covers(5)
def test_a_cap_that_is_lowered_in_mid_run_is_noticed_by_the_answer_that_names_it(
    lower: int,
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 50
        box.videsk.add(200, NOON, NOON + timedelta(days=9))
        after_requests(box.videsk, 3, "", lambda: setattr(box.videsk.options, "cap", lower))
        run = export(box.videsk)
    assert box.videsk.options.cap == lower
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.covers(4)
def test_ten_quiet_years_whose_calls_are_all_in_the_last_second_are_complete() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 30
        last = datetime(2024, 5, 31, 23, 59, 59, tzinfo=UTC)
        box.videsk.add_at(*[last + n * 20 * MILLISECOND for n in range(45)])
        run = export(box.videsk, start_date="2014-06-01")
    assert_complete(run, box.videsk, CALLS)
    assert_each_once(run, CALLS)
    assert len(box.videsk.requests) < 200


def test_a_cap_that_is_not_named_is_said_to_be_assumed_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap_declared = "no"
        box.videsk.add(30, NOON, NOON + timedelta(days=9))
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)
    assert len(warnings_in(caplog, "videsk.max_records")) == 1


@pytest.mark.parametrize("cap", [3, 10])
def test_a_second_that_both_ends_reach_into_is_complete(cap: int) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = cap
        # The two answers share two rows in opposite order: there is nothing between them.
        box.videsk.add_at(*[NOON + 7 * n * MILLISECOND for n in range(1, 2 * cap - 1)])
        run = export(box.videsk)
    assert len(box.videsk.rows) == 2 * cap - 2
    assert_complete(run, box.videsk, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.parametrize("rows", [6, 40])
@pytest.mark.covers(3)
def test_a_second_with_more_calls_than_both_ends_reach_fails_and_is_named(rows: int) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 3
        box.videsk.add(20, NOON - timedelta(days=3), NOON - timedelta(days=1))
        box.videsk.add_at(*[NOON + n * 11 * MILLISECOND for n in range(1, rows + 1)])
        run = export(box.videsk)
        assert "2024-05-09T12:00:00.000000Z" in failure(run, CALLS)
        assert (run.bookmark(CALLS) or "") <= "2024-05-09T12:00:00.000000Z"
        assert_safe(run, box.videsk, CALLS)
        assert len(run.table(CALLS)) >= 20

        # Once the provider has raised the cap, the next run goes on from there.
        box.videsk.options.cap = 100
        again = export(box.videsk, state=run.state)
    assert again.code == 0
    assert_table_is(upserted(run.table(CALLS), again, CALLS), box.videsk.truth(CALLS))


def test_calls_of_one_instant_that_tie_the_same_way_from_both_ends_prove_nothing() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 4
        box.videsk.options.ties = "stable"
        box.videsk.add_at(*[NOON + SECOND / 2] * 6)
        run = export(box.videsk)
    assert "2024-05-09T12:00:00.000000Z" in failure(run, CALLS)
    assert_safe(run, box.videsk, CALLS)


@pytest.mark.parametrize("cap", [6, 5000])
@pytest.mark.parametrize("ends", ["[]", "[)", "(]", "()"])
def test_the_ends_of_a_range_may_or_may_not_belong_to_it(ends: Ends, cap: int) -> None:
    midnights = [datetime(2024, 5, day, tzinfo=UTC) for day in range(1, 31)]
    around = [-SECOND, -MILLISECOND, timedelta(), MILLISECOND, SECOND]
    instants = [at + shift for at in midnights for shift in around]
    with empty_sandbox() as box:
        box.videsk.options.cap = cap
        box.videsk.options.range_ends = ends
        box.videsk.add_at(*[at for at in instants if at >= midnights[0]])
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)
    assert_each_once(run, CALLS)


def test_an_end_between_two_milliseconds_leaves_out_no_call_before_it() -> None:
    with empty_sandbox() as box:
        box.videsk.options.range_ends = "[)"
        box.videsk.add_at(NOON, NOON + 123 * MILLISECOND)
        run = export(box.videsk, end_date="2024-05-09T12:00:00.123456Z")
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.covers(108)
@pytest.mark.parametrize("status", [200, 201])
def test_any_2xx_is_an_answer(status: int) -> None:
    with empty_sandbox() as box:
        box.videsk.options.status = status
        box.videsk.add(30, NOON, NOON + timedelta(days=2))
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)
