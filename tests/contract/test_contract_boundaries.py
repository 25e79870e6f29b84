"""Calls at the very ends: of the export, of windows, of seconds, and many at one instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from account import (
    DAY,
    END,
    HOUR,
    MICROSECOND,
    MIDDLE,
    SECOND,
    START,
    Account,
    instant,
    opened,
    text,
    tried,
)
from expected_streams import WINDOWED
from support import assert_table_is, upserted

#: More than a page of some streams: pages end among the ties.
TIES = 9


@pytest.fixture(params=WINDOWED, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param, empty=True) as account:
        yield account


def test_the_start_belongs_to_the_export_and_the_end_does_not(account: Account) -> None:
    before, first, last, end = account.add(START - 3 * SECOND, START, END - MICROSECOND, END)
    run = account.run()
    table = run.table(account.name)
    account.assert_exported(table)
    assert account.keys([first, last]) <= set(table)
    assert account.key(before) not in table
    if account.stream.filtered:
        assert account.key(end) not in table


@pytest.mark.covers(24)
@pytest.mark.parametrize(("account", "workers"), tried(WINDOWED, (1,), (4,)), indirect=["account"])
def test_calls_at_the_seams_of_windows_come_once(account: Account, workers: int) -> None:
    settings = {"max_concurrency": workers}
    run = account.run(settings=settings)
    seams = account.bookmarks(run)
    around = (-SECOND, -MICROSECOND, 0 * SECOND, MICROSECOND, SECOND - MICROSECOND)
    # How long a window is may depend on the calls before it, so one seam after the other.
    for number in range(20):
        if number >= len(seams) - 1:
            break
        account.add(*(instant(seams[number]) + step for step in around))
        run = account.run(settings=settings)
        before, seams = seams, account.bookmarks(run)
        assert seams[: number + 1] == before[: number + 1]
    assert len(seams) > 3
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth()) == 5 * (len(seams) - 1)


def test_calls_at_the_edges_of_a_second_come_once(account: Account) -> None:
    fractions = [timedelta(microseconds=micros) for micros in (0, 1, 123456, 500000, 999999)]
    for second in (START, START + DAY - SECOND, MIDDLE, MIDDLE + SECOND, END - SECOND):
        account.add(*(second + fraction for fraction in fractions))
    run = account.run()
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth()) == 25


@pytest.mark.covers(16)
def test_many_calls_at_one_instant_come_once(account: Account) -> None:
    account.add(MIDDLE - SECOND, *[MIDDLE] * TIES, MIDDLE + HOUR)
    account.add(*[START + DAY] * TIES)
    run = account.run()
    assert_table_is(run.table(account.name), account.truth())
    assert len(run.records(account.name)) == len(account.truth()) == 2 * TIES + 2


@pytest.mark.covers(74)
@pytest.mark.parametrize("end", [MIDDLE, MIDDLE + timedelta(microseconds=123456)], ids=str)
def test_an_end_date_cuts_and_the_next_run_goes_on_from_there(
    account: Account, end: datetime
) -> None:
    millisecond = timedelta(milliseconds=1)
    account.add(START, end - SECOND, end - millisecond, end, end + millisecond, END - SECOND)
    first = account.run(end=end)
    assert account.bookmark(first) == text(end)
    account.assert_exported(first.table(account.name), end=end)
    second = account.run(first.state, settings=account.stream.no_lookback)
    assert_table_is(upserted(first.table(account.name), second, account.name), account.truth())


def test_a_start_date_with_a_fraction_is_exact(account: Account) -> None:
    start = MIDDLE + timedelta(milliseconds=250)
    account.add(start - 3 * SECOND, start - SECOND, start, start + SECOND)
    account.assert_exported(account.run(start=start).table(account.name), start=start)


@pytest.mark.covers(71)
def test_a_call_dated_after_the_end_does_not_move_the_bookmark(account: Account) -> None:
    account.add(START, MIDDLE, datetime(2999, 1, 1, tzinfo=START.tzinfo))
    run = account.run(end=None)
    assert run.code == 0
    assert set(account.truth(START, END)) == set(run.table(account.name))
    assert account.bookmarks(run)[-1] < "2999"
