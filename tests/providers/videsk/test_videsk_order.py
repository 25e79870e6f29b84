"""Videsk may sort by something else than it filters by, or not at all: no call is lost by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    assert_complete,
    assert_complete_or_loud,
    empty_sandbox,
    export,
)

from sandbox.instants import UTC

if TYPE_CHECKING:
    from sandbox import Sandbox

CALLS = "videsk_calls"
DAY = datetime(2024, 5, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def _busy_sandbox(rows: int, cap: int, seed: int = 1) -> Sandbox:
    """Two bursts of calls, each too many for one answer."""
    box = empty_sandbox(seed)
    box.videsk.options.cap = cap
    for day in (DAY, DAY + timedelta(days=1)):
        box.videsk.add(rows // 2, day + 12 * HOUR, day + 12 * HOUR + 10 * MINUTE)
    return box


@pytest.mark.parametrize(("cap", "rows"), [(40, 350), (1000, 2500)])
@pytest.mark.parametrize("order", ["reversed_ignored", "shuffled"])
@pytest.mark.covers(9)
def test_answers_in_another_order_than_asked_are_complete(
    order: Literal["reversed_ignored", "shuffled"], cap: int, rows: int
) -> None:
    with _busy_sandbox(rows, cap) as box:
        box.videsk.options.order = order
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cap", [2, 5])
def test_newest_first_is_never_short_in_silence_however_small_the_cap(cap: int, seed: int) -> None:
    with _busy_sandbox(30, cap, seed) as box:
        box.videsk.options.order = "reversed_ignored"
        run = export(box.videsk)
    assert_complete_or_loud(run, box.videsk, CALLS)


def test_no_order_at_all_is_never_short_in_silence_however_small_the_cap() -> None:
    for seed in range(4):
        with _busy_sandbox(30, 2, seed) as box:
            box.videsk.options.order = "shuffled"
            run = export(box.videsk)
        assert_complete_or_loud(run, box.videsk, CALLS)


@pytest.mark.parametrize("shift", [20 * timedelta(seconds=1), 3 * MINUTE, 6 * HOUR])
def test_a_filter_on_another_time_than_the_start_is_complete_below_the_cap(
    shift: timedelta,
) -> None:
    with _busy_sandbox(300, 5000) as box:
        box.videsk.separate_filter_field(shift)
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.parametrize("shift", [20 * timedelta(seconds=1), 3 * MINUTE, 6 * HOUR])
def test_a_filter_on_another_time_is_complete_where_the_order_shows_it(shift: timedelta) -> None:
    with _busy_sandbox(350, 40) as box:
        box.videsk.separate_filter_field(shift)
        box.videsk.options.order = "reversed_ignored"
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)


@pytest.mark.parametrize(
    ("rows", "cap", "shift"),
    [
        (60, 5, 3 * MINUTE),
        (100, 20, 20 * timedelta(seconds=1)),
        (350, 100, 3 * MINUTE),
        (1500, 500, 2 * HOUR),
        (2200, 1000, 3 * MINUTE),
    ],
)
def test_a_capped_filter_on_another_time_is_never_short_in_silence(
    rows: int, cap: int, shift: timedelta
) -> None:
    for seed in range(8 if rows < 1000 else 3):
        with _busy_sandbox(rows, cap, seed) as box:
            box.videsk.separate_filter_field(shift)
            run = export(box.videsk, max_records=cap)
        assert_complete_or_loud(run, box.videsk, CALLS)


@pytest.mark.parametrize(("rows", "cap"), [(300, 50), (350, 100), (2500, 1000)])
def test_few_calls_filed_long_before_they_start_are_never_lost_in_silence(
    rows: int, cap: int
) -> None:
    for seed in range(6):
        with empty_sandbox(seed) as box:
            box.videsk.options.cap = cap
            box.videsk.add(rows, DAY + 12 * HOUR, DAY + 12 * HOUR + 10 * MINUTE)
            box.videsk.separate_filter_field(0 * MINUTE)
            for row in box.videsk.rows[::50]:
                # Called back after a while; the range acts on when they asked for it.
                row.at -= 45 * MINUTE
            run = export(box.videsk)
        assert_complete_or_loud(run, box.videsk, CALLS)
