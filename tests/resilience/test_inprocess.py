"""Runs without sockets behave as those with sockets, without and with faults."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from checks import instants_of
from inprocess import START, opened
from support import PROVIDERS, catalog_of, clock_at, run_tap

from sandbox import Api, Fault, Sandbox

END = START + timedelta(days=10)
FAULTS = {
    "none": None,
    "reset": Fault("reset", times=2),
    "cut body": Fault("cut_body", times=2),
    "HTML": Fault("html", times=2),
    "503 for ever": Fault("status", times=10**6),
    "redirect": Fault("redirect"),
}


def shown(lines: list[str]) -> list[str]:
    """Complaints without how long something took."""
    return [re.sub(r"\d+ s\b", "n s", line) for line in lines]


def received(api: Api) -> list[tuple[str, object, int]]:
    """The requests that a server received, and the status of its responses."""
    return [(sent.path, sent.query or sent.body, sent.status) for sent in api.requests]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", FAULTS)
def test_runs_are_the_same_with_and_without_sockets(provider: str, kind: str) -> None:
    fault = FAULTS[kind]
    settings = {"max_concurrency": 1, "settle_minutes": 0}
    span = {"start_date": START.isoformat(), "end_date": END.isoformat()}
    with Sandbox(3, 12, START, END) as box:
        api = box.apis[provider]
        stream = api.streams[0]
        if fault:
            api.faults.add(fault, skip=2)
        config = {provider: {**api.config(), **settings}, **span}
        with clock_at(END - timedelta(minutes=5)):
            real = run_tap(config, catalog=catalog_of(config, [stream]))
    with opened(provider, END, seed=3, rows=12) as place:
        if fault:
            place.faults.add(fault, skip=2)
        config = {provider: {**place.api.config(), **settings}, **span}
        ran = place.run(config, streams=(stream,))
    assert (ran.code, ran.states, shown(ran.complaints)) == (
        real.code,
        real.states,
        shown(real.complaints),
    )
    assert ran.table(stream) == real.table(stream)
    assert received(place.api) == received(api)
    assert (ran.table(stream).keys() == api.truth(stream).keys()) == (ran.code == 0)
    # The checks of random schedules see the range in the requests of every provider.
    instants = [at for sent in ran.wire.sent for at in instants_of(sent)]
    assert START - timedelta(seconds=2) <= min(instants) < max(instants)
    assert max(instants) <= END + timedelta(seconds=2)


def test_a_compressed_response_that_is_cut_is_requested_again() -> None:
    with opened("videsk", END, seed=3, rows=12) as place:
        place.zipped, place.cut_share = True, 0.9
        place.faults.add(Fault("cut_body", times=2), skip=1)
        ran = place.export("videsk_calls", max_concurrency=1)
        assert ran.code == 0
        assert len(place.faults.served) == 2
    assert max(ran.wire.failed.values()) == 2


def test_requests_to_another_host_are_noticed() -> None:
    with opened("burki", END, seed=3, rows=3) as place:
        ran = place.export("burki_calls", api_url="https://other.example.test/burki")
    assert ran.wire.strays


def test_a_process_that_dies_leaves_whole_lines_and_half_of_the_next() -> None:
    with opened("burki", END, seed=3, rows=12) as place:
        config = {"burki": place.api.config(), "start_date": START.isoformat()}
        whole = place.run(config, streams=("burki_calls",))
        for after in range(len(whole.lines)):
            ran = place.run(config, streams=("burki_calls",), dies_after=after)
            assert ran.died
            assert len(ran.lines) == after
            assert not ran.text.endswith("\n")
