"""Trouble on the wire: what passes leaves no trace in the rows, what stays is said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from account import MIDDLE, Account, opened, tried
from expected_streams import STREAMS
from support import assert_table_is, upserted

from sandbox import Fault, Sandbox

CANARY = "canary-body-+15555550199"
FOR_EVER = 100_000
_UNHEALTHY = (429, 500, 502, 503, 504)

TROUBLE = {
    **{str(status): Fault("status", status=status, body=CANARY) for status in _UNHEALTHY},
    "reset": Fault("reset"),
    "cut body": Fault("cut_body"),
    "cut json": Fault("cut_json"),
    "html": Fault("html", body=f"<html>{CANARY}</html>"),
    "empty": Fault("empty"),
    "error object": Fault(
        "error_object", body=f'{{"error": "internal failure", "rows": ["{CANARY}"]}}'
    ),
}


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def times(fault: Fault, count: int) -> Fault:
    """The same trouble, `count` times."""
    return Fault(fault.kind, fault.status, count, fault.headers, fault.body)


def private_texts(account: Account) -> set[str]:
    """Values of the calls that belong in records and nowhere else."""
    found: set[str] = set()
    for record in account.truth().values():
        found.update(
            value
            for name, value in record.items()
            # The id of a call that cannot be read is named.
            if name != "call_id"
            and isinstance(value, str)
            and len(value) > 11
            and not re.match(r"\d{4}-\d\d-", value)
        )
    # What a partition is named after is a setting.
    return found - set(account.stream.partition.values())


@pytest.mark.covers(103)
@pytest.mark.parametrize(
    ("account", "name", "skip"),
    tried(STREAMS, ("503", 0), ("reset", 0), ("html", 0), *((name, 1) for name in TROUBLE)),
    indirect=["account"],
)
def test_trouble_that_passes_changes_nothing(account: Account, name: str, skip: int) -> None:
    account.trouble(times(TROUBLE[name], 2), skip=skip)
    run = account.run()
    assert account.api.faults.pending == 0
    assert (run.code, run.error) == (0, None)
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth())


@pytest.mark.covers(102, 105, 106, 107, 173)
@pytest.mark.parametrize(
    ("account", "name", "skip"),
    tried(STREAMS, *((name, 1) for name in TROUBLE if name not in {"502", "503"})),
    indirect=["account"],
)
def test_trouble_that_stays_fails_the_stream_in_one_line(
    account: Account, name: str, skip: int, caplog: pytest.LogCaptureFixture
) -> None:
    account.trouble(times(TROUBLE[name], FOR_EVER), skip=skip)
    run = account.run()
    assert (run.code, run.error) == (1, None)
    assert run.tap is not None
    [(stream, failure)] = run.tap.failures.items()
    assert stream == account.name
    assert account.name in str(failure)
    assert "\n" not in str(failure)
    said = [text for text in caplog.messages if str(failure) in text]
    assert said == [str(failure), f"failed: {failure}"]
    assert CANARY not in caplog.text
    assert [text for text in private_texts(account) if text in caplog.text] == []
    # Trouble is met with a bounded number of requests.
    assert len(account.requests) < 200
    account.api.faults.clear()
    resumed = account.run(run.state)
    assert resumed.code == 0
    assert_table_is(upserted(run.table(account.name), resumed, account.name), account.truth())


@pytest.mark.parametrize(
    "account", [stream for stream in STREAMS if stream.listed_at], indirect=True, ids=str
)
@pytest.mark.parametrize("name", ["503", "reset", "cut json", "error object"])
def test_trouble_with_the_list_of_calls_is_trouble_of_the_stream(
    account: Account, name: str
) -> None:
    account.trouble(times(TROUBLE[name], FOR_EVER), skip=2, path=account.stream.listed_at)
    crash = account.run()
    assert (crash.code, crash.error) == (1, None)
    assert crash.tap is not None
    assert account.name in str(crash.tap.failures[account.name])
    account.api.faults.clear()
    account.trouble(times(TROUBLE[name], 2), path=account.stream.listed_at)
    resumed = account.run(crash.state)
    assert account.api.faults.pending == 0
    assert resumed.code == 0
    assert_table_is(upserted(crash.table(account.name), resumed, account.name), account.truth())


@pytest.mark.covers(100)
@pytest.mark.parametrize("account", [s for s in STREAMS if not s.like], indirect=True, ids=str)
def test_a_server_may_ask_for_a_rest(account: Account) -> None:
    rest = Fault("status", status=429, headers={"Retry-After": "1"})
    account.trouble(rest)
    run = account.run(settings={"max_concurrency": 1})
    assert run.code == 0
    assert_table_is(run.table(account.name), account.truth())
    refused = next(i for i, request in enumerate(account.requests) if request.status == 429)
    before, after = account.requests[refused : refused + 2]
    assert after.time - before.time >= 1.0
    assert sum(request.status == 429 for request in account.requests) == 1


@pytest.mark.covers(101)
def test_a_rest_beyond_max_retry_wait_fails_at_once(account: Account) -> None:
    rest = Fault("status", status=429, times=FOR_EVER, headers={"Retry-After": "3600"})
    account.trouble(rest)
    run = account.run(settings={"max_concurrency": 1}, max_retry_wait=1800)
    assert run.code == 1
    assert run.tap is not None
    message = str(run.tap.failures[account.name])
    assert "3600 s" in message
    assert "max_retry_wait" in message
    assert sum(request.status == 429 for request in account.requests) == 1


@pytest.mark.covers(109)
@pytest.mark.parametrize(
    ("account", "status"), tried(STREAMS, (301,), (302,), (307,), (308,)), indirect=["account"]
)
def test_a_redirect_is_never_followed(account: Account, status: int) -> None:
    with Sandbox(seed=6, rows=3) as elsewhere:
        target = f"{elsewhere.url}/{account.stream.api}/anything?token=1"
        away = Fault("status", status=status, times=FOR_EVER, headers={"Location": target})
        account.trouble(away)
        run = account.run()
        assert run.code == 1
        assert run.tap is not None
        message = str(run.tap.failures[account.name])
        assert "redirect" in message
        assert "api_url" in message
        assert "token=1" not in message
        assert elsewhere.strays == account.box.strays == []
        assert all(api.requests == [] for api in elsewhere.apis.values())


@pytest.mark.covers(116)
@pytest.mark.parametrize(
    ("account", "name"), tried(STREAMS, ("503",), ("reset",), ("cut body",)), indirect=["account"]
)
def test_trouble_every_third_request_only_costs_time(account: Account, name: str) -> None:
    fault = TROUBLE[name]
    account.api.faults.add(Fault(fault.kind, fault.status, FOR_EVER, every=3))
    run = account.run()
    assert run.code == 0
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth())


@pytest.mark.covers(103)
def test_a_stream_that_fails_keeps_no_row_from_the_next_run(account: Account) -> None:
    account.trouble(TROUBLE["500"])
    account.trouble(times(TROUBLE["html"], FOR_EVER), skip=2)
    crash = account.run(end=MIDDLE)
    assert crash.code == 1
    account.api.faults.clear()
    resumed = account.run(crash.state)
    table = upserted(crash.table(account.name), resumed, account.name)
    assert_table_is(table, account.truth())
