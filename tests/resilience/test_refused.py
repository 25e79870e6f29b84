"""A provider or a stream that may not be read, or cannot be reached, ends nothing but itself."""

from __future__ import annotations

import re
import socket

import pytest
from expected_streams import BY_NAME
from inprocess import opened, opened_for
from support import JSON, run_tap

from sandbox import Fault, Sandbox
from tap_callexports.http.request import MAX_TRIES
from tap_callexports.providers import PROVIDERS

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
WRONG = "Wrong-Canary-Credential-91"
FOR_EVER = 10**6
#: Every setting of every group of credentials.
CREDENTIALS = [
    (provider.name, group, name)
    for provider in PROVIDERS
    for group in provider.credentials
    for name in group
]
ADDRESSES = [(provider.name, name) for provider in PROVIDERS for name in provider.url_settings]


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize(("provider", "group", "wrong"), CREDENTIALS)
def test_a_wrong_credential_ends_the_provider_within_two_requests(
    provider: str, group: tuple[str, ...], wrong: str, workers: int
) -> None:
    with opened(provider, rows=6) as place:
        known = place.api.config()
        (declared,) = (each for each in PROVIDERS if each.name == provider)
        others = {name for other in declared.credentials for name in other} - {*group}
        settings: JSON = {**known, **dict.fromkeys(others), wrong: WRONG}
        config = {**MAY, provider: {**settings, "max_concurrency": workers}}
        ran = place.run(config, streams=place.api.streams)
    assert ran.code == 1
    [line] = set(ran.complaints)
    assert f"{provider}.{wrong}" in line
    assert "\n" not in line
    assert WRONG not in line + "".join(ran.log) + ran.text
    assert len(ran.wire.sent) <= 2
    assert "replication_key_value" not in str(ran.state)


@pytest.mark.parametrize(("provider", "setting"), ADDRESSES)
def test_an_unreachable_host_costs_the_tries_of_one_request(
    box: Sandbox, provider: str, setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        config = {**MAY, provider: {**box.apis[provider].config(), setting: address}}
        ended = run_tap(config, streams=box.apis[provider].streams)
    assert ended.code == 1
    [line] = set(ended.complaints)
    assert "gave up after" in line
    assert setting == "api_url" or f"check {provider}.{setting}" in line
    retries = [message for message in caplog.messages if "next try in" in message]
    assert len(retries) < MAX_TRIES


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("stream", BY_NAME)
def test_a_forbidden_stream_fails_alone_or_is_skipped(stream: str, *, skip: bool) -> None:
    path = re.compile(BY_NAME[stream].path)
    # Streams that request the same path, or list their calls there.
    own = [BY_NAME[name] for name in BY_NAME if BY_NAME[name].api == BY_NAME[stream].api]
    paths = [(each.name, (each.path, each.listed_at)) for each in own]
    forbidden = {name for name, requested in paths if BY_NAME[stream].path in requested}
    with opened_for(stream, rows=6, seed=3) as place:
        fault = Fault("status", status=403, times=FOR_EVER)
        place.faults.add(fault, when=lambda sent: bool(path.search(sent.path)))
        settings = {**place.api.config(), "settle_minutes": 0}
        config = {**MAY, place.api.name: settings, "skip_forbidden_streams": skip}
        ran = place.run(config, streams=place.api.streams)
        for name in set(place.api.streams) - forbidden:
            assert place.api.truth(name).keys() <= ran.table(name).keys(), name
    assert ran.code == (0 if skip else 1)
    lines = ran.log if skip else ran.complaints
    found = [line for line in lines if "403, the credential may not read" in line]
    assert len(found) == len(forbidden)
    for name in forbidden:
        (line,) = (line for line in found if f"({name})" in line)
        assert f'select "!{name}.*"' in line
        assert ("skipped (skip_forbidden_streams)" in line) == skip
        assert ran.records(name) == []
