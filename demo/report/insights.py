"""What the report shows, counted in the table `calls`. Days and hours are UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from .source import Ask, opened

#: Lengths of calls, in seconds, under which they are counted together, with their labels.
LENGTHS = {
    15: "under<br>15<br>s",
    30: "15-<br>30<br>s",
    60: "30-<br>60<br>s",
    120: "1-<br>2<br>min",
    300: "2-<br>5<br>min",
    600: "5-<br>10<br>min",
    1200: "10-<br>20<br>min",
    float("inf"): "over<br>20<br>min",
}
_WEEK = timedelta(days=7)
#: How calls are counted. An inbound call that failed is neither answered nor missed.
_COUNTED = """, counted as (
  select
    *,
    cast(started_at as date) as day,
    cast(extract(isodow from started_at) as integer) - 1 as weekday,
    cast(extract(hour from started_at) as integer) as hour,
    status in ('answered', 'abandoned', 'no_answer', 'failed') as is_over,
    direction = 'inbound' and status in ('answered', 'abandoned', 'no_answer') as is_inbound,
    direction = 'outbound' and status in ('answered', 'abandoned', 'no_answer', 'failed')
      as is_outbound
  from calls
)"""
_TOTALS = """
select
  count(*),
  count(case when is_over then 1 end),
  count(case when status = 'answered' then 1 end),
  count(case when status = 'failed' then 1 end),
  count(case when is_inbound then 1 end),
  count(case when is_inbound and status <> 'answered' then 1 end),
  count(case when is_outbound then 1 end),
  count(case when is_outbound and status = 'answered' then 1 end),
  sum(duration_seconds) / 3600,
  percentile_cont(0.5) within group (
    order by case when status = 'answered' then duration_seconds end
  ),
  percentile_cont(0.5) within group (order by case when is_inbound then waited_seconds end),
  percentile_cont(0.9) within group (order by case when is_inbound then waited_seconds end)
from counted
"""
#: The rows that each part of the page is drawn from.
_PARTS = {
    "days": """
select provider, day, count(*) from counted where day is not null group by 1, 2 order by 1, 2""",
    "outcomes": "select provider, status, count(*) from counted group by 1, 2 order by 1, 2",
    "directions": """
select provider, coalesce(direction, ''), count(*) from counted
where provider in (select provider from counted where direction is not null)
group by 1, 2 order by 1, 2""",
    # Hour, calls given up, calls that nobody took, all inbound calls.
    "missed": """
select
  hour,
  count(case when status = 'abandoned' then 1 end),
  count(case when status = 'no_answer' then 1 end),
  count(*)
from counted where is_inbound and hour is not null group by 1 order by 1""",
    # Provider, status, median and 90th percentile in seconds.
    "waits": """
select
  provider,
  status,
  percentile_cont(0.5) within group (order by waited_seconds),
  percentile_cont(0.9) within group (order by waited_seconds)
from counted where is_inbound and waited_seconds is not null group by 1, 2 order by 1, 2""",
    # Provider, whole seconds, answered calls.
    "lengths": """
select provider, cast(floor(duration_seconds) as bigint), count(*) from counted
where status = 'answered' and duration_seconds is not null group by 1, 2 order by 1, 2""",
    # Provider, agent, answered calls, hours.
    "agents": """
select provider, agent, count(*), sum(duration_seconds) / 3600 from counted
where status = 'answered' and agent is not null group by 1, 2 order by 3 desc, 1, 2 limit 10""",
    # Provider, reason, calls, the provider's calls with any reason.
    "reasons": """
select provider, reason, calls, cast(known as bigint) from (
  select
    provider,
    disconnection_reason as reason,
    count(*) as calls,
    sum(count(*)) over (partition by provider) as known,
    row_number() over (partition by provider order by count(*) desc, disconnection_reason) as place
  from counted where disconnection_reason is not null group by provider, disconnection_reason
) as ranked where place <= 4 order by provider, place""",
    # Provider, currency or "", cost, cost per minute.
    "costs": """
select
  provider, coalesce(currency, ''), sum(cost), sum(cost) * 60 / sum(duration_seconds)
from counted where cost is not null and duration_seconds is not null
group by 1, 2 having sum(duration_seconds) > 0 order by 1, 2""",
    "hours": """
select weekday, hour, count(*) from counted where day is not null group by 1, 2 order by 1, 2""",
}


class Totals(NamedTuple):
    """What calls add up to; None where nothing is known."""

    calls: int
    over: int  # answered, missed or failed
    answered: int
    failed: int
    inbound: int  # answered or missed
    missed: int  # inbound calls that were given up before an answer, or that nobody took
    outbound: int  # over, failed ones included
    connected: int  # outbound calls that were answered
    hours: float | None
    median_seconds: float | None  # of answered calls
    median_wait: float | None  # of inbound calls, in seconds
    long_wait: float | None  # the 90th percentile


class Insights(NamedTuple):
    """Numbers for the report: of all calls, and by part of the page.

    `weeks` holds the last seven whole days and the seven before; it is empty unless all of these
    days are within the period.
    """

    totals: Totals
    weeks: Sequence[Totals]
    parts: Mapping[str, list[tuple[Any, ...]]]


def insights(source: str, schema: str) -> Insights:
    """Count the calls of a DuckDB file, or of PostgreSQL at an address.

    Raises:
        SourceError: There are none, or they cannot be read.
    """
    with opened(source, schema) as calls:

        def ask(query: str) -> list[tuple[Any, ...]]:
            return calls(f"{_COUNTED} {query}")

        parts = {name: ask(query) for name, query in _PARTS.items()}
        dates = [day for _, day, _ in parts["days"]]
        parts["lengths"] = _classed(parts["lengths"])
        parts["hours"] = _averages(parts["hours"], dates)
        return Insights(Totals(*ask(_TOTALS)[0]), _weeks(ask, dates), parts)


def _weeks(ask: Ask, dates: Sequence[date]) -> list[Totals]:
    """The first and the last day of the period may be parts of days, so neither is counted."""
    if not dates or max(dates) - 2 * _WEEK <= min(dates):
        return []
    return [
        Totals(*ask(f"{_TOTALS} where day >= '{end - _WEEK}' and day < '{end}'")[0])
        for end in (max(dates), max(dates) - _WEEK)
    ]


def _classed(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Whole seconds, counted in the classes of `LENGTHS`."""
    counts: Counter[tuple[str, str]] = Counter()
    for provider, seconds, calls in rows:
        counts[provider, next(LENGTHS[end] for end in LENGTHS if seconds < end)] += calls
    return [(*key, calls) for key, calls in counts.items()]


def _averages(rows: Sequence[tuple[Any, ...]], dates: Sequence[date]) -> list[tuple[Any, ...]]:
    """Counts divided by how often their weekday is in the period, days without calls included."""
    length = (max(dates) - min(dates)).days + 1 if dates else 0
    weekdays = Counter((min(dates) + timedelta(days=day)).weekday() for day in range(length))
    return [(weekday, hour, calls / weekdays[weekday]) for weekday, hour, calls in rows]
