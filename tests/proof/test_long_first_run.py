"""A first run of many years that is stopped again and again ends all the same, step by step."""

from __future__ import annotations

from datetime import datetime

import pytest
from streams import entry_of
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
