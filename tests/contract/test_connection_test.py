"""`--test`: a quick look whether every stream can be read, leaving no trace in any state."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from account import FOR_EVER
from expected_streams import BY_NAME
from process import Outcome, command, tap
from support import DAY, PROVIDERS, UTC, secret_settings

from sandbox import Fault, Sandbox


@pytest.fixture
def busy() -> Iterator[Sandbox]:
    """Calls of the last days, more than fit one page anywhere."""
    now = datetime.now(UTC).replace(microsecond=0)
    with Sandbox(seed=3, rows=1500, start=now - 5 * DAY, end=now) as running:
        running.videsk.options.cap = 200
        running.twin24.options.limit_max = 100
        yield running


def requests_of(box: Sandbox) -> dict[str, int]:
    """Requests to each provider, logins apart."""
    return {
        name: sum("login" not in request.path for request in api.requests)
        for name, api in box.apis.items()
    }


def results(outcome: Outcome) -> tuple[dict[str, str], str]:
    """What stands at the end of stderr: the result of each stream, and the last line."""
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.rstrip().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("stream "))
    header, *rows = [line.split() for line in lines[start:-1]]
    assert header == ["stream", "result", "ms"]
    return {name: result for name, result, _ in rows}, lines[-1]


@pytest.mark.parametrize("when", ["now", "long ago"])
def test_a_connection_test_sends_few_requests_and_shows_each_result(
    when: str, box: Sandbox, busy: Sandbox
) -> None:
    account = busy if when == "now" else box
    config = account.config() | {"start_date": "2024-05-01"}
    outcome = tap("--test", config=config, env={"LOGLEVEL": "DEBUG"})
    assert outcome.code == 0
    assert outcome.errors == []
    assert results(outcome) == (dict.fromkeys(BY_NAME, "ok"), "ok")
    for provider, requests in requests_of(account).items():
        streams = sum(stream.api == provider for stream in BY_NAME.values())
        assert streams <= requests <= 2 * streams, provider
    numbers = {str(value) for row in account.burki.rows for value in row.canonical.values()}
    assert not [text for text in numbers if text.startswith("+") and text in outcome.err]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_test_fails_with_a_wrong_credential_and_tries_the_others(
    box: Sandbox, provider: str
) -> None:
    config = box.config()
    secret = max(secret_settings(provider) & config[provider].keys())
    config[provider][secret] = "canary-wrong-5d2c"
    outcome = command("--test", config=config)
    assert outcome.code == 1
    shown, last = results(outcome)
    assert shown == {
        name: "failed" if stream.api == provider else "ok" for name, stream in BY_NAME.items()
    }
    assert last.count(f"{provider}.{secret} was refused") == 1
    assert outcome.errors[-1] in last
    assert "canary-wrong-5d2c" not in outcome.err
    assert len(box.apis[provider].requests) <= 2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=504, times=FOR_EVER),
        Fault("status", status=403, times=FOR_EVER),
        Fault("reset", times=FOR_EVER),
        Fault("error_object", times=FOR_EVER),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_connection_test_fails_soon_when_a_server_is_out_of_order(
    box: Sandbox, provider: str, fault: Fault
) -> None:
    box.apis[provider].faults.add(fault, when=lambda request: "login" not in request.path)
    outcome = command("--test", config={provider: box.apis[provider].config()})
    assert outcome.code == 1
    shown, _ = results(outcome)
    assert {*shown.values()} == {"forbidden" if fault.status == 403 else "failed"}
    assert any(f"{provider}_" in line for line in outcome.errors)
    assert fault.status != 403 or any(f'select "!{provider}_' in line for line in outcome.errors)
    assert requests_of(box)[provider] <= 2 * len(shown)


def test_a_test_of_the_schemas_sends_no_request(box: Sandbox) -> None:
    outcome = command("--test=schema", config=box.config())
    assert outcome.code == 0
    assert {line["type"] for line in outcome.lines} == {"SCHEMA"}
    assert not any(requests_of(box).values())
