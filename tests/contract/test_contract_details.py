"""Streams with one request per call: only for finished calls that still exist, each once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from account import END, FOR_EVER, MIDDLE, START, Account, opened
from expected_streams import STREAMS
from support import DAY, HOUR, MINUTE, assert_table_is, failure, text, warnings_in

from sandbox import Fault
from tap_callexports.detail_stream import NOT_FOUND_AT_FIRST, DetailStream
from tap_callexports.tap import TapCallExports

DETAILS = [stream for stream in STREAMS if stream.per_call]
WORKERS = pytest.mark.parametrize("workers", [1, 4])


@pytest.fixture(params=DETAILS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param, empty=True) as account:
        yield account


def call_paths(account: Account) -> list[str]:
    """The paths that were requested, one for each call, in order."""
    return [request.path for request in account.requests if account.is_meant(request)]


def is_at(account: Account, record: dict[str, Any], paths: list[str]) -> bool:
    """Whether a record's call was requested at one of these paths."""
    return any(str(record[account.stream.call_id]) in path.split("/") for path in paths)


def test_each_call_is_requested_once_in_the_order_of_the_list(account: Account) -> None:
    account.add(*(START + number * DAY for number in range(12)))
    account.assert_each_once(account.run(settings={"max_concurrency": 1}))

    paths = call_paths(account)
    ids = [str(row.canonical[account.stream.call_id]) for row in account.rows]
    assert len(paths) == len(set(paths)) >= 12
    assert [one for path in paths for one in path.split("/") if one in ids] == ids


def test_a_call_comes_when_it_has_ended(account: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    stream = account.stream
    account.add(MIDDLE - 9 * HOUR)
    ongoing = account.api.add_at(*[MIDDLE - 2 * HOUR] * 5, **stream.unfinished)
    first = account.run(end=MIDDLE - HOUR)
    account.assert_complete(first)
    assert account.asked == 1
    [line] = [line for line in caplog.messages if "5 unfinished calls" in line]
    assert f"{stream.api}.details_lookback_hours" in line

    before = len(account.truth())
    for row in ongoing:
        account.api.amend(row, **stream.finished)
    account.assert_complete(first, account.run(first.state, end=MIDDLE))
    assert len(account.truth()) > before


@WORKERS
@pytest.mark.parametrize("status", [404, 422])
def test_calls_that_no_longer_exist_are_left_out_and_counted_in_one_warning(
    account: Account, status: int, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    account.add(*(START + number * 20 * HOUR for number in range(30)))
    account.run()
    gone = call_paths(account)[2:5]
    caplog.clear()
    account.trouble(Fault("status", status=status, times=FOR_EVER), among=gone)
    run = account.run(settings={"max_concurrency": workers})
    there = {k: row for k, row in account.truth().items() if not is_at(account, row, gone)}
    assert run.code == 0
    assert len(there) < len(account.truth())
    assert_table_is(run.table(account.name), there)
    [warning] = warnings_in(caplog, "no longer existed")
    assert f"({account.name}): 3 of 30 calls" in warning
    assert account.bookmark(run) == text(END)


@WORKERS
@pytest.mark.parametrize("step", [MINUTE, 17 * HOUR], ids=["one window", "many windows"])
def test_where_no_call_is_found_the_path_is_wrong_and_nothing_is_passed(
    account: Account, step: Any, workers: int
) -> None:
    account.add(*(START + HOUR + number * step for number in range(NOT_FOUND_AT_FIRST + 10)))
    account.trouble(Fault("status", status=404, times=FOR_EVER))
    run = account.run(settings={"max_concurrency": workers})
    endpoint = TapCallExports(config={}).streams[account.name]
    assert isinstance(endpoint, DetailStream)
    line = failure(run, account.name)
    assert f"{account.stream.api}.{endpoint.path_setting or 'api_url'}" in line
    assert endpoint.endpoint in line or endpoint.path_setting
    assert account.asked <= NOT_FOUND_AT_FIRST + 4 * workers
    assert run.records(account.name) == []
    account.api.faults.clear()
    account.assert_complete(run, account.run(run.state))


def test_one_call_less_that_is_not_found_says_nothing_of_the_path(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.add(*(MIDDLE + number * MINUTE for number in range(60)))
    account.run()
    gone = call_paths(account)[: NOT_FOUND_AT_FIRST - 1] + call_paths(account)[-20:]
    account.trouble(Fault("status", status=404, times=FOR_EVER), among=gone)
    run = account.run()
    assert run.code == 0
    assert run.records(account.name)
    assert len(warnings_in(caplog, "39 of 60 calls")) == 1


def test_a_response_about_another_call_is_refused(account: Account) -> None:
    first, *_ = account.add(MIDDLE, MIDDLE + HOUR, MIDDLE + 2 * HOUR)
    serve, bodies = account.api.serve, dict[str, bytes]()

    def swapped(request: Any) -> Any:
        reply = serve(request)
        if account.is_meant(request):
            reply.body = bodies.setdefault("first", reply.body)
        return reply

    account.api.serve = swapped  # type: ignore[method-assign] # of this one server
    run = account.run(settings={"max_concurrency": 1})
    assert account.name in failure(run, account.name)
    assert {account.key(first)} >= set(run.table(account.name))
