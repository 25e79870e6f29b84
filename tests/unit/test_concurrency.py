"""Work done ahead: results come out in order, and threads end when they are told to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seam import fake_clock

from tap_callexports.concurrency import (
    LARGE_RESULT,
    MAX_BYTES_AHEAD,
    RESULTS_AHEAD,
    Cancelled,
    NotItsTurn,
    Piece,
    Worker,
    in_order,
    interruptible_sleep,
    note_received,
    wait_for_turn,
)

AROUND: ContextVar[str] = ContextVar("AROUND")


@pytest.fixture
def workers_alive() -> Callable[[], int]:
    """How many workers are alive that the test has started, once those that end have ended."""
    before = set(threading.enumerate())

    def alive() -> int:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            left = sum(isinstance(each, Worker) for each in {*threading.enumerate()} - before)
            if not left:
                break
            time.sleep(0.01)
        return left

    return alive


# Pieces of work.


@pytest.mark.covers(160)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), workers=st.integers(1, 8))
def test_the_order_is_that_of_the_serial_run_whatever_finishes_first(
    seed: int, workers: int
) -> None:
    delays = random.Random(seed)

    def piece(number: int) -> Iterator[tuple[int, int]]:
        for step in range(3):
            time.sleep(delays.random() / 2000)
            yield number, step

    pieces = [partial(piece, number) for number in range(30)]
    expected = [(number, step) for number in range(30) for step in range(3)]
    assert list(in_order(pieces, workers)) == expected


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
    assert not workers_alive()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_piece_may_have_to_wait_for_those_under_way(workers: int) -> None:
    given: list[int] = []
    done: list[int] = []

    def in_pairs() -> Iterator[Piece[int] | None]:
        """Pieces two by two, the next two when both are done."""
        while len(given) < 30:
            if len(given) % 2 == 0 and len(done) < len(given):
                yield None
                continue
            given.append(len(given))
            yield partial(iter, given[-1:])

    for number in in_order(in_pairs(), workers):
        assert number == len(done)
        done.append(number)
    assert len(done) == 30


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_more_pieces_are_under_way_than_workers(workers: int) -> None:
    lock, running, most = threading.Lock(), 0, 0

    def piece() -> Iterator[int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        yield 1

    assert sum(in_order([piece] * 30, workers)) == 30
    assert most == workers


def test_few_results_wait_until_those_before_them_are_taken() -> None:
    made = 0

    def piece() -> Iterator[int]:
        nonlocal made
        for number in range(100):
            made += 1
            yield number

    results = in_order([lambda: iter([-1]), piece], 2)
    assert next(results) == -1
    deadline = time.monotonic() + 5
    while made <= RESULTS_AHEAD and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    # Those in the queue, and one that does not fit into it yet.
    assert made == RESULTS_AHEAD + 1
    assert list(results) == list(range(100))


def test_a_failure_comes_after_the_pieces_before_it_and_ends_the_others(
    workers_alive: Callable[[], int],
) -> None:
    def piece(number: int) -> Iterator[int]:
        if number == 5:
            raise RuntimeError("piece five")
        while number > 5:
            interruptible_sleep(0.01)
        yield number

    done: list[int] = []
    with pytest.raises(RuntimeError, match="piece five"):
        done.extend(in_order((partial(piece, number) for number in range(1, 30)), 4))
    assert done == [1, 2, 3, 4]
    assert not workers_alive()


def test_results_that_are_no_longer_wanted_leave_no_thread_behind(
    workers_alive: Callable[[], int],
) -> None:
    def forever() -> Iterator[int]:
        while True:
            yield 1

    results = in_order([forever] * 4, 4)
    next(results)
    results.close()  # type: ignore[attr-defined] # it is a generator
    assert not workers_alive()


def test_a_piece_that_receives_too_much_ahead_of_its_turn_waits_for_it() -> None:
    tried: list[str] = []
    waits = threading.Event()

    def first() -> Iterator[int]:
        waits.wait(5)
        wait_for_turn()
        note_received(MAX_BYTES_AHEAD + 1)  # the oldest piece may receive any number of bytes
        yield 1

    def second() -> Iterator[int]:
        note_received(MAX_BYTES_AHEAD)
        try:
            note_received(1)
        except NotItsTurn:
            tried.append("too early")
            waits.set()
            wait_for_turn()
        note_received(MAX_BYTES_AHEAD + 1)
        yield 2

    assert list(in_order([first, second], 2)) == [1, 2]
    assert tried == ["too early"]


def test_a_piece_that_waits_for_its_turn_ends_when_it_is_cancelled(
    workers_alive: Callable[[], int],
) -> None:
    def second() -> Iterator[int]:
        wait_for_turn()
        yield 2

    results = in_order([lambda: iter([1, 1]), second], 2)
    next(results)
    results.close()  # type: ignore[attr-defined] # it is a generator
    assert not workers_alive()


def test_what_is_received_outside_of_workers_is_not_limited() -> None:
    note_received(MAX_BYTES_AHEAD + 1)
    wait_for_turn()


def test_no_result_is_made_behind_a_large_one_that_waits() -> None:
    made: list[int] = []
    one_was_made = threading.Event()

    def first() -> Iterator[int]:
        one_was_made.wait(5)
        time.sleep(0.1)
        yield 0

    def second() -> Iterator[int]:
        for number in (1, 2):
            note_received(LARGE_RESULT + 1)
            made.append(number)
            one_was_made.set()
            yield number

    results = in_order([first, second], 2)
    assert next(results) == 0
    assert made == [1]
    assert list(results) == [1, 2]


# Workers.


def test_a_cancelled_worker_wakes_from_its_wait() -> None:
    woke = threading.Event()

    def wait() -> None:
        try:
            interruptible_sleep(60)
        except Cancelled:
            woke.set()

    worker = Worker(wait)
    worker.start()
    worker.cancelled.set()
    assert woke.wait(5)


def test_only_the_worker_that_is_cancelled_stops() -> None:
    ended: list[str] = []

    def work(name: str) -> None:
        interruptible_sleep(0.01)
        ended.append(name)

    def wait() -> None:
        try:
            interruptible_sleep(60)
        except Cancelled:
            ended.append("cancelled")

    cancelled, other = Worker(wait), Worker(lambda: work("other"))
    cancelled.cancelled.set()
    for worker in (cancelled, other):
        worker.start()
    for worker in (cancelled, other):
        worker.join(30)
    assert sorted(ended) == ["cancelled", "other"]


def test_a_sleep_is_as_long_as_it_is_told_in_any_thread() -> None:
    slept: list[tuple[float, threading.Event | None]] = []

    def sleep(seconds: float, wake: threading.Event | None) -> bool:
        slept.append((seconds, wake))
        return False

    worker = Worker(lambda: interruptible_sleep(1.5))
    with fake_clock(sleep=sleep):
        worker.start()
        worker.join(30)
        interruptible_sleep(7.5)
    assert slept == [(1.5, worker.cancelled), (7.5, None)]


def test_a_worker_knows_what_was_so_where_it_was_made() -> None:
    seen: list[str] = []
    before = AROUND.set("made")
    worker = Worker(lambda: seen.append(AROUND.get()))
    AROUND.set("started")
    worker.start()
    worker.join(30)
    AROUND.reset(before)
    assert seen == ["made"]


def test_a_worker_does_not_keep_the_process_alive() -> None:
    assert Worker(lambda: None).daemon


def test_being_cancelled_is_no_error_that_is_handled_as_one() -> None:
    assert not issubclass(Cancelled, Exception)
