"""Canary secrets and phone numbers are in nothing a run writes but where they belong."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from process import Outcome, tap
from support import PROVIDERS, secrets_in

from sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}


def spellings(secret: str) -> Iterator[str]:
    """A secret as it may turn up in a log."""
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield json.dumps(secret)[1:-1]


def secrets_of(box: Sandbox) -> set[str]:
    """What nobody may read: the configured secrets, and the tokens the logins gave."""
    secrets = secrets_in(box.config())
    for api in box.apis.values():
        secrets |= {
            request.headers["authorization"].removeprefix("Bearer ")
            for request in api.requests
            if "authorization" in request.headers
        }
    return secrets


def hidden(outcome: Outcome, secrets: set[str]) -> None:
    """No secret is in the output or the log, however it is spelled."""
    for secret in secrets:
        assert len(secret) > 8
        for spelling in spellings(secret):
            assert spelling not in outcome.out
            assert spelling not in outcome.err


@pytest.mark.covers(126, 172)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_secret_is_in_anything_a_good_run_writes(box: Sandbox, level: str) -> None:
    box.twin24.options.tokens_valid_requests = 8

    outcome = tap(config=box.config() | MAY, env={"TAP_CALLEXPORTS_LOGLEVEL": level})

    assert outcome.code == 0
    secrets = secrets_of(box)
    configured = secrets_in(box.config())
    assert len(secrets - configured) > 1, "tokens that were renewed"
    assert configured < secrets
    hidden(outcome, secrets)
    assert "canary-access-token" not in outcome.out, "the one field that is left out"
    assert ("DEBUG" in outcome.err) == (level == "DEBUG")


@pytest.mark.covers(126, 172)
@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_secret_that_a_server_says_back_is_not_repeated(
    box: Sandbox, provider: str, level: str
) -> None:
    secrets = secrets_of(box)
    body = json.dumps(
        {"message": f"bad credentials: {' '.join(secrets)}", "error": " ".join(secrets)}
    )
    box.apis[provider].faults.add(Fault("status", status=400, body=body, times=99))

    outcome = tap(config=box.config() | MAY, env={"TAP_CALLEXPORTS_LOGLEVEL": level})

    assert outcome.code == 1
    assert any("400" in line for line in outcome.errors)
    hidden(outcome, secrets | secrets_of(box))


@pytest.mark.covers(172)
@pytest.mark.parametrize("before", [150, 180, 190, 198])
def test_a_secret_cut_where_a_long_text_is_shortened_is_hidden_too(
    box: Sandbox, before: int
) -> None:
    secret = box.burki.options.api_key
    body = json.dumps({"detail": "-" * before + secret * 3})
    box.burki.faults.add(Fault("status", status=400, body=body, times=99))

    outcome = tap(config=MAY | {"burki": box.burki.config()})

    assert outcome.code == 1
    assert "---" in outcome.err, "the server is quoted"
    assert secret[:9] not in outcome.err


@pytest.mark.covers(173)
def test_no_phone_number_is_logged_even_for_values_that_do_not_fit(box: Sandbox) -> None:
    number = "+15555550187"
    box.videsk.amend(box.videsk.rows[0], duration=number, agent=number)
    box.burki.amend(box.burki.rows[0], customer_phone_number=number)

    outcome = tap(config=box.config() | MAY, env={"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"})

    assert outcome.code == 0
    assert number in outcome.out
    assert number not in outcome.err


@pytest.mark.covers(176)
def test_a_log_is_one_line_even_when_the_server_wants_more(box: Sandbox) -> None:
    forged = "no\r\n2024-01-01 00:00:00,000 | ERROR    | tap-callexports | \x1b[31mforged"
    body = json.dumps({"message": forged})
    box.burki.faults.add(Fault("status", status=400, body=body, times=99))

    outcome = tap(config=MAY | {"burki": box.burki.config()})

    assert outcome.code == 1
    assert not any(
        line.endswith("forged") and "2024-01-01" in line[:10] for line in outcome.err.splitlines()
    )
    assert "\x1b" not in outcome.err
