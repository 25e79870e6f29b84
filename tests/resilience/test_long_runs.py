"""Runs that take long: calls keep arriving, requests are limited, windows are too large."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from expected_streams import BY_NAME, DETAILS, FIRST_OF, LISTS
from inprocess import END, START, opened_for
from seam import limits
from support import JSON, assert_table_is, upserted

from sandbox import Fault
from sandbox.http import Reply, Request

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize("stream", [*FIRST_OF.values(), *DETAILS])
def test_every_request_waits_for_its_turn(stream: str) -> None:
    """Also one that is sent again, and a login."""
    with opened_for(stream, rows=40) as place:
        place.faults.add(Fault("status"), skip=1)
        place.faults.add(Fault("reset"), skip=2)
        ran = place.export(stream, requests_per_minute=30, max_concurrency=1)
    assert ran.code == 0, ran.complaints
    starts = [sent.at for sent in ran.wire.sent]
    assert len(starts) > 2
    assert sum(ran.wire.failed.values())
    assert min(after - before for before, after in pairwise(starts)) >= 1.5


@pytest.mark.parametrize("stream", LISTS)
def test_a_response_that_is_too_large_is_requested_in_halves(stream: str) -> None:
    with opened_for(stream) as place:
        place.api.of(stream).add(60, START, END)
        lengths: list[int] = []

        def measure(_: Request, reply: Reply) -> Reply:
            lengths.append(len(place.unpacked(reply)))
            return reply

        place.change_responses(measure)
        whole = place.export(stream)
        with limits(MAX_BODY_BYTES=max(lengths) // 2):
            in_halves = place.export(stream)
        assert_table_is(in_halves.table(stream), place.api.truth(stream))
    assert (whole.code, in_halves.code) == (0, 0)
    assert len(in_halves.wire.sent) > len(whole.wire.sent)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", LISTS)
def test_a_backfill_that_is_killed_again_and_again_gets_to_its_end(
    stream: str, workers: int
) -> None:
    """Each run dies after fewer lines than the lookback holds rows."""
    days, rows_a_day, entry = 8, 30, BY_NAME[stream]
    with opened_for(stream) as place:
        step = DAY / rows_a_day
        place.api.of(stream).add_at(*(START + n * step for n in range(days * rows_a_day)))
        settings = {**entry.settings, entry.lookback: 72, "max_concurrency": workers}
        config: JSON = {
            place.api.name: {**place.api.config(), **settings},
            "start_date": START.isoformat(),
        }
        state: JSON = {}
        table: dict[tuple[object, ...], JSON] = {}
        for number in range(days + 5):  # noqa: B007 - its last value counts
            ran = place.run(config, streams=(stream,), state=state, dies_after=60)
            table = upserted(table, ran, stream)
            if ran.code == 0:
                break
            assert ran.state, "the run has not come further than the one before"
            assert ran.state != state, "the run has not come further than the one before"
            state = ran.state
        assert ran.code == 0
        assert number > 2
        assert_table_is(table, place.api.truth(stream))
