"""What is played: a year of each stream, and runs that look back, for one account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.scaling.costs import FILE_BYTES_PER_SECOND, Cost, costs
from benchmarks.scaling.history import Year
from benchmarks.scaling.runs import Played, Provider
from benchmarks.scaling.streams import CAP
from tap_callexports.records.timestamps import UTC

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The question.
ACCOUNTS, CALLS = 1_000, 10_000_000
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: A Monday in the middle of the year, from which incremental runs are looked at.
_MONDAY = datetime(2025, 6, 2, tzinfo=UTC)
#: Runs that stand for all of their kind, and how far apart they are. With that between them they
#: have every seventh hour of the week, and every hour of the day; the long ones every 21st hour.
_SHORT_RUNS, _LONG_RUNS = (24, 35 * HOUR), (8, 105 * HOUR)
_RAISED_CAP = 100_000


@dataclass(frozen=True, eq=False)
class Plan:
    """A way to read a stream.

    Args:
        title: How the tables call it.
        stream: Which.
        settings: The provider's, beside the defaults.
        cap: Of an answer of Videsk.
    """

    title: str
    stream: str
    settings: dict[str, Any] = field(default_factory=dict)
    cap: int = CAP

    @property
    def by_call(self) -> bool:
        """Whether each call is asked for."""
        return self.stream.endswith(("_details", "_transcripts"))

    @property
    def cost(self) -> Cost:
        """What its rows cost."""
        return costs()[self.stream]


PLANS = (
    Plan("Videsk, cap 5,000", "videsk_calls"),
    Plan("Videsk, cap 100,000", "videsk_calls", cap=_RAISED_CAP),
    Plan("Anunzi, Retell: pages of 500", "anunzi_calls"),
    Plan("… `page_size: 1000`", "anunzi_calls", {"page_size": 1000}),
    Plan("Twin24: pages of 1,000", "twin24_incoming_calls"),
    Plan("Burki: files", "burki_calls"),
    Plan("Burki: list", "burki_call_list"),
    Plan("Anunzi, Retell: call by call", "anunzi_call_details"),
    Plan("Burki: transcripts", "burki_call_transcripts"),
)
#: The ways that the page's other tables look at: one of each provider, and those call by call.
USUAL = tuple(plan for plan in PLANS if not plan.settings and plan.cap == CAP)


@dataclass(frozen=True)
class Backfill:
    """A plan, carried out for a year of one account."""

    plan: Plan
    played: Played
    at_once: int

    def hours(
        self, latency: float, per_minute: int | None = None, at_once: int | None = None
    ) -> float:
        """How long it takes: as long as the answers do, or as the limit on requests allows.

        Args:
            latency: Seconds of an answer.
            per_minute: Limit on requests.
            at_once: `max_concurrency`, where it is not the plan's.
        """
        row_seconds = 0.0
        if self.plan.stream == "burki_calls":
            row_seconds = self.plan.cost.line / FILE_BYTES_PER_SECOND
        workers = at_once or self.at_once
        seconds = self.played.seconds(
            latency,
            row_seconds,
            at_once=1 if self.plan.by_call else workers,
            calls_at_once=workers if self.plan.by_call else 1,
        )
        if per_minute:
            seconds = max(seconds, self.played.requests * 60 / per_minute)
        return seconds / 3600


def backfills() -> list[Backfill]:
    """A year of every plan."""
    return list(_backfills())


def _backfills() -> Iterator[Backfill]:
    year = Year(CALLS, START, END)
    for plan in PLANS:
        account = Provider(plan.stream, year, cap=plan.cap, **plan.settings)
        yield Backfill(plan, account.run(START, END), account.settings["max_concurrency"])


@dataclass(frozen=True)
class Again:
    """What a year of incremental runs of one account takes.

    Args:
        read: Rows read for each new one.
        requests: In a year.
    """

    read: float
    requests: float


@cache
def again(plan: Plan, every: timedelta, lookback: int | None = None) -> Again:
    """A year of incremental runs.

    Args:
        plan: What is read.
        every: How often.
        lookback: Hours; by default the provider's.
    """
    name = "details_lookback_hours" if plan.by_call else "lookback_hours"
    settings = {**plan.settings} if lookback is None else {**plan.settings, name: lookback}
    year = Year(CALLS, START, END)
    account = Provider(plan.stream, year, cap=plan.cap, **settings)
    number, between = _SHORT_RUNS if every <= DAY else _LONG_RUNS
    ends = [_MONDAY + place * between for place in range(number)]
    runs = [account.again(end, every) for end in ends]
    new = sum(year.before(end) - year.before(end - every) for end in ends)
    a_year = (END - START) / every / number
    return Again(sum(run.rows for run in runs) / new, sum(r.requests for r in runs) * a_year)
