"""Canary secrets and phone numbers are in nothing a run writes but where they belong."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from process import Outcome, command
from support import PROVIDERS, secrets_in

from sandbox import Fault, Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
DEBUG = {"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"}


def spellings(secret: str) -> Iterator[str]:
    """A secret as it may turn up in a log."""
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
    yield json.dumps(secret)[1:-1]


def secrets_of(box: Sandbox) -> set[str]:
    """What nobody may read: the configured secrets, and the tokens the logins gave."""
    sent = [request.headers for api in box.apis.values() for request in api.requests]
    tokens = {headers["authorization"] for headers in sent if "authorization" in headers}
    return secrets_in(box.config()) | {token.removeprefix("Bearer ") for token in tokens}


def assert_hidden(outcome: Outcome, secrets: set[str]) -> None:
    """No secret is in the output or the log, however it is spelled."""
    assert min(map(len, secrets)) > 8
    shown = [s for secret in secrets for s in spellings(secret) if s in outcome.out + outcome.err]
    assert shown == []


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_no_secret_and_no_phone_number_is_in_anything_a_good_run_writes(
    box: Sandbox, level: str
) -> None:
    number = "+15555550187"
    box.videsk.amend(box.videsk.rows[0], duration=number, agent=number)
    box.burki.amend(box.burki.rows[0], customer_phone_number=number)
    box.twin24.options.tokens_valid_requests = 8
    outcome = command(config=box.config() | MAY, env={"TAP_CALLEXPORTS_LOGLEVEL": level})
    assert outcome.code == 0
    assert len(secrets_of(box) - secrets_in(box.config())) > 1, "tokens that were renewed"
    assert_hidden(outcome, secrets_of(box))
    assert number in outcome.out
    assert number not in outcome.err, "though it does not fit its column"
    assert ("DEBUG" in outcome.err) == (level == "DEBUG")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_secret_that_a_server_says_back_is_not_repeated(box: Sandbox, provider: str) -> None:
    secrets = secrets_of(box)
    words = " ".join(secrets)
    body = json.dumps({"message": f"bad credentials: {words}", "error": words})
    box.apis[provider].faults.add(Fault("status", status=400, body=body, times=99))
    outcome = command(config=box.config() | MAY, env=DEBUG)
    assert outcome.code == 1
    assert any("400" in line for line in outcome.errors)
    assert_hidden(outcome, secrets | secrets_of(box))


@pytest.mark.parametrize("before", [150, 180, 190, 198])
def test_what_a_server_says_is_one_line_without_a_secret_even_where_it_is_shortened(
    box: Sandbox, before: int
) -> None:
    secret = box.burki.options.api_key
    forged = "no\r\n2024-01-01 00:00:00,000 | ERROR    | tap-callexports | \x1b[31mforged"
    body = json.dumps({"detail": forged + "-" * (before - len(forged)) + secret * 3})
    box.burki.faults.add(Fault("status", status=400, body=body, times=99))
    outcome = command(config=MAY | {"burki": box.burki.config()})
    assert outcome.code == 1
    assert "---" in outcome.err, "the server is quoted"
    assert secret[:9] not in outcome.err
    assert not any(line.startswith("2024-01-01") for line in outcome.err.splitlines())
    assert "\x1b" not in outcome.err
