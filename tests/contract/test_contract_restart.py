"""Every STATE is a safe place to restart: after a crash, and at any point of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from account import END, FOR_EVER, START, Account, opened
from expected_streams import DISTINCT
from seam import rows_per_window
from support import Run, text

from sandbox import Fault

DOWN = Fault("status", status=500, times=FOR_EVER)


@pytest.fixture(params=[stream for stream in DISTINCT if stream.time], ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with rows_per_window(40), opened(request.param) as account:
        yield account


def prefixes(run: Run) -> list[Run]:
    """The run as a target saw it at each STATE."""
    ends = [number for number, line in enumerate(run.lines, 1) if line["type"] == "STATE"]
    return [Run(1, run.lines[:end]) for end in ends]


def assert_safe(account: Account, prefix: Run) -> None:
    """What a STATE covers was emitted before it."""
    bookmark = str(account.bookmark(prefix))
    covered = {
        account.key(row) for row in account.rows if row.at >= START and text(row.at) < bookmark
    }
    assert covered & set(account.truth()) <= set(prefix.table(account.name))


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_every_state_is_a_safe_place_to_restart(account: Account, workers: int) -> None:
    settings = {"max_concurrency": workers}
    run = account.run(settings=settings)
    seen = prefixes(run)
    assert len(seen) > 3
    for prefix in seen:
        assert_safe(account, prefix)
        account.assert_complete(prefix, account.run(prefix.state, settings=settings))
    bookmarks = account.bookmarks(run)
    assert bookmarks == sorted(bookmarks)
    assert bookmarks[-1] == text(END)


@pytest.mark.parametrize("part", [0.4, 0.95])
def test_a_crash_keeps_the_state_of_the_windows_before_it(account: Account, part: float) -> None:
    one = {"max_concurrency": 1}
    whole = account.run(settings=one)
    account.trouble(DOWN, skip=int(account.asked * part))
    crash = account.run(settings=one)
    assert crash.code == 1
    bookmarks = account.bookmarks(crash)
    assert bookmarks == account.bookmarks(whole)[: len(bookmarks)]
    assert text(START) < str(account.bookmark(crash)) < text(END)

    account.api.faults.clear()
    resumed = account.run(crash.state, settings=one)
    assert account.bookmark(resumed) == text(END)
    account.assert_complete(crash, resumed)


def test_runs_that_crash_again_and_again_still_get_to_the_end(account: Account) -> None:
    assert account.run().code == 0
    half, runs, state = account.asked // 2 + 1, list[Run](), None
    while not runs or (runs[-1].code and len(runs) < 20):
        account.api.faults.clear()
        account.trouble(DOWN, skip=half)
        runs.append(account.run(state, settings={account.stream.lookback: 48}))
        state = runs[-1].state or state
    account.assert_complete(*runs)
    bookmarks = [bookmark for run in runs for bookmark in account.bookmarks(run)]
    assert bookmarks == sorted(bookmarks)
