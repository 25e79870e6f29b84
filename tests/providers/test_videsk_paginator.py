"""Videsk's dialogue against a model server: a list, a cap and a slice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.instants import MILLISECOND, SECOND, UTC, floor, text
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.normalise import Batch, Record
from tap_callexports.core.window import Window
from tap_callexports.providers.videsk.paginator import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    TRUSTED_ROWS,
    WALKABLE_ROWS,
    Answer,
    Ask,
    Cap,
    TimeWalk,
    first_ask,
    joined,
)

PROPERTY = settings(deadline=None, derandomize=True, max_examples=400)
#: For properties known not to hold: the first counterexample will do.
DAY = datetime(2024, 5, 9, tzinfo=UTC)
Ends: TypeAlias = Literal["[]", "[)", "(]", "()"]
Order: TypeAlias = Literal["honest", "newest_first", "by_id"]
ENDS: tuple[Ends, ...] = ("[]", "[)", "(]", "()")


@dataclass(frozen=True)
class Call:
    """A call: when it starts, and the time the server's filter acts on."""

    id: str
    start: datetime
    filtered: datetime


@dataclass
class Model:
    """A server that cuts its answers; `named` is the cap it tells, if it tells any."""

    calls: list[Call]
    cap: int
    named: int | None
    ends: Ends = "[]"
    order: Order = "honest"
    cut: bool = False

    def answer(self, ask: Ask) -> Answer:
        """The first rows of a range, in this server's order."""
        first, last = self.ends
        found = [
            call
            for call in self.calls
            if (ask.start < call.filtered or (first == "[" and ask.start == call.filtered))
            and (call.filtered < ask.end or (last == "]" and ask.end == call.filtered))
        ]
        found.sort(key=lambda call: (call.start, call.id))
        if self.order == "by_id":
            found.sort(key=lambda call: call.id)
        elif (ask.sort == NEWEST_FIRST) != (self.order == "newest_first"):
            found.reverse()
        self.cut = len(found) > self.cap
        rows = [{"id": c.id, "time": text(floor(c.start, SECOND))} for c in found[: self.cap]]
        return Answer(Batch(rows), self.named)


def calls_at(*millis: int, shifts: tuple[int, ...] = ()) -> list[Call]:
    """A call at each of these milliseconds of the day, filtered by a time that much later."""
    moved = [*shifts, *[0] * len(millis)]
    # Ids say nothing of the time, so that an order by id is no order by time.
    return [
        Call(f"{number * 7919 % 1009:04}", at, at + moved[number] * MILLISECOND)
        for number, at in enumerate(DAY + ms * MILLISECOND for ms in millis)
    ]


#: Milliseconds within a minute or within four seconds: ties, and many calls in one second.
CROWDS = st.one_of(
    st.lists(st.integers(0, 59_999), max_size=40),
    st.lists(st.integers(0, 3_999), max_size=40),
    st.lists(st.sampled_from([0, 1, 999, 1000, 1001, 1999, 2000]), max_size=20),
)

#: More calls than an answer holds, and answers long enough to be walked behind.
MANY = st.lists(st.integers(0, 59_999), min_size=60, max_size=200)
CAPS = st.integers(WALKABLE_ROWS, 2 * WALKABLE_ROWS)


def walk(server: Model, window: Window, *, walkable: int = WALKABLE_ROWS) -> set[str] | None:
    """Ids of a finished walk; None where the walk asks for the window to be split."""
    cap = Cap(server.named or server.cap)
    paginator = TimeWalk(window, "time", ("id",), cap, walkable=walkable)
    found: set[str] = set()
    # A walk advances by at least a second with each answer, and looks at each one twice at most.
    for _ in range(2 * int(window.length / SECOND) + 4):
        page = server.answer(paginator.current_value)
        found |= {record["id"] for record in page.batch.records}
        try:
            paginator.advance(page)
        except WindowTooLarge:
            return None
        if paginator.finished:
            return found
    raise AssertionError("the walk does not end")


def inside(server: Model, window: Window) -> set[str]:
    return {call.id for call in server.calls if window.start <= call.filtered < window.end}


MINUTE = Window(DAY, DAY + timedelta(minutes=1))


@PROPERTY
@given(millis=CROWDS, cap=st.integers(1, 12), ends=st.sampled_from(ENDS), named=st.booleans())
def test_a_walk_that_ends_has_seen_every_call_of_the_window(
    millis: list[int], cap: int, ends: Ends, *, named: bool
) -> None:
    server = Model(calls_at(*millis), cap, cap if named else None, ends)
    found = walk(server, MINUTE, walkable=1)
    assert found is None or inside(server, MINUTE) <= found


@PROPERTY
@given(CROWDS, st.integers(1, 12), st.sampled_from(ENDS))
def test_a_walk_ends_wherever_no_second_is_as_full_as_an_answer(
    millis: list[int], cap: int, ends: Ends
) -> None:
    # A millisecond of the second before is asked for with each second.
    shared = Counter(ms // 1000 for ms in millis) + Counter(
        ms // 1000 + 1 for ms in millis if ms % 1000 == 999
    )
    cap += max(shared.values(), default=0)
    server = Model(calls_at(*millis), cap, cap, ends)
    assert walk(server, MINUTE, walkable=1) is not None


@PROPERTY
@given(MANY, CAPS, st.sampled_from(ENDS))
def test_a_server_that_answers_newest_first_is_never_walked_past_a_call(
    millis: list[int], cap: int, ends: Ends
) -> None:
    server = Model(calls_at(*millis), cap, cap, ends, "newest_first")
    found = walk(server, MINUTE)
    assert found is None or inside(server, MINUTE) <= found


@PROPERTY
@given(MANY, CAPS)
def test_a_server_without_order_is_never_walked_past_a_call(millis: list[int], cap: int) -> None:
    server = Model(calls_at(*millis), cap, cap, order="by_id")
    found = walk(server, MINUTE)
    assert found is None or inside(server, MINUTE) <= found


@PROPERTY
@given(st.integers(0, 10**9), CAPS)
def test_a_server_that_filters_by_another_time_is_never_walked_past_a_call(
    seed: int, cap: int
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(60_000) for _ in range(200)]
    shifts = tuple(dice.randrange(-9_000, 9_000) for _ in millis)
    server = Model(calls_at(*millis, shifts=shifts), cap, cap)
    found = walk(server, MINUTE)
    assert found is None or inside(server, MINUTE) <= found


@PROPERTY
@given(
    seed=st.integers(0, 10**9),
    cap=st.integers(1, WALKABLE_ROWS - 1) | st.integers(80, 150),
    ends=st.sampled_from(ENDS),
)
def test_a_crowd_of_an_honest_server_is_walked_to_its_end(seed: int, cap: int, ends: Ends) -> None:
    dice = Random(seed)
    server = Model(calls_at(*[dice.randrange(60_000) for _ in range(200)]), cap, cap, ends)
    found = walk(server, MINUTE)
    if cap < WALKABLE_ROWS:
        # Answers of few rows cannot show the server's order: the window is split instead.
        assert found is None
    else:
        assert found is not None
        assert inside(server, MINUTE) <= found


def _two_answers() -> tuple[TimeWalk, list[Record], list[Record]]:
    """A walk after its first answer, that answer's rows, and those of the next one."""
    server = Model(calls_at(*range(0, 60_000, 500)), 60, 60)
    paginator = TimeWalk(MINUTE, "time", ("id",), Cap(60))
    first = server.answer(paginator.current_value)
    paginator.advance(first)
    assert not paginator.finished
    return paginator, first.batch.records, server.answer(paginator.current_value).batch.records


def test_a_short_answer_that_begins_where_the_last_one_ended_ends_the_walk() -> None:
    paginator, _, following = _two_answers()
    paginator.advance(Answer(Batch(following[:30]), 60))
    assert paginator.finished


def test_an_answer_that_lacks_a_row_of_the_one_before_it_stops_the_walk() -> None:
    paginator, _, following = _two_answers()
    with pytest.raises(WindowTooLarge):
        paginator.advance(Answer(Batch(following[1:30]), 60))


def test_an_answer_with_a_row_from_before_its_range_stops_the_walk() -> None:
    paginator, first, following = _two_answers()
    with pytest.raises(WindowTooLarge):
        paginator.advance(Answer(Batch([first[0], *following[:30]]), 60))


@PROPERTY
@given(
    st.lists(st.integers(0, 4000), max_size=12),
    st.integers(1, 2500),
    st.sampled_from(["named", "assumed", "named too high"]),
)
def test_an_answer_that_was_cut_never_counts_as_whole(
    matches: list[int], real: int, told: str
) -> None:
    if told == "named too high":
        # A proxy may cut lower than the provider says, though not below this.
        real = max(real, TRUSTED_ROWS)
    cap = Cap(real if told == "assumed" else 5000)
    limit = {"named": real, "assumed": None, "named too high": 100_000}[told]
    for count in matches:
        answer = Answer(Batch([{}] * min(count, real)), limit)
        if count > real:
            assert cap.may_be_cut(answer)


def test_short_answers_count_as_whole_and_longer_ones_once_the_named_cap_was_seen() -> None:
    cap = Cap(5000)
    lengths: list[tuple[int, int | None, bool]] = [
        (999, 100_000, False),
        (1000, 100_000, True),
        (4999, 5000, True),
        (5000, 5000, True),
        (4999, 5000, False),
        (4999, None, True),
        # Longer than the cap it names: that is not the cap.
        (60, 10, False),
        (1200, 10, True),
    ]
    for rows, limit, may_be_cut in lengths:
        assert cap.may_be_cut(Answer(Batch([{}] * rows), limit)) is may_be_cut, (rows, limit)


@PROPERTY
@given(
    st.lists(st.integers(0, 999), min_size=1, max_size=30),
    st.integers(1, 20),
    st.sampled_from(["reversed", "ties keep their order"]),
)
def test_answers_from_both_ends_that_join_hold_every_call(
    millis: list[int], cap: int, ties: str
) -> None:
    calls = sorted(calls_at(*millis), key=lambda call: (call.start, call.id))
    back = calls[::-1]
    if ties != "reversed":
        back = sorted(calls, key=lambda call: call.start, reverse=True)
    oldest, newest = ([{"id": c.id} for c in part[:cap]] for part in (calls, back))
    together = {row["id"] for row in oldest + newest}
    if joined(oldest, newest, ("id",)):
        assert together == {call.id for call in calls}
    elif ties == "reversed":
        # Nothing is refused that could be proved: two shared rows in opposite order are enough.
        assert 2 * min(cap, len(calls)) - len(calls) < 2


def test_one_shared_row_does_not_join_two_answers() -> None:
    rows: list[dict[str, Any]] = [{"id": str(number)} for number in range(5)]
    assert joined(rows[:3], rows[:1:-1][:4], ("id",)) is False
    assert joined(rows[:4], rows[:1:-1], ("id",)) is True


@PROPERTY
@given(st.integers(0, 10**9), st.integers(1, 10**6), st.sampled_from([OLDEST_FIRST, NEWEST_FIRST]))
def test_a_request_begins_before_its_window_and_ends_with_it(
    start: int, length: int, sort: int
) -> None:
    window = Window(DAY + start * MILLISECOND, DAY + (start + length) * MILLISECOND)
    ask = first_ask(window, sort)
    assert MILLISECOND <= window.start - ask.start <= SECOND
    assert (ask.end, ask.sort) == (window.end, sort)
