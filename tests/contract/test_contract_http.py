"""Trouble on the wire: what passes leaves no trace in the rows, what stays is said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from account import FOR_EVER, Account, opened, tried
from expected_streams import DISTINCT
from support import failure

from sandbox import Fault

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
