"""Videsk's windows against a model server: a list, a cap and a slice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from videsk_model import DAY, ENDS, STREAM, Ends, Model, Order, calls_at, inside, read

from sandbox.instants import MILLISECOND, SECOND, parse
from tap_callexports.providers.videsk.export import NEWEST_FIRST, OLDEST_FIRST
from tap_callexports.windows import Window

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
#: Milliseconds within a minute or within four seconds: ties, and many calls in one second.
CROWDS = st.one_of(
    st.lists(st.integers(0, 59_999), max_size=40),
    st.lists(st.integers(0, 3_999), max_size=40),
    st.lists(st.sampled_from([0, 1, 999, 1000, 1001, 1999, 2000]), max_size=20),
)

#: More calls than a response holds.
CAPS = st.integers(1, 60)
#: How long the first window is.
STEPS = st.sampled_from([timedelta(seconds=5), timedelta(minutes=10), timedelta(days=4)])

MINUTE = Window(DAY, DAY + timedelta(minutes=1))
HOUR = Window(DAY, DAY + timedelta(hours=1))


@PROPERTY
@given(
    millis=CROWDS,
    cap=st.integers(1, 12),
    ends=st.sampled_from(ENDS),
    first=STEPS,
)
def test_few_calls_are_all_read_or_it_is_said(
    millis: list[int], cap: int, ends: Ends, first: timedelta
) -> None:
    server = Model(calls_at(*millis), cap, cap, ends)
    found, whole = read(server, MINUTE, first)
    assert not whole or inside(server, MINUTE) <= found


@PROPERTY
@given(st.integers(0, 10**9), CAPS, st.sampled_from(ENDS), st.integers(60, 300), STEPS)
def test_a_crowd_is_read_to_its_end_where_no_second_is_as_full_as_an_answer(
    seed: int, cap: int, ends: Ends, size: int, first: timedelta
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(size)]
    # A millisecond of the second before is asked for with each second.
    shared = Counter(ms // 1000 for ms in millis) + Counter(
        ms // 1000 + 1 for ms in millis if ms % 1000 == 999
    )
    largest = cap + max(shared.values())
    server = Model(calls_at(*millis), largest, largest, ends)
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
    first: timedelta,
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(150)]
    shifts = tuple(
        dice.randrange(by[0] * 1000, by[1] * 1000) if dice.random() < moved else 0 for _ in millis
    )
    server = Model(calls_at(*millis, shifts=shifts), cap, cap, ends, order)
    found, whole = read(server, HOUR, first)
    assert not whole or inside(server, HOUR) <= found


@settings(PROPERTY, max_examples=12)
@given(
    seed=st.integers(0, 10**9),
    cap=st.integers(1000, 1100),
    order=st.sampled_from(["honest", "newest_first", "by_id", "by_filter"]),
    first=STEPS,
)
def test_a_server_that_cuts_lower_than_it_says_is_read_to_the_end(
    seed: int, cap: int, order: Order, first: timedelta
) -> None:
    dice = Random(seed)
    millis = [dice.randrange(3_600_000) for _ in range(4 * cap)]
    shifts = tuple(dice.randrange(-60_000, 60_000) for _ in millis)
    server = Model(calls_at(*millis, shifts=shifts), cap, 100_000, order=order)
    found, whole = read(server, HOUR, first)
    assert whole
    assert inside(server, HOUR) <= found


@PROPERTY
@given(st.integers(0, 10**9), st.integers(1, 10**6), st.sampled_from([OLDEST_FIRST, NEWEST_FIRST]))
def test_a_request_begins_before_its_window_and_ends_with_it(
    start: int, length: int, sort: int
) -> None:
    window = Window(DAY + start * MILLISECOND, DAY + (start + length) * MILLISECOND)
    body = STREAM.build_request(window, sort).json
    assert MILLISECOND <= window.start - parse(body["start"]) <= SECOND
    assert (parse(body["end"]), body["$sort"]) == (window.end, sort)
