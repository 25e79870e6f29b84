"""When rows come: learned from the times of those that were read. Pure; knows no cap."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING

from tap_callexports.core.time.instants import EPOCH, SECOND, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_callexports.core.time.window import Window

_HOUR = timedelta(hours=1)
_DAY, _WEEK = 24, 7 * 24
#: Hours until what was seen counts half.
_HALF_LIFE = 5 * _WEEK
#: Hours for which an hour of the week is believed to be like the others before it was seen.
_PRIOR = 0.1
#: Weight of the latest error among those before it.
_LATEST = 0.3


class Forecast:
    """Counts rows by the hour of the week, and guesses when so many more will have come.

    An hour of the week that was not seen yet counts as the busiest of its hour of the day: rather
    more rows are expected than fewer.
    """

    def __init__(self) -> None:
        self._rows = [0.0] * _WEEK
        self._hours = [0.0] * _WEEK
        self._newest = 0
        #: Mean square of the relative errors, beyond what chance explains.
        self._spread = 0.0

    @property
    def rows(self) -> float:
        """How many rows it is made of; older ones count less."""
        return sum(self._rows)

    def learn(self, window: Window, times: Sequence[str]) -> None:
        """Take in every row of a range.

        Args:
            window: The range, nothing of it missing.
            times: Instant texts, sorted; those outside the range do not count.
        """
        hours = list(_hours_of(window.start, window.end))
        if not hours:
            return
        rates = self._rates()
        seen = [bool(rates) and hours > _PRIOR for hours in self._hours]
        self._fade_until(hours[-1][0])
        came, expected = 0, 0.0
        before = bisect_left(times, format_instant(window.start))
        for hour, share in hours:
            after = bisect_left(times, format_instant(min(_start_of(hour + 1), window.end)), before)
            weight, slot = 0.5 ** ((self._newest - hour) / _HALF_LIFE), hour % _WEEK
            self._rows[slot] += weight * (after - before)
            self._hours[slot] += weight * share
            if seen[slot]:
                came, expected = came + after - before, expected + rates[slot] * share
            before = after
        if expected >= 1:
            error = (came / expected - 1) ** 2 - 1 / expected
            self._spread += _LATEST * (min(max(error, 0.0), 1.0) - self._spread)

    def doubt(self, rows: int) -> float:
        """Standard deviation, in rows, of how many come where so many are expected."""
        return sqrt(rows + self._spread * rows**2 + rows**2 / max(self.rows, 1))

    def until(self, start: datetime, rows: float, latest: datetime) -> datetime | None:
        """By when so many rows will have come, in whole seconds from the start.

        Args:
            start: From when on they are counted.
            rows: How many.
            latest: The answer where they will not have come by then.

        Returns:
            None as long as no row was seen.
        """
        rates = self._rates()
        if not rates:
            return None
        for hour, share in _hours_of(start, latest):
            coming = rates[hour % _WEEK] * share
            if coming > rows:
                after = max(_start_of(hour), start) - start + rows / coming * share * _HOUR
                return start + after // SECOND * SECOND
            rows -= coming
        return latest

    def _rates(self) -> list[float]:
        """Rows per hour of the week; empty as long as no row was seen."""
        if not any(self._rows):
            return []
        mean = sum(self._rows) / sum(self._hours)
        rates = []
        for slot in range(_WEEK):
            seen = [s for s in range(slot % _DAY, _WEEK, _DAY) if self._hours[s] > _PRIOR]
            busiest = max((self._rows[s] / self._hours[s] for s in seen), default=mean)
            rates.append((self._rows[slot] + _PRIOR * busiest) / (self._hours[slot] + _PRIOR))
        return rates

    def _fade_until(self, hour: int) -> None:
        """Let what was seen count less, by how long ago an hour has left it behind."""
        if hour > self._newest:
            fade = 0.5 ** ((hour - self._newest) / _HALF_LIFE)
            self._rows = [rows * fade for rows in self._rows]
            self._hours = [hours * fade for hours in self._hours]
            self._newest = hour


def _start_of(hour: int) -> datetime:
    return EPOCH + hour * _HOUR


def _hours_of(start: datetime, end: datetime) -> Iterator[tuple[int, float]]:
    """The hours since 1970 that a range touches, each with how much of it is inside."""
    while start < end:
        hour = (start - EPOCH) // _HOUR
        after = min(_start_of(hour + 1), end)
        yield hour, (after - start) / _HOUR
        start = after
