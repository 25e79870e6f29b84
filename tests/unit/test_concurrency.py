"""Work done ahead: results come out in order, and threads end when they are told to."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.concurrency import (
    LARGE_RESULT,
    MAX_BYTES_AHEAD,
    RESULTS_AHEAD,
    NotItsTurn,
    Worker,
    in_order,
    interruptible_sleep,
    note_received,
    wait_for_turn,
)


def until(ready: Callable[[], bool], seconds: float = 5) -> bool:
    """Wait for something that other threads do; whether it came."""
    deadline = time.monotonic() + seconds
    while not (done := ready()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return done


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    started = {each for each in threading.enumerate() if isinstance(each, Worker)} - before
    assert until(lambda: not any(each.is_alive() for each in started))


def forever(pause: float = 0.0) -> Iterator[int]:
    while True:
        yield 1
        interruptible_sleep(pause)


def close(results: Iterator[int]) -> None:
    results.close()  # type: ignore[attr-defined] # it is a generator


# Pieces of work.


@given(
    lengths=st.lists(st.integers(0, 5), max_size=15),
    workers=st.integers(1, 6),
    seed=st.none() | st.integers(0, 1000),
)
def test_the_order_is_that_of_the_serial_run_whatever_finishes_first(
    lengths: list[int], workers: int, seed: int | None
) -> None:
    delays = random.Random(seed)

    def piece(number: int, length: int) -> Iterator[tuple[int, int]]:
        for step in range(length):
            time.sleep(delays.random() / 2000 if seed else 0)
            yield number, step

    pieces = [partial(piece, number, length) for number, length in enumerate(lengths)]
    expected = [(n, step) for n, length in enumerate(lengths) for step in range(length)]
    assert list(in_order(pieces, workers)) == expected


def test_few_results_wait_until_those_before_them_are_taken() -> None:
    made = 0

    def piece() -> Iterator[int]:
        nonlocal made
        for number in range(100):
            made += 1
            yield number

    results = in_order([lambda: iter([-1]), piece], 2)
    assert next(results) == -1
    assert until(lambda: made > RESULTS_AHEAD)
    time.sleep(0.05)
    # Those in the queue, and one that does not fit into it yet.
    assert made == RESULTS_AHEAD + 1
    assert list(results) == list(range(100))


def test_a_failure_comes_after_the_pieces_before_it_and_ends_the_others() -> None:
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


def test_results_that_are_no_longer_wanted_leave_no_thread_behind() -> None:
    def waits_for_its_turn() -> Iterator[int]:
        wait_for_turn()
        yield 2

    results = in_order([forever, waits_for_its_turn, forever], 3)
    next(results)
    close(results)


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
    note_received(MAX_BYTES_AHEAD + 1)  # outside of workers nothing is limited
    wait_for_turn()


def test_no_result_is_made_behind_a_large_one_that_waits() -> None:
    made: list[int] = []

    def first() -> Iterator[int]:
        until(lambda: bool(made))
        time.sleep(0.1)
        yield 0

    def second() -> Iterator[int]:
        for number in (1, 2):
            note_received(LARGE_RESULT + 1)
            made.append(number)
            yield number

    results = in_order([first, second], 2)
    assert next(results) == 0
    assert made == [1]
    assert list(results) == [1, 2]


# Workers.
