"""Requests wait for their turn where a setting limits how many there are in a minute."""

from __future__ import annotations

from itertools import pairwise

import pytest
from expected_streams import DETAILS, FIRST_OF
from inprocess import opened_for

from sandbox import Fault


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
