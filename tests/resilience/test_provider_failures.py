"""A provider that cannot be read ends its own streams at once; the others are read to their end."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from forked import run
from support import JSON, PROVIDERS, assert_table_is, secret_settings

from sandbox import Fault, Sandbox
from tap_callexports.http.request import MAX_TRIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forked import Ended

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
WRONG = "canary-wrong-5d2c"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """The four APIs with a few calls each."""
    with Sandbox(seed=3, rows=6) as running:
        yield running


def closed_port() -> str:
    """An address of this machine at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def config_of(box: Sandbox, provider: str, **changed: object) -> JSON:
    """All providers, one of them with these settings."""
    config: JSON = {**MAY, **box.config()}
    config[provider] = {**config[provider], **changed}
    return config


def assert_only_failed(ended: Ended, box: Sandbox, provider: str, *causes: str) -> None:
    """One provider failed, with these words in the last line; the others are complete."""
    assert ended.code == 1
    last = ended.err.rstrip().split("\n")[-1]
    assert " | ERROR " in last
    assert f"failed: {box_title(provider)}" in last
    for cause in causes:
        assert last.count(cause) == 1
    assert WRONG not in ended.err
    for name, api in box.apis.items():
        for stream in api.streams:
            if name != provider and not stream.endswith(("_details", "_transcripts")):
                rows = ended.records.get(stream, [])
                table = {tuple(row[key] for key in api.keys[stream]): row for row in rows}
                assert_table_is(table, api.truth(stream))


def box_title(provider: str) -> str:
    return provider.capitalize()


@pytest.mark.covers(120)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refused_credential_ends_one_provider(box: Sandbox, provider: str) -> None:
    settings = box.apis[provider].config()
    [secret] = secret_settings(provider) & settings.keys()

    ended = run(config_of(box, provider, **{secret: WRONG}))

    assert_only_failed(ended, box, provider, f"{secret} was refused")
    assert len(box.apis[provider].requests) <= 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unreachable_host_ends_one_provider_after_the_tries_of_one_request(
    box: Sandbox, provider: str
) -> None:
    ended = run(config_of(box, provider, api_url=closed_port()), level="DEBUG")

    assert_only_failed(ended, box, provider, "gave up after")
    retries = [line for line in ended.err.split("\n") if "next try in" in line]
    assert len(retries) < MAX_TRIES


def test_an_unreachable_login_ends_twin24_alone(box: Sandbox) -> None:
    ended = run(config_of(box, "twin24", auth_url=closed_port()))

    assert_only_failed(ended, box, "twin24", "check twin24.auth_url")
    assert not box.twin24.requests


def test_a_login_that_fails_ends_twin24_alone(box: Sandbox) -> None:
    box.twin24.faults.add(Fault("status", status=503, times=99), "/auth/login")

    ended = run(config_of(box, "twin24"))

    assert_only_failed(ended, box, "twin24", "check twin24.auth_url")
    assert len(box.twin24.requests) == MAX_TRIES


def test_the_last_line_has_every_cause(box: Sandbox) -> None:
    config = config_of(box, "anunzi", api_key=WRONG)
    config["burki"]["api_key"] = WRONG
    box.videsk.faults.add(Fault("status", status=403, times=99), "/exports/tags")

    ended = run(config)

    last = ended.err.rstrip().split("\n")[-1]
    for cause in ("Anunzi: 401, anunzi.api_key", "Burki: 401, burki.api_key", "(videsk_tags): 403"):
        assert last.count(cause) == 1
    assert last.count(" | ") == 5  # three of the log's own fields, two between causes
    assert len(last) < 3000
