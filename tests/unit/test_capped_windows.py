"""Windows for capped responses: sized by the last week, and never by what is read meanwhile."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta, timezone
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.traffic import instants
from tap_callexports.cap import Cap
from tap_callexports.windows import MONTH, QUIET, CappedPlanner, CappedWindow, ClosedWindow, Window

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


def requests_for(times: list[datetime], days: int, real: int, limit: int, workers: int) -> int:
    """How many requests it takes to read calls at these times.

    Args:
        times: Of the calls, sorted.
        days: How long the span is.
        real: Where responses are cut.
        limit: Where the server says that they are.
        workers: Windows read at once.
    """
    plan = planner(Cap(limit), Window(START, START + days * DAY))
    ahead: list[Window] = []
    requests = 0
    while True:
        while len(ahead) < workers and (window := plan.next_window()):
            ahead.append(window)
        if not ahead:
            return requests
        todo = [ahead.pop(0)]
        while todo:
            part = todo.pop()
            assert isinstance(part, CappedWindow)
            rows = bisect_left(times, part.end) - bisect_left(times, part.start)
            requests += 1
            if part.cap.is_complete(min(rows, real), limit):
                close(plan, part, rows)
            else:
                todo += reversed(part.split() or ())


@cache
def calls(rows: int, days: int, kind: str) -> list[datetime]:
    """Times of calls, in office hours or at even distances."""
    if kind == "even":
        return [START + number * days * DAY / rows for number in range(rows)]
    return instants(Random(1), rows, START, START + days * DAY, timedelta(milliseconds=1))


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("kind", ["office hours", "even"])
@pytest.mark.parametrize(
    ("rows", "days", "cap", "most"),
    [
        pytest.param(60_000, 31, 5000, 30, id="a busy month"),
        pytest.param(60_000, 366, 100_000, 30, id="a year"),
        pytest.param(36_000, 366, 5000, 25, id="a quieter year"),
    ],
)
def test_few_more_requests_are_sent_than_full_responses_are_needed(
    rows: int, days: int, cap: int, most: int, kind: str, workers: int
) -> None:
    assert requests_for(calls(rows, days, kind), days, cap, cap, workers) <= most


@pytest.mark.parametrize(("real", "most"), [(1000, 150), (3001, 45)])
def test_a_cap_that_is_lower_than_the_server_says_is_found_out(real: int, most: int) -> None:
    times = calls(60_000, 366, "office hours")
    assert requests_for(times, 366, real, 100_000, workers=2) <= most


@given(
    rows=st.lists(st.integers(0, 30_000), max_size=40),
    workers=st.integers(1, 5),
    limit=st.sampled_from([1, 40, 5000, 100_000]),
)
def test_a_plan_covers_its_span_without_gap_or_overlap(
    rows: list[int], workers: int, limit: int
) -> None:
    span = Window(START, START + 4 * DAY, {"form_id": "7"}, HOUR)
    plan, counts, at = planner(Cap(limit), span), iter(rows), span.start
    waiting: list[Window] = []
    for _ in range(200):
        while len(waiting) < workers and (window := plan.next_window()):
            assert window.start == at < window.end
            assert (window.only, window.granule) == (span.only, HOUR)
            at = window.end
            waiting.append(window)
        if not waiting:
            assert at == span.end
            return
        close(plan, waiting.pop(0), next(counts, 0))


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

    plan = planner(Cap(5000, 5000, 5000))
    for _ in range(9):
        close(plan, planned(plan), 3750)
    assert plan._density() == (7 * 3750, 7 * DAY)


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


def test_windows_without_calls_grow_to_a_year() -> None:
    plan, windows = planner(Cap(5000)), []
    while window := plan.next_window():
        windows.append(window)
        close(plan, window, 0)
    assert len(windows) <= 16
    assert max(window.length for window in windows) == QUIET


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
