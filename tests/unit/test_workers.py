"""Workers: they stop when they are told to, and know where they were made."""

from __future__ import annotations

import threading
from contextvars import ContextVar

from seam import fake_clock

from tap_callexports.concurrency import Cancelled, Worker, interruptible_sleep

AROUND: ContextVar[str] = ContextVar("AROUND")


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
