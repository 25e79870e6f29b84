"""Every STATE line of a run with many windows is a safe place to restart: all, no sample."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta, timezone

import pytest
from expected_streams import BY_NAME, TIMED
from inprocess import Place, opened
from one_stream import provider_of
from oracle import Judge, Ledger, Target, bookmarks
from servers import facts, lasting, passing

from sandbox.videsk import VideskApi

_START = datetime(2024, 5, 1, tzinfo=timezone.utc)
_END = datetime(2024, 6, 1, tzinfo=timezone.utc)
_FEWEST_STATES, _CAP = 8, 9


@pytest.mark.covers(13, 71, 117, 151, 156, 160)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", BY_NAME)
def test_every_state_and_what_came_before_it_make_the_truth(stream: str, workers: int) -> None:
    with opened(provider_of(stream), _END, seed=11, rows=30, start=_START, window_rows=4) as place:
        dice = random.Random(stream)
        known = {**lasting(dice, place.api), **passing(dice, place.api, (stream,))}
        lookbacks = {name: 24 for name in known if name.endswith("lookback_hours")}
        known |= {**lookbacks, "max_concurrency": workers}
        place.api.of(stream).add(50, _START, _END)
        if isinstance(place.api, VideskApi):
            # One worker's windows end on answers: small ones, so that there are many.
            place.api.options.cap, place.api.options.cap_declared = _CAP, "yes"
        states = restarted_from_everywhere(place, stream, known)
    sys.stdout.write(f"{stream}: {states} states\n")
    # What is read whole, in one step, is not in the state.
    if stream in TIMED:
        assert states >= _FEWEST_STATES


def restarted_from_everywhere(place: Place, stream: str, settings: dict[str, object]) -> int:
    """Run once, then again from each STATE with what came before it; how many there were."""
    config = {
        place.api.name: {**place.api.config(), **settings},
        "start_date": _START.isoformat(),
    }
    ledger = Ledger(place.api, stream, facts(stream, {"appointments_ahead_days": 90, **settings}))
    ledger.look()
    ledger.owe({})
    end = _END - timedelta(minutes=int(str(settings["settle_minutes"])))
    judge = Judge([ledger], _START, end, beyond=True, as_of=end)
    first = place.run(config, streams=(stream,))
    assert first.code == 0, first.complaints
    target = Target({stream: {}})
    kept = [Target({stream: {}}), *judge.replay(first, target)]
    judge.check_complete(ledger, target, {})
    assert target.tables[stream]
    for point in kept:
        again = place.run(config, streams=(stream,), state=point.state or None)
        assert again.code == 0, again.complaints
        target = point.copy()
        judge.replay(again, target)
        judge.check_complete(ledger, target, point.state)
        assert not judge.problems, bookmarks(point.state, stream)
    return len(kept) - 1
