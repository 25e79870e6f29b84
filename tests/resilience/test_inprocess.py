"""The way without sockets behaves as the one with them, in health and in trouble."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from checks import ends_of
from inprocess import opened
from support import PROVIDERS, catalog_of, clock_at, run_tap

from sandbox import Api, Fault, Sandbox

_START = datetime(2024, 5, 1, tzinfo=timezone.utc)
_END = datetime(2024, 5, 11, tzinfo=timezone.utc)

_FAULTS = {
    "none": None,
    "reset": Fault("reset", times=2),
    "cut body": Fault("cut_body", times=2),
    "cut JSON": Fault("cut_json"),
    "HTML": Fault("html", times=2),
    "empty": Fault("empty"),
    "error object": Fault("error_object"),
    "503 for ever": Fault("status", times=10**6),
    "429": Fault("status", status=429, headers={"Retry-After": "0"}),
    "a wait too long": Fault("status", status=503, headers={"Retry-After": "4000"}),
    "redirect": Fault("redirect"),
    "forbidden": Fault("status", status=403),
}


def shown(lines: list[str]) -> list[str]:
    """Complaints without how long something took."""
    return [re.sub(r"\d+ s\b", "n s", line) for line in lines]


def asked(api: Api) -> list[tuple[str, object, int]]:
    return [
        (request.path, request.query or request.body, request.status) for request in api.requests
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", _FAULTS)
def test_trouble_is_the_same_with_and_without_sockets(provider: str, kind: str) -> None:
    fault = _FAULTS[kind]
    settings = {"max_concurrency": 1, "settle_minutes": 0}
    with Sandbox(3, 12, _START, _END) as box:
        api = box.apis[provider]
        if fault:
            api.faults.add(fault, skip=2)
        config = {
            provider: {**api.config(), **settings},
            "start_date": _START.isoformat(),
            "end_date": _END.isoformat(),
        }
        with clock_at(_END - timedelta(minutes=5)):
            real = run_tap(config, catalog=catalog_of(config, api.streams[:1]))
        real_asked, truth = asked(api), api.truth(api.streams[0])
    with opened(provider, _END, seed=3, rows=12, start=_START) as place:
        api = place.api
        if fault:
            api.faults.add(fault, skip=2)
        config = {**config, provider: {**api.config(), **settings}}
        ran = place.run(config, streams=api.streams[:1])
        assert [line for line in ran.lines if line["type"] == "STATE"] == [
            line for line in real.lines if line["type"] == "STATE"
        ]
        assert ran.code == real.code
        assert asked(api) == real_asked
        assert ran.table(api.streams[0]) == real.table(api.streams[0])
        assert (ran.table(api.streams[0]).keys() == truth.keys()) == (ran.code == 0)
    failures = real.tap.failures.values() if real.tap else ()
    assert shown(ran.complaints) == shown([str(failure) for failure in failures])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_range_that_a_request_asks_for_is_known_whoever_is_asked(provider: str) -> None:
    with opened(provider, _END, seed=3, rows=3, start=_START) as place:
        config = {provider: place.api.config(), "start_date": _START.isoformat()}
        ran = place.run(config, streams=place.api.streams[:1])
    assert ran.wire is not None
    ends = [at for sent in ran.wire.sent for at in ends_of(sent)]
    assert ends, f"ends_of in tests/resilience/checks.py sees no range in requests to {provider}"
    assert _START - timedelta(seconds=2) <= min(ends) < max(ends) <= _END + timedelta(seconds=2)


def test_a_compressed_answer_that_is_cut_is_asked_for_again() -> None:
    with opened("videsk", _END, seed=3, rows=12, start=_START) as place:
        place.zipped, place.cut_share = True, 0.9
        place.faults.add(Fault("cut_body", times=2), skip=1)
        settings = {**place.api.config(), "max_concurrency": 1}
        config = {"videsk": settings, "start_date": _START.isoformat()}
        ran = place.run(config, streams=("videsk_calls",))
        assert ran.code == 0
        assert len(place.faults.served) == 2
        assert ran.wire is not None
        assert max(ran.wire.failed.values()) == 2


def test_requests_to_another_host_are_noticed() -> None:
    with opened("burki", _END, seed=3, rows=3, start=_START) as place:
        settings = {**place.api.config(), "api_url": "https://other.example.test/burki"}
        config = {"burki": settings, "start_date": _START.isoformat()}
        ran = place.run(config, streams=("burki_calls",))
        assert ran.wire is not None
        assert ran.wire.strays


def test_a_process_that_dies_leaves_whole_lines_and_half_of_the_next() -> None:
    with opened("burki", _END, seed=3, rows=12, start=_START) as place:
        config = {"burki": place.api.config(), "start_date": _START.isoformat()}
        whole = place.run(config, streams=("burki_calls",))
        for after in range(len(whole.lines)):
            ran = place.run(config, streams=("burki_calls",), dies_after=after)
            assert ran.died
            assert len(ran.lines) == after
            assert not ran.text.endswith("\n")
