"""`requests_per_minute` on the wire: what the server writes down, logins and repetitions too."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest
from inprocess import opened
from seam import starts_of_requests
from support import JSON, assert_table_is, run_tap

from sandbox import Api, Fault, Sandbox

START, END = datetime(2024, 5, 1, tzinfo=timezone.utc), datetime(2024, 5, 15, tzinfo=timezone.utc)
PER_MINUTE = 1200
SPACING = 60 / PER_MINUTE
#: So many requests wait at the same time.
WORKERS = 8
#: By how much two clocks of one machine may differ, in seconds.
CLOCKS = 0.005


def trouble(api: Api, path: str) -> None:
    """What makes a tap ask again."""
    api.faults.add(Fault("status", status=503, times=4), path, skip=3)
    api.faults.add(Fault("reset", times=3), path, skip=8)
    api.faults.add(Fault("cut_json", times=2), path, skip=12)
    api.faults.add(Fault("status", status=429, headers={"Retry-After": "1"}), path, skip=16)
    api.faults.add(Fault("slow", seconds=3 * SPACING, times=9, every=3), path)


@pytest.mark.covers(118)
@pytest.mark.parametrize(
    "stream", ["twin24_incoming_calls", "burki_calls", "burki_call_transcripts"]
)
def test_no_two_requests_arrive_nearer_than_the_budget_spaces_them(stream: str) -> None:
    wall = time.time() - time.monotonic()
    with starts_of_requests() as begun, Sandbox(seed=5, rows=40, start=START, end=END) as box:
        (api,) = (api for api in box.apis.values() if stream in api.streams)
        # Enough for all workers, whoever of them gets the next turns: a second 401 is final.
        box.twin24.options.tokens_valid_requests = 5 * WORKERS
        trouble(api, {"burki_calls": "/export"}.get(stream, ""))
        settings = {
            **api.config(),
            "requests_per_minute": PER_MINUTE,
            "max_concurrency": WORKERS,
            "lookback_hours": 0,
        }
        config: JSON = {
            api.name: settings,
            "start_date": (START - timedelta(days=3000)).isoformat(),
            "end_date": END.isoformat(),
        }
        run = run_tap(config, streams=[stream])
        assert run.code == 0
        assert_table_is(run.table(stream), box.truth(stream))
        asked = sorted(api.requests, key=lambda request: request.time)
    paths = [request.path for request in asked]
    logins = sum(path.endswith("/auth/login") for path in paths)
    assert logins >= 2 or "twin24" not in stream
    assert any(path.endswith("/calls/count") for path in paths) or stream != "burki_calls"
    assert sum(request.status in {0, 429, 503} for request in asked) >= 8
    assert len(asked) >= 20
    # Every request had a turn, no two turns are nearer than they should be, and no request came
    # before its turn: so two of them are nearer only by how long the first was on its way.
    starts = sorted(wall + start for start in begun)
    assert len(starts) == len(asked)
    assert min(after - before for before, after in pairwise(starts)) >= SPACING - 1e-6
    assert all(start <= request.time + CLOCKS for start, request in zip(starts, asked, strict=True))


@pytest.mark.parametrize("workers", [1, 8])
def test_the_smallest_budget_only_makes_a_run_slow(workers: int) -> None:
    with opened("anunzi", END, seed=5, rows=80, start=START) as place:
        config: JSON = {
            "anunzi": {
                **place.api.config(),
                "requests_per_minute": 1,
                "max_concurrency": workers,
            },
            "start_date": START.isoformat(),
        }
        ran = place.run(config, streams=("anunzi_call_details",))
        assert ran.complaints == []
        assert ran.code == 0
        assert ran.wire is not None
        assert len(ran.wire.sent) > 60
