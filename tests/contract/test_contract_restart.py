"""Every STATE is a safe place to restart: after a crash, and at any point of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from account import END, HOUR, MIDDLE, START, Account, Table, opened, text, tried
from expected_streams import WINDOWED
from support import Run, assert_table_is, upserted

from sandbox import Fault

FOR_EVER = 100_000


@pytest.fixture(params=WINDOWED, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def prefixes(run: Run) -> Iterator[Run]:
    """The run as a target saw it at each STATE."""
    for index, line in enumerate(run.lines):
        if line["type"] == "STATE":
            yield Run(1, run.lines[: index + 1])


def requests_of_a_full_run(account: Account) -> int:
    """How many requests for calls a whole export takes."""
    assert account.run().code == 0
    return account.asked


@pytest.mark.parametrize(("account", "workers"), tried(WINDOWED, (1,), (4,)), indirect=["account"])
def test_every_state_is_a_safe_place_to_restart(account: Account, workers: int) -> None:
    settings = {"max_concurrency": workers}
    run = account.run(settings=settings)
    seen = list(prefixes(run))
    assert len(seen) > 3
    for prefix in seen:
        restart = account.run(prefix.state, settings=settings)
        table = upserted(prefix.table(account.name), restart, account.name)
        assert_table_is(table, account.truth())


@pytest.mark.parametrize(("account", "workers"), tried(WINDOWED, (1,), (4,)), indirect=["account"])
def test_what_a_state_covers_was_emitted_before_it(account: Account, workers: int) -> None:
    run = account.run(settings={"max_concurrency": workers})
    ends = []
    for prefix in prefixes(run):
        bookmark = str(account.bookmark(prefix))
        covered = {
            account.key(row) for row in account.rows if row.at >= START and text(row.at) < bookmark
        }
        assert covered & set(account.truth()) <= set(prefix.table(account.name))
        ends.append(bookmark)
    assert ends == sorted(ends)
    assert ends[-1] == text(END)


@pytest.mark.parametrize(
    ("account", "part"), tried(WINDOWED, (0.95,), (0.4,), (0.7,)), indirect=["account"]
)
def test_a_crash_keeps_the_state_of_the_windows_before_it(account: Account, part: float) -> None:
    one = {"max_concurrency": 1}
    whole = account.run(settings=one)
    sent = account.asked
    account.trouble(Fault("status", status=500, times=FOR_EVER), skip=int(sent * part))
    crash = account.run(settings=one)
    assert crash.code == 1
    bookmarks = account.bookmarks(crash)
    assert bookmarks == account.bookmarks(whole)[: len(bookmarks)]
    assert text(START) < str(account.bookmark(crash)) < text(END)
    account.api.faults.clear()
    resumed = account.run(crash.state, settings=one)
    assert resumed.code == 0
    assert account.bookmark(resumed) == text(END)
    table = upserted(crash.table(account.name), resumed, account.name)
    assert_table_is(table, account.truth())


@pytest.mark.parametrize(("account", "workers"), tried(WINDOWED, (2,), (8,)), indirect=["account"])
def test_a_crash_with_windows_under_way_is_no_less_safe(account: Account, workers: int) -> None:
    settings = {"max_concurrency": workers}
    half = requests_of_a_full_run(account) // 2
    account.trouble(Fault("status", status=502, times=FOR_EVER), skip=half)
    crash = account.run(settings=settings)
    assert crash.code == 1
    account.api.faults.clear()
    for prefix in [*prefixes(crash), Run(1, [])]:
        resumed = account.run(prefix.state or None, settings=settings)
        table = upserted(prefix.table(account.name), resumed, account.name)
        assert_table_is(table, account.truth())


def test_a_run_that_crashes_at_once_leaves_the_old_bookmark(account: Account) -> None:
    first = account.run(end=MIDDLE)
    account.api.faults.add(Fault("status", status=500, times=FOR_EVER))
    crash = account.run(first.state)
    assert crash.code == 1
    assert crash.records(account.name) == []
    assert set(account.bookmarks(crash)) <= {text(MIDDLE)}
    account.api.faults.clear()
    account.add(MIDDLE - HOUR)
    resumed = account.run(crash.state or first.state)
    assert_table_is(upserted(first.table(account.name), resumed, account.name), account.truth())


def test_runs_that_crash_again_and_again_still_get_to_the_end(account: Account) -> None:
    sent = requests_of_a_full_run(account)
    table: Table = {}
    state, bookmarks = None, []
    for _ in range(20):
        account.api.faults.clear()
        account.trouble(
            Fault("status", status=500, times=FOR_EVER),
            skip=sent // 2 + 1,
        )
        run = account.run(state, settings={account.stream.lookback: 48})
        table = upserted(table, run, account.name)
        state = run.state or state
        bookmarks += account.bookmarks(run)
        if run.code == 0:
            break
    assert run.code == 0
    assert bookmarks == sorted(bookmarks)
    assert_table_is(table, account.truth())
