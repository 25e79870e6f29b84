"""Windows read ahead come out in order, from no more workers than allowed, and stop when told."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from batch_of import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_callexports.compat import override
from tap_callexports.concurrency import (
    Event,
    Piece,
    Read,
    Worker,
    fetch_ahead,
    in_order,
    interruptible_sleep,
)
from tap_callexports.records.batch import Batch
from tap_callexports.windows import ClosedWindow, Planner, Window

START = datetime(2024, 5, 1, tzinfo=timezone.utc)
SPAN = Window(START, START + timedelta(days=30))


class Days(Planner):
    """Windows of a day each, whatever they hold."""

    @override
    def learn(self, closed: ClosedWindow) -> None: ...


def plan() -> Planner:
    return Days(SPAN, first_step=timedelta(days=1))


def fetch(read: Read, workers: int) -> Iterator[Event]:
    return fetch_ahead(plan(), read, workers, lambda: SPAN.end)


def read_rows(**record: int) -> Batch:
    return batch_of([record])


@pytest.fixture
def workers_alive() -> Callable[[], int]:
    """How many workers are alive that the test has started."""
    before = set(threading.enumerate())
    return lambda: sum(isinstance(each, Worker) for each in {*threading.enumerate()} - before)


@pytest.mark.covers(160)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), workers=st.integers(1, 8))
def test_the_order_is_that_of_the_serial_run_whatever_finishes_first(
    seed: int, workers: int
) -> None:
    delays = random.Random(seed)

    def read(window: Window) -> Iterator[Event]:
        for number in range(3):
            time.sleep(delays.random() / 2000)
            yield read_rows(day=window.start.day, n=number)
        yield ClosedWindow(window, 3, 1)

    ends: list[datetime] = []
    rows: list[Hashable] = []
    for event in fetch(read, workers):
        if isinstance(event, ClosedWindow):
            ends.append(event.window.end)
        else:
            rows += event.keys(("day", "n"))
    assert rows == sorted(rows)  # type: ignore[type-var] # pairs of numbers
    assert ends == sorted(ends)
    assert ends[-1] == SPAN.end


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_plan_may_wait_for_the_windows_under_way(workers: int) -> None:
    class InPairs(Planner):
        """Gives out two windows, and the next two when both are closed."""

        given = closed = 0

        @override
        def next_window(self) -> Window | None:
            if self.given == self.closed + 2 or (self.given > self.closed and self.given % 2 == 0):
                return None
            window = super().next_window()
            self.given += window is not None
            return window

        @override
        def learn(self, closed: ClosedWindow) -> None:
            self.closed += 1

    def read(window: Window) -> Iterator[Event]:
        yield ClosedWindow(window, 0, 1)

    plan = InPairs(SPAN, first_step=timedelta(days=1))
    assert sum(1 for _ in fetch_ahead(plan, read, workers, lambda: SPAN.end)) == 30


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(0, 9), max_size=25), workers=st.integers(1, 6))
def test_pieces_of_any_length_come_out_one_after_the_other(
    lengths: list[int], workers: int
) -> None:
    def piece(number: int, length: int) -> Piece[tuple[int, int]]:
        return lambda: ((number, step) for step in range(length))

    pieces = [piece(number, length) for number, length in enumerate(lengths)]
    expected = [(n, step) for n, length in enumerate(lengths) for step in range(length)]
    assert list(in_order(pieces, workers)) == expected


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_pieces_are_taken_only_when_there_is_room(workers: int) -> None:
    taken = 0

    def pieces() -> Iterator[Piece[int]]:
        nonlocal taken
        for number in range(30):
            taken += 1
            yield partial(iter, [number])

    for number in in_order(pieces(), workers):
        assert taken <= number + workers


@pytest.mark.parametrize("workers", [1, 4])
def test_pieces_that_run_out_with_an_error_leave_no_thread_behind(
    workers: int, workers_alive: Callable[[], int]
) -> None:
    def forever() -> Iterator[int]:
        while True:
            yield 1
            interruptible_sleep(0.001)

    def pieces() -> Iterator[Piece[int]]:
        yield lambda: iter([0])
        if workers > 1:
            yield forever
        raise RuntimeError("no more pieces")

    with pytest.raises(RuntimeError, match="no more pieces"):
        list(in_order(pieces(), workers))
    deadline = time.monotonic() + 5
    while workers_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not workers_alive()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_more_windows_are_under_way_than_workers(workers: int) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def read(window: Window) -> Iterator[Event]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        yield ClosedWindow(window, 1, 1)

    assert sum(1 for _ in fetch(read, workers)) == 30
    assert most == workers


@pytest.mark.parametrize("workers", [1, 4])
def test_no_window_is_begun_after_the_end_has_become_earlier(workers: int) -> None:
    end = SPAN.end
    begun: list[int] = []

    def read(window: Window) -> Iterator[Event]:
        nonlocal end
        begun.append(window.start.day)
        end = START + timedelta(days=10)
        yield ClosedWindow(window, 1, 1)

    for _ in fetch_ahead(plan(), read, workers, lambda: end):
        pass
    assert sorted(begun) == list(range(1, 11))


def test_a_failure_comes_after_the_windows_before_it_and_ends_the_others(
    workers_alive: Callable[[], int],
) -> None:
    def read(window: Window) -> Iterator[Event]:
        if window.start.day == 5:
            raise RuntimeError("window five")
        while window.start.day > 5:
            interruptible_sleep(0.01)
        yield ClosedWindow(window, 1, 1)

    closed: list[Event] = []
    with pytest.raises(RuntimeError, match="window five"):
        closed.extend(fetch(read, 4))
    assert len(closed) == 4
    deadline = time.monotonic() + 5
    while workers_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not workers_alive()


def test_an_export_that_is_no_longer_wanted_leaves_no_thread_behind(
    workers_alive: Callable[[], int],
) -> None:
    def read(window: Window) -> Iterator[Event]:
        while True:
            yield read_rows(day=window.start.day)

    events = fetch(read, 4)
    next(events)
    events.close()  # type: ignore[attr-defined] # it is a generator
    deadline = time.monotonic() + 5
    while workers_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not workers_alive()
