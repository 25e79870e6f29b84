"""Trouble on the wire: what passes leaves no trace in the rows, what stays is said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from account import FOR_EVER, Account, opened, tried
from expected_streams import DISTINCT, STREAMS
from support import failure

from sandbox import Fault, Sandbox

CANARY = "canary-body-+15555550199"
TROUBLE = {
    # Of other statuses the table of tests/unit/http/test_retry.py tells.
    "503": Fault("status", status=503, body=CANARY),
    "504": Fault("status", status=504, body=CANARY),
    "reset": Fault("reset"),
    "cut body": Fault("cut_body"),
    "cut json": Fault("cut_json"),
    "html": Fault("html", body=f"<html>{CANARY}</html>"),
    "empty": Fault("empty"),
    "error object": Fault("error_object", body=f'{{"error": "failure", "rows": ["{CANARY}"]}}'),
}


@pytest.fixture(params=DISTINCT, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def private_texts(account: Account) -> set[str]:
    """Values of the calls that belong in records and nowhere else."""
    # What a partition is named after is a setting, and the id of an unreadable call is named.
    named = {*account.stream.partition.values()}
    values = {
        value
        for record in account.truth().values()
        for name, value in record.items()
        if name != account.stream.call_id and isinstance(value, str) and len(value) > 11
    }
    return {value for value in values - named if not re.match(r"\d{4}-\d\d-", value)}


@pytest.mark.parametrize(
    ("account", "name", "skip"),
    tried(
        DISTINCT,
        ("503", 0),
        ("cut body", 0),
        *((name, 1) for name in TROUBLE if not name.isdigit()),
    ),
    indirect=["account"],
)
def test_trouble_that_passes_changes_nothing(account: Account, name: str, skip: int) -> None:
    account.trouble(replace(TROUBLE[name], times=2), skip=skip)
    run = account.run()
    assert account.api.faults.pending == 0
    account.assert_each_once(run)
    if not skip:  # trouble now and then only costs time
        account.api.faults.add(replace(TROUBLE[name], times=FOR_EVER, every=3))
        account.assert_each_once(account.run())


@pytest.mark.parametrize(
    ("account", "name"),
    tried(DISTINCT, *((name,) for name in TROUBLE if name not in {"503", "empty", "cut body"})),
    indirect=["account"],
)
def test_trouble_that_stays_fails_the_stream_in_one_line(
    account: Account, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    account.trouble(replace(TROUBLE[name], times=FOR_EVER), skip=1)
    run = account.run()
    line = failure(run, account.name)
    assert account.name in line
    assert [text for text in caplog.messages if line in text] == [line, f"failed: {line}"]
    assert CANARY not in caplog.text
    assert [text for text in private_texts(account) if text in caplog.text] == []
    # Trouble is met with a bounded number of requests.
    assert len(account.requests) < 100 + 50 * 10  # ten workers may each split a window
    account.api.faults.clear()
    account.assert_complete(run, account.run(run.state))


@pytest.mark.parametrize("account", [s for s in STREAMS if s.listed_at], indirect=True, ids=str)
@pytest.mark.parametrize("name", ["503", "error object"])
def test_trouble_with_the_list_of_calls_is_trouble_of_the_stream(
    account: Account, name: str
) -> None:
    trouble, path = TROUBLE[name], account.stream.listed_at
    account.trouble(replace(trouble, times=FOR_EVER), skip=2, path=path)
    crash = account.run()
    assert account.name in failure(crash, account.name)
    account.api.faults.clear()
    account.trouble(replace(trouble, times=2), path=path)
    account.assert_complete(crash, account.run(crash.state))
    assert account.api.faults.pending == 0


@pytest.mark.parametrize("account", [s for s in DISTINCT if not s.per_call], indirect=True, ids=str)
def test_an_error_beside_rows_or_none_is_a_failure_and_a_field_without_one_is_not(
    account: Account,
) -> None:
    sent = account.reword(lambda body: {**body, "errors": None, "error": None})
    account.assert_complete(account.run())
    if not sent:
        pytest.skip("responses are no objects")
    for emptied in (False, True):
        account.reword(
            lambda body: {
                **({k: [] if isinstance(v, list) else v for k, v in body.items()}
                   if emptied else body),  # noqa: B023 - called in this turn
                "error": "database unavailable",
            }
        )  # fmt: skip
        run = account.run(settings={"max_concurrency": 1})
        assert "error in the body (database unavailable)" in failure(run, account.name)
        assert run.records(account.name) == []


def test_a_server_may_ask_for_a_rest_of_up_to_max_retry_wait(account: Account) -> None:
    account.trouble(Fault("status", status=429, headers={"Retry-After": "1"}))
    account.assert_complete(account.run(settings={"max_concurrency": 1}))
    [refused] = [n for n, request in enumerate(account.requests) if request.status == 429]
    before, after = account.requests[refused : refused + 2]
    assert after.time - before.time >= 1.0

    account.api.requests.clear()
    rest = Fault("status", status=429, times=FOR_EVER, headers={"Retry-After": "3600"})
    account.trouble(rest)
    line = failure(account.run(settings={"max_concurrency": 1}, max_retry_wait=1800), account.name)
    assert "3600 s" in line
    assert "max_retry_wait" in line
    assert sum(request.status == 429 for request in account.requests) == 1


def test_a_redirect_is_never_followed(account: Account) -> None:
    with Sandbox(seed=6, rows=3) as elsewhere:
        target = f"{elsewhere.url}/{account.stream.api}/anything?token=1"
        away = Fault("status", status=302, times=FOR_EVER, headers={"Location": target})
        account.trouble(away)
        line = failure(account.run(), account.name)
        assert "redirect" in line
        assert "api_url" in line
        assert "token=1" not in line
        assert elsewhere.strays == account.box.strays == []
        assert all(api.requests == [] for api in elsewhere.apis.values())
