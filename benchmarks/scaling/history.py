"""When the calls of an account were: as counts over time, so that ten million need no rows."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Protocol

from tap_callexports.core.time.instants import MICROSECOND

_HOUR = timedelta(hours=1)
_HOUR_SECONDS = 3600
#: Calls in each hour of a working day, in shares of the busiest: nights, a morning, a dip at noon,
#: an afternoon, an evening.
_DAY = (
    *(0.02, 0.01, 0.01, 0.01, 0.02, 0.05, 0.12, 0.35),
    *(0.70, 0.95, 1.00, 0.95, 0.70, 0.65, 0.85, 0.95),
    *(0.90, 0.75, 0.50, 0.35, 0.25, 0.15, 0.08, 0.04),
)
_SATURDAY, _SUNDAY = 0.4, 0.15
#: No two days are alike: by so much they are busier or quieter.
_UNEVEN = 0.2
_SATURDAY_IS, _SUNDAY_IS = 5, 6
#: What follows the hour in the text of an instant, for each second of it.
_REST = [f":{s // 60:02d}:{s % 60:02d}.000000Z" for s in range(_HOUR_SECONDS)]


class History(Protocol):
    """Calls in the order of time, each known by its number."""

    def before(self, instant: datetime) -> int:
        """How many calls began before an instant."""

    def times(self, first: int, after: int) -> list[str]:
        """Instant texts, in whole seconds, of the calls from number `first` to before `after`."""


class Year:
    """Calls with office hours, weekends and quiet nights, at even distances within an hour.

    Args:
        calls: How many, give or take what rounding makes of them.
        start: First instant, on an hour.
        end: First instant behind them, on an hour.
    """

    def __init__(self, calls: int, start: datetime, end: datetime) -> None:
        hours = [start + number * _HOUR for number in range((end - start) // _HOUR)]
        dice = random.Random(start.year)
        days = dict.fromkeys(hour.date() for hour in hours)
        busy = {day: 1 + _UNEVEN * (2 * dice.random() - 1) for day in days}
        weights = [_DAY[hour.hour] * _of_day(hour) * busy[hour.date()] for hour in hours]
        shares = [0.0, *accumulate(weights)]
        self._start = start
        self._hours = hours
        #: Calls before each hour.
        self._before = [round(calls * share / shares[-1]) for share in shares]

    def before(self, instant: datetime) -> int:
        """How many calls began before an instant."""
        hour, into = divmod(instant - self._start, _HOUR)
        if hour < 0:
            return 0
        if hour >= len(self._hours):
            return self._before[-1]
        first, after = self._before[hour : hour + 2]
        # Of n calls in an hour the number k comes at (k + 1/2) / n of it.
        return first - int((_HOUR - 2 * (after - first) * into) // (2 * _HOUR))

    def times(self, first: int, after: int) -> list[str]:
        """Instant texts, in whole seconds, of the calls from number `first` to before `after`."""
        texts: list[str] = []
        hour = bisect_left(self._before, first + 1) - 1
        while first < after:
            begin, end = self._before[hour : hour + 2]
            rest = _rest_of(end - begin)[first - begin : after - begin]
            texts += map(self._hours[hour].strftime("%Y-%m-%dT%H").__add__, rest)
            first, hour = max(first, min(after, end)), hour + 1
        return texts


def through(history: History, instant: datetime) -> int:
    """How many calls began at an instant or before it."""
    return history.before(instant + MICROSECOND)


@lru_cache(1000)
def _rest_of(calls: int) -> list[str]:
    """What follows the hour in the texts of so many calls within one."""
    odd = range(1, 2 * calls, 2)
    return [_REST[number * _HOUR_SECONDS // (2 * calls)] for number in odd]


def _of_day(hour: datetime) -> float:
    return {_SATURDAY_IS: _SATURDAY, _SUNDAY_IS: _SUNDAY}.get(hour.weekday(), 1.0)
