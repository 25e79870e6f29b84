"""Videsk's dialogue against a model server: a list, a cap and a slice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from batch_of import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st
from videsk_model import DAY, ENDS, Ends, Model, Order, calls_at, inside, read

from sandbox.instants import MILLISECOND, SECOND, text
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.rows.batch import Record
from tap_callexports.core.time.window import Window
from tap_callexports.providers.videsk.cap import Answer, Cap
from tap_callexports.providers.videsk.pace import Pace
from tap_callexports.providers.videsk.paginator import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    RISES,
    TwoEndsPaginator,
    first_token,
    joined,
)

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
#: Milliseconds within a minute or within four seconds: ties, and many calls in one second.
CROWDS = st.one_of(
    st.lists(st.integers(0, 59_999), max_size=40),
    st.lists(st.integers(0, 3_999), max_size=40),
    st.lists(st.sampled_from([0, 1, 999, 1000, 1001, 1999, 2000]), max_size=20),
)

#: More calls than two answers hold.
CAPS = st.integers(1, 60)
#: How the dialogue is led: windows given to it, or ended by it after a first step.
STEPS = st.sampled_from([None, timedelta(seconds=5), timedelta(minutes=10), timedelta(days=4)])


MINUTE = Window(DAY, DAY + timedelta(minutes=1))
HOUR = Window(DAY, DAY + timedelta(hours=1))
WHOLE_DAY = Window(DAY, DAY + timedelta(days=1))


@PROPERTY
@given(
    millis=CROWDS,
    cap=st.integers(1, 12),
    ends=st.sampled_from(ENDS),
    named=st.booleans(),
    first=STEPS,
)
def test_few_calls_are_all_read_or_it_is_said(
    millis: list[int], cap: int, ends: Ends, first: timedelta | None, *, named: bool
) -> None:
    server = Model(calls_at(*millis), cap, cap if named else None, ends)
    found, whole = read(server, MINUTE, first)
    assert not whole or inside(server, MINUTE) <= found


@PROPERTY
@given(st.integers(0, 10**9), CAPS, st.sampled_from(ENDS), st.integers(60, 300), STEPS)
def test_a_crowd_is_read_to_its_end_where_no_second_is_as_full_as_an_answer(
    seed: int, cap: int, ends: Ends, size: int, first: timedelta | None
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(size)]
    # A millisecond of the second before is asked for with each second.
    shared = Counter(ms // 1000 for ms in millis) + Counter(
        ms // 1000 + 1 for ms in millis if ms % 1000 == 999
    )
    server = Model(calls_at(*millis), cap + max(shared.values()), None, ends)
    found, whole = read(server, HOUR, first)
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
    first=STEPS,
)
def test_whatever_the_server_sorts_and_filters_by_nothing_is_missing_in_silence(
    seed: int,
    cap: int,
    order: Order,
    ends: Ends,
    moved: float,
    by: tuple[int, int],
    first: timedelta | None,
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(150)]
    shifts = tuple(
        dice.randrange(by[0] * 1000, by[1] * 1000) if dice.random() < moved else 0 for _ in millis
    )
    server = Model(calls_at(*millis, shifts=shifts), cap, cap, ends, order)
    found, whole = read(server, HOUR, first)
    assert not whole or inside(server, HOUR) <= found


def test_a_window_of_less_than_two_answers_costs_two_requests() -> None:
    server = Model(calls_at(*range(0, 60_000, 500)), 70, 70)
    meeting = TwoEndsPaginator(MINUTE, "time", ("id",), Pace(Cap(70)))
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
    meeting = TwoEndsPaginator(HOUR, "time", ("id",), Pace(Cap(300)))
    requests = 0
    while not meeting.finished:
        requests += 1
        meeting.advance(server.answer(meeting.current_value))
    assert requests == 2
    read_to = Window(HOUR.start, meeting.asked.end)
    assert len(inside(server, read_to)) > 1.7 * 300
    assert {record["id"] for record in meeting.batch.records} >= inside(server, read_to)


def _early() -> tuple[Model, TwoEndsPaginator, Pace]:
    """A first answer that may be cut, and what was asked next to learn of the cap."""
    # 1,200 rows in the first hour, and more than an answer holds in the second.
    calls = calls_at(*range(0, 3_600_000, 3000), *range(3_600_000, 7_200_000, 2000))
    server, pace = Model(calls, 1500, 1500), Pace(Cap(1500), timedelta(hours=1))
    meeting = TwoEndsPaginator(WHOLE_DAY, "time", ("id",), pace)
    meeting.advance(server.answer(meeting.current_value))
    assert meeting.current_value.start == HOUR.end - SECOND
    return server, meeting, pace


def test_what_follows_a_first_answer_shows_whether_that_was_whole() -> None:
    server, meeting, pace = _early()
    early = server.answer(meeting.current_value)
    meeting.advance(early)
    assert meeting.finished
    assert meeting.asked == HOUR
    assert {record["id"] for record in meeting.batch.records} >= inside(server, HOUR)
    rest = TwoEndsPaginator(Window(HOUR.end, WHOLE_DAY.end), "time", ("id",), pace)
    assert rest.early is early


@pytest.mark.parametrize(
    "window", [Window(HOUR.end + SECOND, WHOLE_DAY.end), Window(HOUR.end, HOUR.end + MINUTE.length)]
)
def test_an_early_answer_is_used_for_the_window_it_belongs_to_alone(window: Window) -> None:
    server, meeting, pace = _early()
    meeting.advance(server.answer(meeting.current_value))
    assert TwoEndsPaginator(window, "time", ("id",), pace).early is None


@pytest.mark.parametrize("order", ["honest", "by_id"])
def test_an_answer_of_a_cap_that_is_lower_than_named_is_not_whole_for_what_follows_it(
    order: Order,
) -> None:
    calls = calls_at(*range(0, 7_200_000, 1000))
    server = Model(calls, 1100, 5000, order=order)
    two_hours = Window(DAY, DAY + timedelta(hours=2))
    found, whole = read(server, two_hours, timedelta(minutes=20))
    assert whole
    assert found >= inside(server, two_hours)


def _two_answers(size: int = 60) -> tuple[TwoEndsPaginator, list[Record]]:
    """A reading after its first answer, and the rows of the second."""
    server = Model(calls_at(*range(0, 60_000, 500)), size, size)
    meeting = TwoEndsPaginator(MINUTE, "time", ("id",), Pace(Cap(size)))
    meeting.advance(server.answer(meeting.current_value))
    assert not meeting.finished
    return meeting, server.answer(meeting.current_value).batch.records


def test_answers_that_end_at_the_same_time_do_not_meet() -> None:
    meeting, newest = _two_answers(61)
    last = meeting.current_value.end
    # Thirty seconds after the start two calls tie; the first answer has one of them.
    kept = [row for row in newest if row["time"] >= text(DAY + 30 * SECOND)]
    meeting.advance(Answer(batch_of(kept), len(kept)))
    assert not meeting.finished
    assert meeting.current_value.end < last


def test_a_row_before_the_meeting_that_only_one_answer_has_stops_the_reading() -> None:
    meeting, newest = _two_answers(70)
    stranger = {**newest[-1], "id": "nobody"}
    with pytest.raises(WindowTooLarge):
        meeting.advance(Answer(batch_of([*newest[:-1], stranger]), 70))


def test_an_answer_that_is_not_in_order_stops_the_reading() -> None:
    meeting, newest = _two_answers(70)
    with pytest.raises(WindowTooLarge):
        meeting.advance(Answer(batch_of(newest[::-1]), 70))


@pytest.mark.parametrize("seconds", [1, RISES])
def test_a_cut_answer_of_a_few_seconds_is_split_at_its_last_one(seconds: int) -> None:
    server = Model(calls_at(*[ms % (seconds * 1000) for ms in range(0, 100_000, 37)]), 90, 90)
    meeting = TwoEndsPaginator(MINUTE, "time", ("id",), Pace(Cap(90)))
    answer = server.answer(meeting.current_value)
    with pytest.raises(WindowTooLarge) as failure:
        meeting.advance(answer)
    last = answer.batch.records[-1]["time"]
    assert failure.value.at is not None
    assert text(failure.value.at) in {last, text(DAY + SECOND)}


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
    oldest, newest = ([call.id for call in part[:cap]] for part in (calls, back))
    together = {*oldest, *newest}
    if joined(oldest, newest):
        assert together == {call.id for call in calls}
    elif ties == "reversed":
        # Nothing is refused that could be proved: two shared rows in opposite order are enough.
        assert 2 * min(cap, len(calls)) - len(calls) < 2


def test_one_shared_row_does_not_join_two_answers() -> None:
    rows = list(range(5))
    assert joined(rows[:3], rows[:1:-1][:4]) is False
    assert joined(rows[:4], rows[:1:-1]) is True


@PROPERTY
@given(st.integers(0, 10**9), st.integers(1, 10**6), st.sampled_from([OLDEST_FIRST, NEWEST_FIRST]))
def test_a_request_begins_before_its_window_and_ends_with_it(
    start: int, length: int, sort: int
) -> None:
    window = Window(DAY + start * MILLISECOND, DAY + (start + length) * MILLISECOND)
    ask = first_token(window, sort)
    assert MILLISECOND <= window.start - ask.start <= SECOND
    assert (ask.end, ask.sort) == (window.end, sort)
