"""What the report shows, asked of the `calls` models in the DuckDB file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from .calls_model import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Upper ends of the classes that lengths of calls are counted in, in seconds, with their names.
LENGTHS = (
    (15, "under 15 s"),
    (30, "15-30 s"),
    (60, "30-60 s"),
    (120, "1-2 min"),
    (300, "2-5 min"),
    (600, "5-10 min"),
    (1200, "10-20 min"),
    (None, "over 20 min"),
)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_DAYS = """
select provider, cast(day as text), cast(sum(calls) as bigint)
from calls_daily where day is not null group by all order by all
"""
_OUTCOMES = "select provider, status, count(*) from calls group by all order by all"
_LENGTHS = """
select provider, cast(floor(duration_seconds) as bigint), count(*)
from calls where status = 'answered' and duration_seconds is not null group by all order by all
"""
_HOURS = """
with days as (
  select isodow(started_at) - 1 as weekday, count(distinct cast(started_at as date)) as days
  from calls group by weekday
)
select weekday, hour(started_at) as hour, count(*) / any_value(days)
from calls join days on weekday = isodow(started_at) - 1 group by weekday, hour order by all
"""
_COSTS = """
select provider, coalesce(currency, ''), cast(day as text), cast(sum(cost) as double)
from calls_daily where day is not null and cost is not null group by all order by all
"""
_TOTALS = """
select
  count(*),
  count(*) filter (status = 'answered'),
  count(*) filter (status in ('abandoned', 'no_answer')),
  count(*) filter (started_at is null),
  coalesce(cast(sum(duration_seconds) as double), 0) / 3600,
  coalesce(cast(median(duration_seconds) filter (status = 'answered') as double), 0)
from calls
"""


@dataclass(frozen=True)
class Insights:
    """Numbers for the report, none of them about a single call.

    Attributes:
        days: Provider, day, number of calls.
        outcomes: Provider, status, number of calls.
        lengths: Provider, class of `LENGTHS`, number of answered calls.
        hours: Weekday (0 is Monday), hour, number of calls on average; UTC.
        costs: Provider, currency or "", day, sum.
        calls: Number of all calls.
        answered: Of those, how many were answered.
        missed: How many nobody answered, or were given up before.
        unstarted: How many never started, and so have no day.
        talked_hours: Sum of all lengths.
        median_seconds: The length that half of the answered calls reach.
    """

    days: Sequence[tuple[str, str, int]]
    outcomes: Sequence[tuple[str, str, int]]
    lengths: Sequence[tuple[str, str, int]]
    hours: Sequence[tuple[int, int, float]]
    costs: Sequence[tuple[str, str, str, float]]
    calls: int
    answered: int
    missed: int
    unstarted: int
    talked_hours: float
    median_seconds: float


def insights(warehouse: Path) -> Insights:
    """Ask the models in a DuckDB file."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"set schema = '{SCHEMA}'")

        def ask(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        return Insights(
            ask(_DAYS),
            ask(_OUTCOMES),
            _classed(ask(_LENGTHS)),
            ask(_HOURS),
            ask(_COSTS),
            *ask(_TOTALS)[0],
        )


def _classed(rows: Sequence[tuple[str, int, int]]) -> list[tuple[str, str, int]]:
    """Whole seconds, counted in the classes of `LENGTHS`."""
    counts: dict[tuple[str, str], int] = {}
    for provider, seconds, calls in rows:
        name = next(name for end, name in LENGTHS if end is None or seconds < end)
        counts[provider, name] = counts.get((provider, name), 0) + calls
    return [(provider, name, calls) for (provider, name), calls in counts.items()]
