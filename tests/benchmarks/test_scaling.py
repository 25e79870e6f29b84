"""Runs on paper ask what real ones ask: of the same calls, the same requests and windows."""

from __future__ import annotations

import os
import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from seam import start_of_run
from support import Run, run_tap, upserted

from benchmarks.scaling.history import Year
from benchmarks.scaling.page import PAGE, with_blocks
from benchmarks.scaling.runs import Job, Played, Provider
from benchmarks.scaling.tables import blocks
from sandbox import Sandbox
from sandbox.api import Api
from sandbox.traffic import instants
from tap_callexports.records.timestamps import format_instant

START, END = datetime(2024, 5, 1, tzinfo=timezone.utc), datetime(2024, 6, 1, tzinfo=timezone.utc)
END_OF_YEAR = START + timedelta(days=366)
SECOND = timedelta(seconds=1)
#: Enough for several windows of 20,000 rows, and for splits of windows.
CALLS = 22_000
#: A call has a request of its own here, so there are fewer.
CALLS_ASKED_ONE_BY_ONE = 2_000


class Listed:
    """Calls at given instants.

    Args:
        instants: When they began, in order.
    """

    def __init__(self, instants: Sequence[datetime]) -> None:
        self._instants = instants

    def before(self, instant: datetime) -> int:
        """How many calls began before an instant."""
        return bisect_left(self._instants, instant)


@dataclass(frozen=True)
class Case:
    """A stream, and how it is read."""

    stream: str
    settings: dict[str, Any] = field(default_factory=dict)
    calls: int = CALLS
    cap: int = 5000


CASES = [
    Case("videsk_calls", {"max_concurrency": 1}),
    Case("videsk_calls", {"max_concurrency": 1}, cap=100_000),
    Case("videsk_calls"),
    Case("anunzi_calls"),
    Case("anunzi_calls", {"page_size": 1000, "max_concurrency": 1}),
    Case("anunzi_call_details", calls=CALLS_ASKED_ONE_BY_ONE),
    Case("twin24_incoming_calls"),
    Case("twin24_calls", {"max_records": 8_000}),
    Case("burki_calls"),
    Case("burki_call_list"),
    Case("burki_call_transcripts", calls=CALLS_ASKED_ONE_BY_ONE),
]


def times_of(calls: int) -> list[datetime]:
    return instants(random.Random(7), calls, START, END, SECOND)


def filled(box: Sandbox, case: Case) -> Api:
    """The provider of a case with calls at known times, all of them over."""
    (api,) = (api for api in box.apis.values() if case.stream in api.streams)
    api.of(case.stream).add_at(*times_of(case.calls))
    box.videsk.options.cap = case.cap
    api.requests.clear()
    return api


def real(api: Api, case: Case) -> tuple[Run, int]:
    """A run of the tap, and its requests without logins."""
    config = {
        api.name: {**api.config(), **case.settings},
        "start_date": START.isoformat(),
        "end_date": END.isoformat(),
    }
    run = run_tap(config, streams=[case.stream])
    assert run.code == 0
    return run, sum("login" not in request.path for request in api.requests)


@pytest.fixture
def empty() -> Iterator[Sandbox]:
    with Sandbox(seed=1, rows=0, start=START, end=END) as box:
        yield box


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.stream} {case.settings}")
def test_a_run_on_paper_asks_what_a_real_one_asks(empty: Sandbox, case: Case) -> None:
    run, requests = real(filled(empty, case), case)
    assert run.tap is not None
    [tally] = run.tap.this_run.progress.all_stats
    history = Listed(times_of(case.calls))
    account = Provider(case.stream, history, cap=case.cap, **case.settings)
    played = account.run(START, END)
    assert len(run.table(case.stream)) == case.calls
    assert (played.requests, played.windows) == (requests, tally.windows)
    assert played.state["replication_key_value"] == run.bookmark(case.stream)


@pytest.mark.parametrize(
    ("stream", "settings"),
    [
        ("videsk_calls", {"max_concurrency": 1}),
        ("anunzi_calls", {"page_size": 100}),
        ("twin24_calls", {}),
        ("burki_call_list", {}),
        ("anunzi_call_details", {}),
    ],
)
def test_incremental_runs_on_paper_ask_what_real_ones_ask(
    empty: Sandbox, stream: str, settings: dict[str, Any]
) -> None:
    case = Case(stream, settings, CALLS_ASKED_ONE_BY_ONE)
    api = filled(empty, case)
    account = Provider(stream, Listed(times_of(case.calls)), **settings)
    every, now, read = timedelta(hours=6), START + timedelta(days=20), 0
    settled = timedelta(minutes=account.settings["settle_minutes"])
    for _ in range(4):
        api.requests.clear()
        played = account.again(now, every)
        state = {"bookmarks": {stream: bookmark(now - every)}}
        with start_of_run(now + settled):
            run = run_tap({api.name: {**api.config(), **settings}}, streams=[stream], state=state)
        requests = sum("login" not in request.path for request in api.requests)
        assert (played.requests, played.rows) == (requests, len(run.records(stream)))
        read += played.rows
        assert played.state["replication_key_value"] == run.bookmark(stream)
        now += every
    assert read > 50


def bookmark(instant: datetime) -> dict[str, str]:
    return {"replication_key": "x", "replication_key_value": format_instant(instant)}


def test_short_lookbacks_by_the_hour_and_a_wide_one_at_night_share_a_state() -> None:
    midnight = START + timedelta(days=10)
    hours = [midnight + number * timedelta(hours=1) for number in range(25)]
    with Sandbox(seed=3, rows=300, start=START, end=midnight + timedelta(days=1)) as box:
        api, stream = box.burki, "burki_calls"

        def export(now: datetime, **settings: int) -> Run:
            config = {"burki": {**api.config(), **settings}, "start_date": START.isoformat()}
            with start_of_run(now):
                return run_tap(config, state=state, streams=[stream])

        state: dict[str, Any] = {}
        run = export(hours[0])
        table, state = run.table(stream), run.state
        (late,) = api.add_at(hours[0] - timedelta(hours=3))
        for now in hours[1:-1]:
            run = export(now, lookback_hours=2)
            table, state = upserted(table, run, stream), run.state
        # A bookmark of all of them: no hour of the day was left out.
        assert run.bookmark(stream) == format_instant(hours[-2] - timedelta(minutes=5))
        missing = set(box.truth(stream)) - set(table)
        assert (late.canonical["id"],) in missing
        nightly = export(hours[-1], lookback_hours=48)
        table = upserted(table, nightly, stream)
        end = nightly.bookmark(stream)
        assert end is not None
        truth = box.truth(stream).items()
        assert {key for key, row in truth if row["started_at"] < end} == set(table)


def test_the_page_is_what_the_simulation_says() -> None:
    text = PAGE.read_text("utf-8")
    wanted = with_blocks(text, blocks())
    if os.environ.get("UPDATE_SNAPSHOTS") and text != wanted:
        PAGE.write_text(wanted, "utf-8")
    else:
        assert text == wanted, "run `make scaling`, and read the difference"


def test_a_page_without_a_place_is_noticed() -> None:
    with pytest.raises(ValueError, match="no place for runs"):
        with_blocks("<!-- run -->\n<!-- end of run -->", {"runs": ""})


def test_a_year_has_as_many_calls_as_asked_for_and_most_of_them_in_office_hours() -> None:
    year = Year(1_000_000, START, END_OF_YEAR)
    assert year.before(END_OF_YEAR) == 1_000_000
    assert year.before(START) == 0
    thursday = datetime(2024, 5, 2, tzinfo=timezone.utc)
    day = [year.before(thursday + hour * timedelta(hours=1)) for hour in range(25)]
    by_hour = [after - before for before, after in pairwise(day)]
    assert sum(by_hour[8:18]) > 0.75 * sum(by_hour)
    assert 0 < by_hour[2] < by_hour[10] / 50


def test_windows_side_by_side_take_as_long_as_those_that_hold_them_up() -> None:
    whole = Played(8, 4, 4, [Job([2, 0], [1, 0]) for _ in range(4)], {})
    assert whole.seconds(1.0, at_once=1) == 8
    assert whole.seconds(1.0, at_once=2) == 4
    # Answer by answer: the second of a window ahead waits until the windows before are done.
    answers = Played(12, 2, 6, [Job([2, 2, 2, 0], [1, 1, 1, 0]) for _ in range(2)], {})
    assert answers.seconds(1.0, at_once=1) == 12
    assert answers.seconds(1.0, at_once=2) == 8
    assert answers.seconds(1.0, 0.5, at_once=1) == 15
