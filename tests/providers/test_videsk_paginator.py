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
    RISES,
    TRUSTED_ROWS,
    Answer,
    Ask,
    Cap,
    Meeting,
    first_ask,
    joined,
)

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
#: For properties known not to hold: the first counterexample will do.
DAY = datetime(2024, 5, 9, tzinfo=UTC)
Ends: TypeAlias = Literal["[]", "[)", "(]", "()"]
Order: TypeAlias = Literal["honest", "newest_first", "by_id", "by_filter"]
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
        elif self.order == "by_filter":
            found.sort(key=lambda call: (call.filtered, call.id), reverse=ask.sort == NEWEST_FIRST)
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

#: More calls than two answers hold.
CAPS = st.integers(1, 60)


def read(server: Model, window: Window) -> tuple[set[str], bool]:
    """Ids of everything read, the window split as often as asked for; and whether that is all.

    False: a second held more than could be asked for, and would have been reported.
    """
    cap, found, whole = Cap(server.named or server.cap), set[str](), True
    todo = [window]
    for _ in range(20_000):
        if not todo:
            return found, whole
        part = todo.pop()
        meeting = Meeting(part, "time", ("id",), cap)
        try:
            while not meeting.finished:
                meeting.advance(server.answer(meeting.current_value))
        except WindowTooLarge as failure:
            if halves := part.split(failure.at):
                todo += reversed(halves)
                continue
            answers = [
                server.answer(first_ask(part, sort)) for sort in (OLDEST_FIRST, NEWEST_FIRST)
            ]
            found |= {record["id"] for answer in answers for record in answer.batch.records}
            oldest, newest = (answer.batch.records for answer in answers)
            cut = all(cap.may_be_cut(answer) for answer in answers)
            whole = whole and not (cut and not joined(oldest, newest, ("id",)))
            continue
        found |= {record["id"] for record in meeting.batch.records}
        assert part.start < meeting.read_until <= part.end
        if meeting.read_until < part.end:
            todo.append(Window(meeting.read_until, part.end))
    raise AssertionError("the reading does not end")


def inside(server: Model, window: Window) -> set[str]:
    return {call.id for call in server.calls if window.start <= call.filtered < window.end}


MINUTE = Window(DAY, DAY + timedelta(minutes=1))
HOUR = Window(DAY, DAY + timedelta(hours=1))


@PROPERTY
@given(millis=CROWDS, cap=st.integers(1, 12), ends=st.sampled_from(ENDS), named=st.booleans())
def test_few_calls_are_all_read_or_it_is_said(
    millis: list[int], cap: int, ends: Ends, *, named: bool
) -> None:
    server = Model(calls_at(*millis), cap, cap if named else None, ends)
    found, whole = read(server, MINUTE)
    assert not whole or inside(server, MINUTE) <= found


@PROPERTY
@given(st.integers(0, 10**9), CAPS, st.sampled_from(ENDS), st.integers(60, 300))
def test_a_crowd_is_read_to_its_end_where_no_second_is_as_full_as_an_answer(
    seed: int, cap: int, ends: Ends, size: int
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(size)]
    # A millisecond of the second before is asked for with each second.
    shared = Counter(ms // 1000 for ms in millis) + Counter(
        ms // 1000 + 1 for ms in millis if ms % 1000 == 999
    )
    server = Model(calls_at(*millis), cap + max(shared.values()), None, ends)
    found, whole = read(server, HOUR)
    assert whole
    assert inside(server, HOUR) <= found


@PROPERTY
@given(
    seed=st.integers(0, 10**9),
    cap=CAPS,
    order=st.sampled_from(["honest", "newest_first", "by_id", "by_filter"]),
    ends=st.sampled_from(ENDS),
    moved=st.sampled_from([0.0, 0.01, 0.1, 1.0]),
    by=st.sampled_from([(-1800, 0), (0, 1800), (-60, 60)]),
)
def test_whatever_the_server_sorts_and_filters_by_nothing_is_missing_in_silence(
    seed: int, cap: int, order: Order, ends: Ends, moved: float, by: tuple[int, int]
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(150)]
    shifts = tuple(
        dice.randrange(by[0] * 1000, by[1] * 1000) if dice.random() < moved else 0 for _ in millis
    )
    server = Model(calls_at(*millis, shifts=shifts), cap, cap, ends, order)
    found, whole = read(server, HOUR)
    assert not whole or inside(server, HOUR) <= found


def test_a_window_of_less_than_two_answers_costs_two_requests() -> None:
    server = Model(calls_at(*range(0, 60_000, 500)), 70, 70)
    meeting = Meeting(MINUTE, "time", ("id",), Cap(70))
    asked = []
    while not meeting.finished:
        asked.append(meeting.current_value)
        meeting.advance(server.answer(meeting.current_value))
    assert [(ask.sort, ask.end) for ask in asked] == [
        (OLDEST_FIRST, MINUTE.end),
        (NEWEST_FIRST, MINUTE.end),
    ]
    assert inside(server, MINUTE) <= {record["id"] for record in meeting.batch.records}
    times = [record["time"] for record in meeting.batch.records]
    assert times == sorted(times)


def test_two_answers_read_the_beginning_of_a_longer_window() -> None:
    server = Model(calls_at(*range(0, 3_600_000, 4000)), 300, 300)
    meeting = Meeting(HOUR, "time", ("id",), Cap(300))
    requests = 0
    while not meeting.finished:
        requests += 1
        meeting.advance(server.answer(meeting.current_value))
    assert requests == 2
    read_to = Window(HOUR.start, meeting.read_until)
    assert len(inside(server, read_to)) > 1.7 * 300
    assert {record["id"] for record in meeting.batch.records} >= inside(server, read_to)


def _two_answers(size: int = 60) -> tuple[Meeting, list[Record]]:
    """A reading after its first answer, and the rows of the second."""
    server = Model(calls_at(*range(0, 60_000, 500)), size, size)
    meeting = Meeting(MINUTE, "time", ("id",), Cap(size))
    meeting.advance(server.answer(meeting.current_value))
    assert not meeting.finished
    return meeting, server.answer(meeting.current_value).batch.records


def test_answers_that_end_at_the_same_time_do_not_meet() -> None:
    meeting, newest = _two_answers(61)
    last = meeting.current_value.end
    # Thirty seconds after the start two calls tie; the first answer has one of them.
    kept = [row for row in newest if row["time"] >= text(DAY + 30 * SECOND)]
    meeting.advance(Answer(Batch(kept), len(kept)))
    assert not meeting.finished
    assert meeting.current_value.end < last


def test_a_row_before_the_meeting_that_only_one_answer_has_stops_the_reading() -> None:
    meeting, newest = _two_answers(70)
    stranger = {**newest[-1], "id": "nobody"}
    with pytest.raises(WindowTooLarge):
        meeting.advance(Answer(Batch([*newest[:-1], stranger]), 70))


def test_an_answer_that_is_not_in_order_stops_the_reading() -> None:
    meeting, newest = _two_answers(70)
    with pytest.raises(WindowTooLarge):
        meeting.advance(Answer(Batch(newest[::-1]), 70))


@pytest.mark.parametrize("seconds", [1, RISES])
def test_a_cut_answer_of_a_few_seconds_is_split_at_its_last_one(seconds: int) -> None:
    server = Model(calls_at(*[ms % (seconds * 1000) for ms in range(0, 100_000, 37)]), 90, 90)
    meeting = Meeting(MINUTE, "time", ("id",), Cap(90))
    answer = server.answer(meeting.current_value)
    with pytest.raises(WindowTooLarge) as failure:
        meeting.advance(answer)
    last = answer.batch.records[-1]["time"]
    assert failure.value.at is not None
    assert text(failure.value.at) in {last, text(DAY + SECOND)}


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
