"""Random schedules of growth, faults, kills and restarts: nothing lost, invented or mis-timed.

A few here, 300 of each provider in `make test-all`, any number with `make soak`. A seed that once
found a bug is run for ever (red_seeds.json).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from schedules import run_schedule
from seam import all_streams_with
from support import PROVIDERS

from tap_callexports.errors import ExportError
from tap_callexports.http.client import HttpClient
from tap_callexports.singer.state import Bookmark
from tap_callexports.sync import Sync
from tap_callexports.windows import Planner, Window

SCHEDULES, MANY, BATCH = 16, 300, 20
RED = json.loads((Path(__file__).parent / "red_seeds.json").read_text("utf-8"))


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


@pytest.mark.parametrize(
    ("provider", "seed"), [(red["provider"], red["seed"]) for red in RED], ids=str
)
def test_seeds_that_were_red_once_stay_green(provider: str, seed: int) -> None:
    assert_green(provider, range(seed, seed + 1))


# Taps with a bug: the schedules are of no use unless they find it.


def _late_bookmark(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
    bookmark._set((bookmark.value or end) + timedelta(days=1), as_of)


def _early_as_of(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
    bookmark._set(max(end, bookmark.value or end), as_of)


def _gap(honest: Callable[[Planner], Window | None], planner: Planner) -> Window | None:
    window = honest(planner)
    return Window(window.start + window.length / 4, window.end) if window else None


@contextmanager
def _failure_forgotten(*_: object) -> Iterator[None]:
    try:
        yield
    except ExportError:
        return


def _gap_after_windows() -> AbstractContextManager[object]:
    honest = Planner.next_window
    return patch.object(Planner, "next_window", lambda planner: _gap(honest, planner))


BUGS: dict[str, tuple[str, Callable[[], AbstractContextManager[Any]]]] = {
    "late bookmarks": ("burki", partial(patch.object, Bookmark, "move_to", _late_bookmark)),
    "as_of before all is read": (
        "twin24",
        partial(patch.object, Bookmark, "move_to", _early_as_of),
    ),
    "this machine's clock": (
        "burki",
        partial(patch.object, HttpClient, "_check_clock", lambda *_: None),
    ),
    "no lookback": ("burki", partial(all_streams_with, lookback=timedelta())),
    "gaps between windows": ("burki", _gap_after_windows),
    "failures forgotten": (
        "burki",
        partial(patch.object, Sync, "_outcome_kept", _failure_forgotten),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_schedules_find_a_bug(bug: str) -> None:
    provider, planted = BUGS[bug]
    with planted():
        assert any(run_schedule(provider, seed).problems for seed in range(100))
