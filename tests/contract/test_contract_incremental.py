"""Run after run: what is new, late or changed comes, what is old stays, bookmarks only rise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from account import END, MIDDLE, START, Account, opened, tried
from expected_streams import DISTINCT, STREAMS, WINDOWED, Stream
from support import DAY, HOUR, MINUTE, text

#: Those whose bookmarks are kept in a way of their own.
TIMED = [stream for stream in DISTINCT if stream.time]


@pytest.fixture(params=WINDOWED, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


@pytest.fixture(params=WINDOWED, ids=str)
def empty(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param, empty=True) as account:
        yield account


def test_an_idle_run_is_short_loses_nothing_and_keeps_the_bookmark(account: Account) -> None:
    first = account.run()
    account.api.requests.clear()
    second = account.run(first.state)
    assert 1 <= len(account.lists) <= 3
    assert account.bookmark(second) == account.bookmark(first) == text(END)
    account.assert_complete(first, second)


def test_without_an_end_date_runs_end_where_calls_have_settled(empty: Account) -> None:
    began = datetime.now(timezone.utc)
    calls = empty.add(*(began - hours * HOUR for hours in (0, 1, 20, 100)))
    first = empty.run(start=began - 10 * DAY, end=None)
    ended = datetime.now(timezone.utc)
    bookmark = empty.bookmark(first) or ""
    assert text(began.replace(microsecond=0) - 5 * MINUTE) <= bookmark <= text(ended - 5 * MINUTE)
    # What has not settled is left to the next run, what lies ahead is read all the same.
    settled = calls if empty.stream.ahead else calls[1:]
    assert set(first.table(empty.name)) == empty.keys(settled)

    empty.api.requests.clear()
    second = empty.run(first.state, start=began - 10 * DAY, end=None)
    assert second.code == 0
    assert 1 <= len(empty.lists) <= 3
    assert (empty.bookmark(second) or "") >= bookmark


@pytest.mark.parametrize(
    ("account", "hours"), tried(WINDOWED, (0,), (50,), (5,)), indirect=["account"]
)
def test_the_lookback_says_what_is_read_again(account: Account, hours: int) -> None:
    settings = {account.stream.lookback: hours}
    edge = MIDDLE - max(hours, account.stream.least_lookback) * HOUR
    old, changed = account.add(edge - 2 * MINUTE, edge + 2 * MINUTE)
    first = account.run(end=MIDDLE, settings=settings)
    for call in (old, changed):
        account.amend(call, **account.stream.changes)
    outside, inside = account.add(edge - 3 * MINUTE, edge + MINUTE)
    second = account.run(first.state, end=MIDDLE + DAY, settings=settings)
    table = second.table(account.name)
    assert account.key(inside) in table
    assert not account.keys([old, outside]) & set(table)
    account.assert_exported(table, start=edge, end=MIDDLE + DAY)


@pytest.mark.parametrize("empty", TIMED, indirect=True, ids=str)
def test_an_empty_account_is_read_in_few_requests(empty: Account) -> None:
    run = empty.run(start=None, end=None)
    assert run.code == 0
    assert run.records(empty.name) == []
    assert empty.bookmarks(run)[-1] >= "2026-"
    # Years without calls: windows grow up to a year.
    assert len(empty.requests) <= 60


@pytest.mark.parametrize("by_metadata", [False, True])
@pytest.mark.parametrize("account", TIMED, indirect=True, ids=str)
def test_a_forced_full_table_ignores_the_bookmark_and_writes_none(
    account: Account, *, by_metadata: bool
) -> None:
    for state, kept in ((None, set()), (account.state(MIDDLE), {text(MIDDLE)})):
        run = account.run_full_table(state, by_metadata=by_metadata)
        account.assert_complete(run)
        assert set(account.bookmarks(run)) <= kept


@pytest.mark.parametrize("stream", [one for one in STREAMS if not one.time], ids=str)
def test_a_stream_without_time_is_read_whole_each_run(stream: Stream) -> None:
    with opened(stream) as account:
        first = account.run()
        [call] = account.add(START)
        account.amend(account.rows[-2], **stream.changes)
        second = account.run(first.state)
        assert account.key(call) in second.table(account.name)
        account.assert_complete(second)
        assert account.bookmarks(first) == account.bookmarks(second) == []
