"""Random schedules of growth, faults, kills and restarts: nothing lost, invented or mis-timed.

A few here, 300 of each provider in `make test-all`, any number with `make soak`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from schedules import run_schedule
from seam import all_streams_with
from support import PROVIDERS

from tap_callexports.singer.state import Bookmark

SCHEDULES, MANY, BATCH = 16, 300, 20


def assert_green(provider: str, seeds: range) -> None:
    runs = 0
    for seed in seeds:
        report = run_schedule(provider, seed)
        story = "\n".join([*report.story, *map(str, report.problems)])
        assert not report.problems, f"{provider} {seed}\n{story}"
        runs += report.counts["runs"]
    assert runs >= len(seeds)


@pytest.mark.parametrize("first", range(0, SCHEDULES, 8))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_happens_nothing_is_lost_invented_or_mis_timed(provider: str, first: int) -> None:
    assert_green(provider, range(first, first + 8))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SCHEDULES, MANY, BATCH))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_many_schedules(provider: str, first: int) -> None:
    assert_green(provider, range(first, min(first + BATCH, MANY)))


# Taps with a bug: the schedules are of no use unless they find it.


def _late_bookmark(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
    bookmark._set((bookmark.value or end) + timedelta(days=1), as_of)


def _early_as_of(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
    bookmark._set(max(end, bookmark.value or end), as_of)


BUGS: dict[str, tuple[str, AbstractContextManager[object]]] = {
    "late bookmarks": ("burki", patch.object(Bookmark, "move_to", _late_bookmark)),
    "as_of before all is read": ("twin24", patch.object(Bookmark, "move_to", _early_as_of)),
    "no lookback": ("burki", all_streams_with(lookback=timedelta())),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_schedules_find_a_bug(bug: str) -> None:
    provider, planted = BUGS[bug]
    with planted:
        assert any(run_schedule(provider, seed).problems for seed in range(100))
