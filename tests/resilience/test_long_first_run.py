"""A first run of many years that is stopped again and again ends all the same, step by step."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from expected_streams import entry_of
from inprocess import opened
from one_stream import provider_of
from support import JSON, assert_table_is, run_tap, upserted

from sandbox import Fault, Sandbox
from sandbox.instants import UTC

START, END = datetime(2014, 6, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)
#: Requests each run gets, before its server refuses everything.
BUDGET = 24


STREAMS = ("videsk_calls", "anunzi_calls", "anunzi_call_details", "twin24_calls", "burki_calls")


@pytest.mark.covers(156, 159)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", STREAMS)
def test_ten_years_are_read_in_as_many_runs_as_it_takes(stream: str, workers: int) -> None:
    with Sandbox(seed=3, rows=150, start=START, end=END) as box:
        (api,) = (api for api in box.apis.values() if stream in api.streams)
        settings = {**api.config(), **entry_of(stream).no_lookback, "max_concurrency": workers}
        config: JSON = {
            api.name: settings,
            "start_date": START.isoformat(),
            "end_date": END.isoformat(),
        }
        state: JSON = {}
        table: dict[tuple[object, ...], JSON] = {}
        bookmarks = [""]
        for _ in range(60):
            api.faults.clear()
            api.faults.add(Fault("status", status=400, times=10**9), skip=BUDGET)
            run = run_tap(config, state=state, streams=[stream])
            table = upserted(table, run, stream)
            state = run.state or state
            bookmarks.append(run.bookmark(stream) or bookmarks[-1])
            if run.code == 0:
                break
            assert bookmarks[-1] > bookmarks[-2], "a run that was stopped has left no more state"
    assert run.code == 0
    assert len(bookmarks) > 3, "it was never stopped: the test shows nothing"
    assert_table_is(table, box.truth(stream))


@pytest.mark.covers(156, 159)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    "stream", ["videsk_calls", "videsk_forms", "anunzi_calls", "twin24_calls", "burki_calls"]
)
def test_a_backfill_that_is_killed_again_and_again_resumes_where_it_stopped(
    stream: str, workers: int
) -> None:
    """Each run dies after fewer lines than the lookback holds rows."""
    start, days, rows_a_day, lines = datetime(2024, 5, 1, tzinfo=UTC), 16, 30, 60
    now = start + timedelta(days=90)
    with opened(provider_of(stream), now, seed=2, rows=0, start=start) as place:
        step = timedelta(days=1) / rows_a_day
        place.api.of(stream).add_at(*(start + number * step for number in range(days * rows_a_day)))
        settings = {**place.api.config(), "lookback_hours": 72, "max_concurrency": workers}
        config: JSON = {place.api.name: settings, "start_date": start.isoformat()}
        state: JSON = {}
        table: dict[tuple[object, ...], JSON] = {}
        bookmarks = [""]
        for _ in range(days + 5):
            ran = place.run(config, streams=(stream,), state=state, dies_after=lines)
            table = upserted(table, ran, stream)
            state = ran.state or state
            bookmarks.append(bookmarks_of(state, stream))
            if ran.code == 0:
                break
            assert bookmarks[-1] > bookmarks[-2], "the run has not come further than the last one"
        assert ran.code == 0
        assert len(bookmarks) > 5
        assert_table_is(table, place.api.truth(stream))


def bookmarks_of(state: JSON, stream: str) -> str:
    """The bookmark of a stream, or those of its partitions, in their order."""
    entry = state.get("bookmarks", {}).get(stream, {})
    parts = entry.get("partitions") or [entry]
    return "".join(part.get("replication_key_value") or "" for part in parts)
