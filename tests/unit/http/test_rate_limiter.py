"""The rate limit: never more starts in a minute than it allows, and no turn lost."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seam import fake_clock

from tap_callexports.concurrency import Cancelled
from tap_callexports.http.rate_limiter import RateLimiter

MINUTE = 60
BUDGETS = st.sampled_from([1, 2, 3, 7, 11, 59, 60, 61, 300, 1199, 1200, 60_000])
#: What a worker does before each of its requests, with shares of the time between two requests.
STEPS = st.lists(
    st.tuples(st.sampled_from(["wait", "pause", "login", "cancel"]), st.floats(0, 5)), max_size=30
)


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self, now: float, late: float) -> None:
        self.now, self.late, self.cancelled = now, late, False

    def sleep(self, seconds: float, _: Event | None = None) -> bool:
        if self.cancelled and seconds:
            return True
        self.now += seconds + (self.late if seconds else 0.0)
        return False


@given(st.floats(0, 10**6), BUDGETS, STEPS, st.sampled_from([0.0, 0.001, 1.0]))
def test_requests_start_as_soon_as_the_budget_and_the_server_allow(
    now: float, per_minute: int, steps: list[tuple[str, float]], late: float
) -> None:
    clock, spacing = Clock(now, late), MINUTE / per_minute
    starts, due = [], 0.0
    with fake_clock(monotonic=lambda: clock.now, sleep=clock.sleep):
        limiter = RateLimiter(at_once=1, per_minute=per_minute)
        for step, share in steps:
            if step == "wait":
                clock.now += share * spacing
            elif step == "pause":
                limiter.pause(share * spacing)
                due = max(due, clock.now + share * spacing)
            ready = max(clock.now, due)
            clock.cancelled = step == "cancel"
            if clock.cancelled and due > clock.now:
                with pytest.raises(Cancelled), limiter.slot():
                    pass
                continue  # it leaves its turn to the next
            with (limiter.for_login() if step == "login" else limiter).slot():
                starts.append(Fraction(clock.now))
            assert ready <= clock.now + 1e-8
            assert clock.now <= ready + late + 1e-8
            due = clock.now + spacing
    # Exactly: as many gaps as the budget has are then never less than a minute.
    assert all(after - before >= Fraction(MINUTE, per_minute) for before, after in pairwise(starts))


def test_without_a_limit_requests_start_at_once_unless_the_server_wants_a_rest() -> None:
    clock = Clock(100.0, 0.0)
    with fake_clock(monotonic=lambda: clock.now, sleep=clock.sleep):
        limiter = RateLimiter(at_once=2, per_minute=None)
        with limiter.slot(), limiter.slot():
            assert clock.now == 100.0
        limiter.pause(5)
        limiter.pause(3)
        with limiter.slot():
            assert clock.now == 105.0


def test_fewer_slots_are_left_when_the_server_refuses_so_many_but_one_at_least() -> None:
    limiter = RateLimiter(at_once=3, per_minute=None)
    for _ in range(5):
        limiter.allow_fewer()
    with limiter.slot():
        assert not limiter._slots.acquire(blocking=False)
    assert limiter._slots.acquire(blocking=False)
