"""Random schedules of growth, trouble, kills and restarts: nothing lost, invented or mis-timed.

Some here; thousands with `make soak`. A seed that was red once is played for ever (red_seeds.json).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from schedules import Report, play
from seam import all_streams_with
from support import PROVIDERS

from tap_callexports import window_reader
from tap_callexports.concurrency import in_order
from tap_callexports.errors import ExportError
from tap_callexports.http.client import HttpClient
from tap_callexports.records.timestamps import format_instant, parse_instant
from tap_callexports.singer.state import Bookmark
from tap_callexports.sync import Sync
from tap_callexports.windows import Planner, Window

_SCHEDULES, _BATCH = 40, 10
_RED = json.loads((Path(__file__).parent / "red_seeds.json").read_text("utf-8"))


def assert_green(provider: str, seed: int, report: Report) -> None:
    story = "\n".join([*report.story, *map(str, report.problems)])
    assert not report.problems, f"{provider} {seed}\n{story}"


@pytest.mark.covers(
    21, 24, 30, 31, 40, 43, 82, 84, 86, 87, 91, 94, 103, 107, 116, 117, 121, 151, 156, 160
)
@pytest.mark.parametrize("first", range(0, _SCHEDULES, _BATCH))
@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_happens_nothing_is_lost_invented_or_mis_timed(provider: str, first: int) -> None:
    runs = kills = faults = 0
    for seed in range(first, first + _BATCH):
        report = play(provider, seed)
        assert_green(provider, seed, report)
        runs += report.counts["runs"]
        kills += report.counts["kills"]
        faults += report.counts["faults"]
    assert runs > 3 * _BATCH
    assert kills
    assert faults


@pytest.mark.parametrize(
    ("provider", "seed"), [(red["provider"], red["seed"]) for red in _RED], ids=str
)
def test_seeds_that_were_red_once_stay_green(provider: str, seed: int) -> None:
    assert_green(provider, seed, play(provider, seed))


# Taps with a mistake: the schedules are of no use unless they find it.


def _late_bookmarks() -> AbstractContextManager[object]:
    def move_to(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
        value = bookmark.value
        bookmark._set(value + timedelta(days=1) if value else end + timedelta(days=1), as_of)

    return patch.object(Bookmark, "move_to", move_to)


def _as_of_before_all_is_read() -> AbstractContextManager[object]:
    def move_to(bookmark: Bookmark, end: datetime, as_of: datetime) -> None:
        bookmark._set(max(end, bookmark.value or end), as_of)

    return patch.object(Bookmark, "move_to", move_to)


def _machines_clock_only() -> AbstractContextManager[object]:
    return patch.object(HttpClient, "_check_clock", lambda *_: None)


def _no_lookback() -> AbstractContextManager[object]:
    return all_streams_with(lookback=timedelta())


def _gaps_between_windows() -> AbstractContextManager[object]:
    honest = Planner.next_window

    def next_window(planner: Planner) -> Window | None:
        window = honest(planner)
        return Window(window.start + window.length / 4, window.end) if window else None

    return patch.object(Planner, "next_window", next_window)


def _windows_out_of_order() -> AbstractContextManager[object]:
    honest = in_order

    def pairs_reversed(pieces: Iterator[Callable[[], Iterator[object]]], workers: int) -> object:
        ahead = takewhile(callable, pieces)
        pairs = iter(lambda: [piece for _, piece in zip(range(2), ahead, strict=False)], [])
        return honest((piece for pair in pairs for piece in reversed(pair)), 1 if workers else 0)

    return patch.object(window_reader, "in_order", pairs_reversed)


def _failures_forgotten() -> AbstractContextManager[object]:
    @contextmanager
    def forgotten(*_: object) -> Iterator[None]:
        try:
            yield
        except ExportError:
            return

    return patch.object(Sync, "_outcome_kept", forgotten)


def _an_hour_off() -> AbstractContextManager[object]:
    honest = Sync._records

    def moved(line: bytes | dict[str, Any]) -> bytes:
        record = json.loads(line) if isinstance(line, bytes) else line
        for name in ("start_time", "created_at", "start_timestamp", "started_at"):
            if value := record.get(name):
                record[name] = format_instant(parse_instant(str(value)) + timedelta(hours=1))
        return json.dumps(record).encode()

    def batches(sync: Sync) -> Iterator[list[bytes]]:
        for records in honest(sync):
            yield [moved(record) for record in records]

    return patch.object(Sync, "_records", batches)


@pytest.mark.parametrize(
    ("provider", "mistake", "kinds"),
    [
        ("burki", _late_bookmarks, {"unsafe", "lost", "broken"}),
        ("twin24", _as_of_before_all_is_read, {"unsafe", "lost", "broken"}),
        ("burki", _machines_clock_only, {"unsafe", "lost", "broken"}),
        ("burki", _no_lookback, {"unsafe", "lost"}),
        ("burki", _gaps_between_windows, {"unsafe", "lost"}),
        ("burki", _windows_out_of_order, {"unsafe", "lost"}),
        ("burki", _failures_forgotten, {"unsafe", "lost", "broken"}),
        ("burki", _an_hour_off, {"mis-timed"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_schedules_find_a_tap_with_a_mistake(
    provider: str, mistake: Callable[[], AbstractContextManager[object]], kinds: set[str]
) -> None:
    with mistake():
        for seed in range(100):
            if problems := play(provider, seed).problems:
                assert problems[0].kind in kinds
                return
    pytest.fail("no schedule found the mistake")
