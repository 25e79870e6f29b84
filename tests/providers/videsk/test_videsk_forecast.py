"""When rows come, by what came: a guess that costs requests where it is wrong, never rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.instants import SECOND, UTC, text
from tap_callexports.core.time.window import Window
from tap_callexports.providers.videsk.forecast import Forecast

PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
MONDAY = datetime(2024, 4, 29, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
#: Rows in each hour of a week.
PROFILES = st.lists(st.integers(0, 40), min_size=168, max_size=168).filter(any)
SHIFTS = st.integers(0, 5 * 7 * 86_400).map(lambda seconds: seconds * SECOND)


def week_of(profile: list[int], number: int = 0) -> list[datetime]:
    """The instants of one week, the rows of an hour at even distances."""
    return [
        MONDAY + number * WEEK + hour * HOUR + (place + 0.5) / rows * HOUR
        for hour, rows in enumerate(profile)
        for place in range(rows)
    ]


def taught(profile: list[int], weeks: int = 2) -> Forecast:
    forecast = Forecast()
    for number in range(weeks):
        window = Window(MONDAY + number * WEEK, MONDAY + (number + 1) * WEEK)
        forecast.learn(window, [text(at) for at in week_of(profile, number)])
    return forecast


def test_of_rows_never_seen_nothing_is_said() -> None:
    forecast = Forecast()
    assert forecast.until(MONDAY, 5, MONDAY + WEEK) is None
    forecast.learn(Window(MONDAY, MONDAY + WEEK), [])
    assert forecast.until(MONDAY, 5, MONDAY + WEEK) is None


@PROPERTY
@given(PROFILES, SHIFTS, st.lists(st.floats(0, 10_000), min_size=2, max_size=8))
def test_more_rows_take_longer_and_never_less_than_nothing(
    profile: list[int], shift: timedelta, rows: list[float]
) -> None:
    forecast, start = taught(profile), MONDAY + shift
    latest = start + 3 * WEEK
    ends = [forecast.until(start, wanted, latest) or start - SECOND for wanted in sorted(rows)]
    assert ends == sorted(ends)
    assert start <= ends[0]
    assert ends[-1] <= latest
    assert all(end == latest or (end - start) % SECOND == timedelta() for end in ends)


@PROPERTY
@given(PROFILES, st.integers(0, 7 * 86_400 - 1), st.integers(1, 2_000))
def test_weeks_that_are_all_the_same_are_foretold(
    profile: list[int], second: int, rows: int
) -> None:
    start = MONDAY + 2 * WEEK + second * SECOND
    latest = start + 2 * WEEK
    end = taught(profile).until(start, rows, latest)
    assert end is not None
    coming = [at for number in (2, 3, 4) for at in week_of(profile, number)]
    came = sum(start <= at < end for at in coming)
    # Rates are mixed a little with those of the busiest day: rather more rows are expected.
    assert came <= rows + 2
    if end < latest:
        forecast = [at for at in coming if start <= at < start + (end - start) + HOUR]
        assert len(forecast) >= rows * sum(profile) / _blurred(profile) - 4


def _blurred(profile: list[int]) -> float:
    """The rows of a week where each hour is a tenth as busy as the busiest of its hour of day."""
    return sum(rows + 0.1 * max(profile[hour % 24 :: 24]) for hour, rows in enumerate(profile))


@PROPERTY
@given(PROFILES, st.integers(0, 10**6), st.integers(1, 6))
def test_ranges_may_be_learned_in_any_pieces_and_order(
    profile: list[int], seed: int, cuts: int
) -> None:
    dice, times = Random(seed), [text(at) for at in week_of(profile)]
    edges = [MONDAY, *sorted(MONDAY + dice.random() * WEEK for _ in range(cuts)), MONDAY + WEEK]
    pieces = [Window(start, end) for start, end in pairwise(edges)]
    dice.shuffle(pieces)
    at_once, by_pieces = Forecast(), Forecast()
    at_once.learn(Window(MONDAY, MONDAY + WEEK), times)
    for piece in pieces:
        by_pieces.learn(piece, times)
    start, rows = MONDAY + WEEK, sum(profile) / 3
    whole, pieced = (f.until(start, rows, start + WEEK) for f in (at_once, by_pieces))
    assert whole is not None
    assert pieced is not None
    assert abs(whole - pieced) <= SECOND


def test_a_day_that_was_not_seen_is_taken_for_the_busiest() -> None:
    busy, quiet = [10] * 24, [2] * 24
    forecast = Forecast()
    profile = [*quiet, *busy, *quiet, *[0] * 96]
    window = Window(MONDAY, MONDAY + 72 * HOUR)
    forecast.learn(window, [text(at) for at in week_of(profile)])
    thursday = MONDAY + 72 * HOUR
    assert forecast.until(thursday, 100, thursday + WEEK) == thursday + 10 * HOUR


def test_what_was_long_ago_counts_less() -> None:
    forecast = taught([4] * 168)
    for number in range(2, 30):
        times = [text(at) for at in week_of([1] * 168, number)]
        forecast.learn(Window(MONDAY + number * WEEK, MONDAY + (number + 1) * WEEK), times)
    start = MONDAY + 30 * WEEK
    end = forecast.until(start, 50, start + WEEK)
    assert end is not None
    assert 47 * HOUR <= end - start <= 50 * HOUR


def test_doubt_is_chance_alone_until_forecasts_fail() -> None:
    steady = taught([50] * 168, weeks=4)
    assert 50 <= steady.doubt(2500) < 80
    times = [text(at) for at in week_of([100] * 168, 4)]
    steady.learn(Window(MONDAY + 4 * WEEK, MONDAY + 5 * WEEK), times)
    assert steady.doubt(2500) > 500
