"""The request budget: never more starts in a minute than it has, and no turn lost."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seam import fake_clock

from tap_callexports.concurrency import Cancelled, interruptible_sleep
from tap_callexports.http.rate_limiter import RateLimiter

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
MINUTE = 60


class Actor:
    """A thread of a World.

    Args:
        world: Where it lives.
        work: What it does.
    """

    def __init__(self, world: World, work: Callable[[], None]) -> None:
        self.cancelled = self.asleep = False
        self.turn = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, args=(world, work), daemon=True)

    def _run(self, world: World, work: Callable[[], None]) -> None:
        self.turn.acquire()
        try:
            work()
        except Cancelled:
            world.tell("gone")
        world.idle.release()


class World:
    """Threads that run one at a time, and a clock that moves when all of them wait.

    Args:
        dice: Decide who is first of those that wake together, and how late one wakes.
        late: Seconds a thread wakes late, at most.
    """

    def __init__(self, dice: Random, late: float = 0.0) -> None:
        self.now = 1_000_000 * dice.random()
        self.idle = threading.Semaphore(0)
        #: What happened: when, what, and who or until when.
        self.story: list[tuple[float, str, Any]] = []
        self._dice, self._late = dice, late
        self._queue: list[tuple[float, float, Callable[[], None]]] = []
        self._actor: Actor | None = None

    def monotonic(self) -> float:
        return self.now

    def tell(self, what: str, about: object = None) -> None:
        self.story.append((self.now, what, about or self._actor))

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, self._dice.random(), action))

    def begin(self, when: float, work: Callable[[], None]) -> Actor:
        actor = Actor(self, work)
        actor.thread.start()
        self.at(when, lambda: self._let(actor))
        return actor

    def run(self) -> None:
        """Everything, until nothing is left to happen."""
        while self._queue:
            when, _, action = heapq.heappop(self._queue)
            self.now = max(self.now, when)
            action()

    def sleep(self, seconds: float, _: threading.Event | None = None) -> bool:
        """What workers do instead of sleeping; says whether they are cancelled."""
        actor = self._actor
        assert actor is not None
        late = self._late * self._dice.random() if seconds else 0.0
        actor.asleep = True
        self.at(self.now + seconds + late, lambda: self._wake(actor))
        self.block(actor)
        return actor.cancelled

    def block(self, actor: Actor) -> None:
        self.idle.release()
        actor.turn.acquire()

    def cancel(self, actor: Actor) -> None:
        actor.cancelled = True
        self._wake(actor)

    def slots(self, size: int) -> Slots:
        return Slots(self, size)

    def _wake(self, actor: Actor) -> None:
        if actor.asleep:
            actor.asleep = False
            self._let(actor)

    def _let(self, actor: Actor) -> None:
        self._actor = actor
        actor.turn.release()
        self.idle.acquire()


class Slots:
    """A semaphore of a World."""

    def __init__(self, world: World, size: int) -> None:
        self._world, self._free = world, size
        self._waiting: list[Actor] = []

    def __enter__(self) -> None:
        world, actor = self._world, self._world._actor
        assert actor is not None
        while not self._free:
            self._waiting.append(actor)
            world.block(actor)
        self._free -= 1
        world.tell("waits")

    def __exit__(self, *_: object) -> None:
        self._free += 1
        if self._waiting:
            actor, world = self._waiting.pop(0), self._world
            world.at(world.now, lambda: world._let(actor))


@contextmanager
def gate(world: World, at_once: int, per_minute: int) -> Iterator[RateLimiter]:
    """A gate in a world, for as many workers at once."""
    with (
        fake_clock(monotonic=world.monotonic, sleep=world.sleep),
        patch("threading.BoundedSemaphore", world.slots),
    ):
        yield RateLimiter(at_once=at_once, per_minute=per_minute)


def live(seed: int, per_minute: int, at_once: int, late: float) -> World:
    """Workers that come when they like, wait long for answers, are told to rest, are cancelled."""
    dice = Random(seed)
    world = World(dice, late)
    spacing = MINUTE / per_minute
    rush = dice.choice([0.0, 0.3, 3.0]) * spacing

    def work() -> None:
        for _ in range(dice.randint(1, 6)):
            interruptible_sleep(rush * dice.random())
            if dice.random() < 0.15:
                with throttle.for_login().slot():
                    world.tell("starts")
                    interruptible_sleep(spacing * dice.random())
            with throttle.slot():
                world.tell("starts")
                interruptible_sleep(spacing * dice.choice([0.0, 0.5, 4.0]) * dice.random())
            if dice.random() < 0.1:
                rest = dice.choice([0.5, 5.0]) * spacing * dice.random()
                throttle.pause(rest)
                world.tell("rests", world.now + rest)

    with gate(world, at_once, per_minute) as throttle:
        began = world.now
        for _ in range(dice.randint(1, 12)):
            actor = world.begin(began + 4 * rush * dice.random(), work)
            if dice.random() < 0.3:
                when = began + 12 * spacing * dice.random()
                world.at(when, lambda actor=actor: world.cancel(actor))  # type: ignore[misc] # bound now
        world.run()
    return world


def starts_in(world: World) -> list[float]:
    return [when for when, what, _ in world.story if what == "starts"]


BUDGETS = st.sampled_from([1, 2, 3, 7, 11, 59, 60, 61, 300, 1199, 1200, 60_000])


@pytest.mark.covers(118)
@PROPERTY
@given(st.integers(0, 10**9), BUDGETS, st.integers(1, 12), st.sampled_from([0.0, 0.001, 1.0]))
def test_in_no_60_seconds_do_more_requests_start_than_the_budget_has(
    seed: int, per_minute: int, at_once: int, late: float
) -> None:
    world = live(seed, per_minute, at_once, late)
    exact = list(map(Fraction, starts_in(world)))
    # Exactly: as many gaps as the budget has are then never less than a minute.
    assert all(after - before >= Fraction(MINUTE, per_minute) for before, after in pairwise(exact))
    assert all(
        after - before >= MINUTE for before, after in zip(exact, exact[per_minute:], strict=False)
    )


@pytest.mark.covers(118)
@PROPERTY
@given(st.integers(0, 10**9), BUDGETS, st.integers(1, 12), st.sampled_from([0.0, 0.001, 1.0]))
def test_nothing_starts_while_the_server_wants_a_rest(
    seed: int, per_minute: int, at_once: int, late: float
) -> None:
    rest = 0.0
    for when, what, until in live(seed, per_minute, at_once, late).story:
        if what == "rests":
            rest = max(rest, until)
        assert what != "starts" or when >= rest


@pytest.mark.covers(118)
@PROPERTY
@given(st.integers(0, 10**9), BUDGETS, st.integers(1, 12))
def test_while_somebody_waits_no_turn_is_lost(seed: int, per_minute: int, at_once: int) -> None:
    world = live(seed, per_minute, at_once, late=0.0)
    waiting: set[Any] = set()
    due = since = 0.0
    for when, what, about in world.story:
        if waiting:
            # Rounding alone may make it later than the first moment at which it could start.
            assert when <= max(due, since) + 1e-8 or what == "rests", f"{what} at {when}, due {due}"
        if what == "waits":
            since = since if waiting else when
            waiting.add(about)
        elif what == "rests":
            due = max(due, about)
        else:
            waiting.discard(about)
            since = when
            if what == "starts":
                due = max(due, when + MINUTE / per_minute)
    assert not waiting


def test_a_worker_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    world = World(Random(1))

    def work() -> None:
        with throttle.slot():
            world.tell("starts")

    with gate(world, 3, 60) as throttle:
        began = world.now
        world.begin(began, work)
        second = world.begin(began + 0.1, work)
        world.begin(began + 0.5, work)
        world.at(began + 0.9, lambda: world.cancel(second))
        world.run()
    assert [what for _, what, _ in world.story if what != "waits"] == ["starts", "gone", "starts"]
    assert [when - began for when in starts_in(world)] == pytest.approx([0.0, 1.0])
