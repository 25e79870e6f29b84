"""`--test`: a quick look whether every stream can be read, leaving no trace in any state."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from process import tap

from sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = ("videsk", "anunzi", "twin24", "burki")


@pytest.fixture
def busy() -> Iterator[Sandbox]:
    """Calls of the last days, more than fit one page anywhere."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    with Sandbox(seed=3, rows=1500, start=now - timedelta(days=5), end=now) as running:
        running.videsk.options.cap = 200
        running.twin24.options.limit_max = 100
        yield running


def asked(box: Sandbox) -> Counter[str]:
    """Requests by path's first segment, logins apart."""
    return Counter(
        name
        for name, api in box.apis.items()
        for request in api.requests
        if "login" not in request.path
    )


@pytest.mark.parametrize("when", ["now", "long ago"])
def test_a_connection_test_asks_little_and_writes_no_state(
    when: str, box: Sandbox, busy: Sandbox
) -> None:
    account = busy if when == "now" else box
    outcome = tap("--test", config=account.config() | {"start_date": "2024-05-01"})

    assert outcome.code == 0
    assert outcome.errors == []
    assert "Traceback" not in outcome.err
    assert outcome.run.states == []
    streams = {"videsk": 1, "anunzi": 2, "twin24": 1, "burki": 1}
    for provider, requests in asked(account).items():
        assert 1 <= requests <= 2 * streams[provider], provider
    assert set(asked(account)) == set(PROVIDERS)


@pytest.mark.parametrize(
    ("provider", "secret"),
    [
        ("videsk", "api_token"),
        ("anunzi", "api_key"),
        ("twin24", "password"),
        ("burki", "api_key"),
    ],
)
def test_a_connection_test_fails_with_a_wrong_credential(
    box: Sandbox, provider: str, secret: str
) -> None:
    settings = box.apis[provider].config() | {secret: "canary-wrong-5d2c"}

    outcome = tap("--test", config={provider: settings})

    assert outcome.code == 1
    [line] = outcome.errors
    assert f"{provider}.{secret}" in line
    assert "canary-wrong-5d2c" not in outcome.out + outcome.err
    assert outcome.run.states == []
    assert len(box.apis[provider].requests) <= 2


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        ("burki", Fault("status", status=503, times=99)),
        ("burki", Fault("html", times=99)),
        ("videsk", Fault("status", status=504, times=99)),
        ("twin24", Fault("reset", times=99)),
        ("anunzi", Fault("error_object", times=99)),
    ],
    ids=lambda value: str(value)[:25],
)
def test_a_connection_test_fails_when_a_server_is_out_of_order(
    box: Sandbox, provider: str, fault: Fault
) -> None:
    path = "/sessions/incoming" if provider == "twin24" else ""
    box.apis[provider].faults.add(fault, path)

    outcome = tap("--test", config={provider: box.apis[provider].config()})

    assert outcome.code == 1
    assert any(f"{provider}_" in line for line in outcome.errors)
    assert "Traceback" not in outcome.err
    assert outcome.run.states == []
    assert asked(box)[provider] <= (4 if provider == "anunzi" else 2)


def test_a_connection_test_fails_on_a_stream_that_is_forbidden(box: Sandbox) -> None:
    box.videsk.faults.add(Fault("status", status=403, times=99))

    outcome = tap("--test", config=box.config())

    assert outcome.code == 1
    assert any('select "!videsk_calls.*"' in line for line in outcome.errors)


def test_a_connection_test_of_nothing_names_the_credentials(box: Sandbox) -> None:
    outcome = tap("--test", config={})

    assert outcome.code == 1
    [line] = outcome.errors
    assert "no provider is on" in line
    assert not asked(box)


def test_a_test_of_the_schemas_asks_nobody(box: Sandbox) -> None:
    outcome = tap("--test=schema", config=box.config())

    assert outcome.code == 0
    assert {line["type"] for line in outcome.lines} == {"SCHEMA"}
    assert not asked(box)
