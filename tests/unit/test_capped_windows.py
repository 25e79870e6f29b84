"""Windows for capped responses: sized by the last week, and never by what is read meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tap_callexports.cap import Cap
from tap_callexports.windows import MONTH, CappedPlanner, CappedWindow, ClosedWindow, Window

START = datetime(2024, 5, 1, tzinfo=timezone.utc)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
YEARS = Window(START, START + 3000 * DAY, {"form_id": "7"}, HOUR)


def planner(cap: Cap, span: Window = YEARS, first_step: timedelta = DAY) -> CappedPlanner:
    return CappedPlanner(span, first_step=first_step, cap=cap)


def planned(plan: CappedPlanner) -> CappedWindow:
    window = plan.next_window()
    assert isinstance(window, CappedWindow)
    return window


def close(plan: CappedPlanner, window: Window, rows: int) -> None:
    plan.learn(ClosedWindow(window, rows, 1))


def test_windows_that_one_response_may_not_hold_are_read_alone_to_learn_of_the_cap() -> None:
    plan = planner(Cap(5000))
    first = planned(plan)
    assert first.length == DAY
    assert plan.next_window() is None, "nothing is known yet"
    first.cap.is_complete(900, 5000)
    close(plan, first, 900)
    exploring = planned(plan)
    # Three quarters of 4 x 1,000 rows.
    assert exploring.length == DAY * 3000 / 900 // SECOND * SECOND
    assert plan.next_window() is None
    exploring.cap.is_complete(5000, 5000)
    close(plan, exploring, 6000)
    one, other = planned(plan), planned(plan)
    assert one.length == other.length < exploring.length


@pytest.mark.parametrize(
    ("cap", "rows", "step"),
    [
        # Three quarters of the cap, or of 20,000 rows,
        (5000, 3750, DAY),
        (1000, 750, DAY),
        (100_000, 15_000, DAY),
        (5000, 7500, DAY / 2),
        # and at most four times as long as the time the density is from,
        (5000, 1, 4 * DAY),
        # and at least a second.
        (1, 10**6, SECOND),
    ],
)
def test_windows_aim_at_three_quarters_of_the_cap(cap: int, rows: int, step: timedelta) -> None:
    plan = planner(Cap(cap, cap, cap))
    close(plan, planned(plan), rows)
    assert planned(plan).length == step


@pytest.mark.parametrize(("rows", "fits"), [(900, True), (901, False)])
def test_a_window_surely_fits_up_to_nine_tenths_of_the_cap(rows: int, *, fits: bool) -> None:
    plan = CappedPlanner(YEARS, first_step=DAY, cap=Cap(1000, 1000, 1000), target_rows=10**6)
    close(plan, planned(plan), rows)
    plan._step = DAY
    planned(plan)
    assert (plan.next_window() is not None) is fits


def test_density_is_that_of_the_last_week() -> None:
    plan = planner(Cap(5000, 5000, 5000))
    close(plan, planned(plan), 3750)
    for _ in range(8):
        window = planned(plan)
        close(plan, window, round(1875 * (window.length / DAY)))
    assert 1.9 * DAY < planned(plan).length <= 2 * DAY


def test_a_window_with_calls_is_no_longer_than_a_month_or_two_where_it_will_be_halved() -> None:
    plan = planner(Cap(5000, 5000, 5000))
    close(plan, planned(plan), 1)
    while (window := planned(plan)).length < MONTH:
        close(plan, window, 1)
    close(plan, window, 1)
    assert planned(plan).length == MONTH

    plan = planner(Cap(100_000, 1100))
    for _ in range(4):
        window = planned(plan)
        close(plan, window, round(50 * (window.length / DAY)))
    assert window.length == 2 * MONTH


def test_a_window_knows_of_the_cap_what_was_known_when_it_was_planned() -> None:
    cap = Cap(5000, 5000, 5000)
    plan = planner(cap)
    close(plan, planned(plan), 3000)
    one, other = planned(plan), planned(plan)
    one.cap.is_complete(6000, 7000)
    assert other.cap == cap == Cap(5000, 5000, 5000)
    close(plan, one, 3000)
    assert cap == Cap(7000, 6000, 5000)
    assert other.cap == Cap(5000, 5000, 5000)
    assert one == CappedWindow(one.start, one.end, cap=Cap(2)), "only times are compared"


def test_halves_share_what_they_learn_and_it_is_passed_on_with_the_last_of_them() -> None:
    cap = Cap(5000)
    plan = planner(cap)
    window = planned(plan)
    halves = window.split()
    assert halves is not None
    window.cap.is_complete(1800, 5000)
    assert [half.cap.longest for half in halves if isinstance(half, CappedWindow)] == [1800, 1800]
    close(plan, halves[0], 900)
    assert cap.longest == 0
    close(plan, halves[1], 900)
    assert cap.longest == 1800
