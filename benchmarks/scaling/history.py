"""When the calls of an account were: as counts over time, so that ten million need no rows."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Protocol

from tap_callexports.records.timestamps import MICROSECOND

_HOUR = timedelta(hours=1)
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


class History(Protocol):
    """Calls in the order of time, each known by its number."""

    def before(self, instant: datetime) -> int:
        """How many calls began before an instant."""


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


def through(history: History, instant: datetime) -> int:
    """How many calls began at an instant or before it."""
    return history.before(instant + MICROSECOND)


def _of_day(hour: datetime) -> float:
    return {_SATURDAY_IS: _SATURDAY, _SUNDAY_IS: _SUNDAY}.get(hour.weekday(), 1.0)
