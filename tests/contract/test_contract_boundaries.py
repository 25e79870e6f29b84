"""Calls at the very ends: of the export, of windows, of seconds, and many at one instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from account import END, MIDDLE, START, Account, opened
from expected_streams import DISTINCT, WINDOWED
from seam import rows_per_window
from support import DAY, HOUR, MICROSECOND, MILLISECOND, SECOND, instant

TIMED = [stream for stream in DISTINCT if stream.time]
#: More than a page of some streams: pages end among the ties.
TIES = 9


@pytest.fixture(params=WINDOWED, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param, empty=True) as account:
        yield account


@pytest.mark.parametrize("account", TIMED, indirect=True, ids=str)
@pytest.mark.parametrize("start", [START, MIDDLE + 250 * MILLISECOND], ids=str)
def test_the_start_belongs_to_the_export_and_the_end_does_not(
    account: Account, start: datetime
) -> None:
    before, first, last, end = account.add(start - 3 * SECOND, start, END - MICROSECOND, END)
    table = account.run(start=start).table(account.name)
    account.assert_exported(table, start=start)
    # A provider that counts in seconds has the first one before a start between two of them.
    within = [row for row in (first, last) if row.at >= start]
    assert account.keys(within) <= set(table)
    assert account.key(before) not in table
    assert account.key(end) not in table or not account.stream.filtered


@pytest.mark.parametrize("account", TIMED, indirect=True, ids=str)
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 4])
@rows_per_window(40)
def test_calls_at_the_seams_of_windows_come_once(account: Account, workers: int) -> None:
    settings = {"max_concurrency": workers}
    seams = account.bookmarks(account.run(settings=settings))
    around = (-SECOND, -MICROSECOND, 0 * SECOND, MICROSECOND, SECOND - MICROSECOND)
    # How long a window is may depend on the calls before it, so one seam after the other.
    for number in range(3):
        account.add(*(instant(seams[number]) + step for step in around))
        run = account.run(settings=settings)
        before, seams = seams, account.bookmarks(run)
        assert seams[: number + 1] == before[: number + 1]
    account.assert_each_once(run)
    assert len(account.truth()) == 5 * 3


def test_many_calls_at_one_instant_come_once(account: Account) -> None:
    account.add(MIDDLE - SECOND, *[MIDDLE] * TIES, MIDDLE + HOUR)
    account.add(*[START + DAY] * TIES)
    account.assert_each_once(account.run())
    assert len(account.truth()) == 2 * TIES + 2


def test_a_call_dated_after_the_end_does_not_move_the_bookmark(account: Account) -> None:
    account.add(START, MIDDLE, datetime(2999, 1, 1, tzinfo=START.tzinfo))
    run = account.run(end=None)
    assert run.code == 0
    assert set(account.truth(START, END)) == set(run.table(account.name))
    assert account.bookmarks(run)[-1] < "2999"
