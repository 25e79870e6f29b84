"""Random schedules of growth, faults, kills and restarts: nothing lost, invented or mis-timed.

A few here, 300 of each provider in `make test-all`, any number with `make soak`.
"""

from __future__ import annotations

import pytest
from schedules import run_schedule
from support import PROVIDERS

SCHEDULES, MANY, BATCH = 8, 300, 20


def assert_green(provider: str, seeds: range) -> None:
    runs = 0
    for seed in seeds:
        report = run_schedule(provider, seed)
        story = "\n".join([*report.story, *map(str, report.problems)])
        assert not report.problems, f"{provider} {seed}\n{story}"
        runs += report.counts["runs"]
    assert runs >= len(seeds)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_happens_nothing_is_lost_invented_or_mis_timed(provider: str) -> None:
    assert_green(provider, range(SCHEDULES))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SCHEDULES, MANY, BATCH))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_many_schedules(provider: str, first: int) -> None:
    assert_green(provider, range(first, min(first + BATCH, MANY)))
