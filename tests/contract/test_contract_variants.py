"""The same rows by every road: workers, stream maps, flattening, company of other streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from account import DAY, START, Account, instant, opened, text
from streams import STREAMS, WINDOWED, Stream
from support import JSON, Run, assert_table_is, run_tap

from sandbox import Fault


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def run_with(stream: Stream, workers: int, *slow: int) -> Run:
    """A run with so many workers, where each nth answer is slow."""
    with opened(stream) as account:
        for nth in slow:
            account.api.faults.add(Fault("slow", seconds=0.02, times=1000, every=nth))
        run = account.run(settings={"max_concurrency": workers})
        assert run.code == 0
        assert account.api.most_in_flight <= workers
        assert_table_is(run.table(account.name), account.truth())
        assert_rows_are_between_their_states(account, run)
    for line in run.lines:
        line.pop("time_extracted", None)
    return run


def assert_rows_are_between_their_states(account: Account, run: Run) -> None:
    """No row of a window comes before the STATE of the window before it.

    Where the server may filter by another time than the rows show, a day may lie between them.
    """
    slack = 0 * DAY if account.stream.filtered else DAY
    earliest = text(START - slack)
    for line in run.lines:
        if line["type"] == "STATE":
            bookmark = account.bookmark(Run(0, [line]))
            assert bookmark
            earliest = text(instant(bookmark) - slack)
        elif line["type"] == "RECORD":
            assert line["record"][account.stream.time] >= earliest


@pytest.mark.parametrize("stream", WINDOWED, ids=str)
def test_any_number_of_workers_gives_the_same_records_in_the_same_order(stream: Stream) -> None:
    runs = [run_with(stream, workers, 2) for workers in (1, 4, 8)]
    records = [[json.dumps(record) for record in run.records(stream.name)] for run in runs]
    if stream.newest_first:
        # The order inside a window is the file's, and windows are cut otherwise.
        records = [sorted(lines) for lines in records]
    assert records[0] == records[1] == records[2]
    assert runs[0].state == runs[1].state == runs[2].state


@pytest.mark.parametrize("stream", WINDOWED, ids=str)
def test_which_answer_is_slow_changes_no_line(stream: Stream) -> None:
    runs = [run_with(stream, 4), run_with(stream, 4, 2), run_with(stream, 4, 3, 2)]
    assert runs[0].lines == runs[1].lines == runs[2].lines


def test_a_stream_map_adds_and_removes_columns_and_keeps_the_rows(account: Account) -> None:
    key = account.stream.keys[0]
    maps = {account.name: {"doubled": f"str({key}) + str({key})", "extra": None}}
    run = account.run(stream_maps=maps)
    assert run.code == 0
    table = run.table(account.name)
    assert all(record.pop("doubled") == 2 * str(record[key]) for record in table.values())
    assert all("extra" not in record for record in table.values())
    assert_table_is(table, account.truth())


def test_a_stream_map_may_rename_the_stream(account: Account) -> None:
    run = account.run(stream_maps={account.name: {"__alias__": "renamed"}})
    assert run.code == 0
    assert run.records(account.name) == []
    assert_table_is(run.table("renamed"), account.truth())
    assert run.state == account.run().state


def test_a_stream_map_may_leave_rows_out(account: Account) -> None:
    wanted = min(account.truth())
    parts = zip(account.stream.keys, wanted, strict=True)
    condition = " and ".join(f"{key} == {value!r}" for key, value in parts)
    run = account.run(stream_maps={account.name: {"__filter__": condition}})
    assert set(run.table(account.name)) == {wanted}
    assert run.state == account.run().state


def test_a_stream_map_of_a_stream_that_is_not_selected_changes_nothing(account: Account) -> None:
    config = account.config(stream_maps={account.name: {"extra": None}})
    run = run_tap(config, catalog=account.catalog())
    assert (run.code, run.error, run.records(account.name)) == (0, None, [])


@pytest.mark.covers(143)
def test_flattening_keeps_keys_rows_and_plain_values(account: Account) -> None:
    plain = account.run()
    flat = account.run(flattening_enabled=True, flattening_max_depth=3)
    assert flat.code == 0
    assert len(flat.records(account.name)) == len(plain.records(account.name))
    table = flat.table(account.name)
    assert set(table) == set(plain.table(account.name))
    for key, record in plain.table(account.name).items():
        values = scalars(record)
        assert {name: table[key][name] for name in values} == values
    assert flat.state == plain.state


def scalars(record: JSON) -> JSON:
    """The values of a record that flattening leaves alone."""
    return {
        name: value
        for name, value in record.items()
        if value is not None and not isinstance(value, (dict, list))
    }


def test_the_company_of_other_streams_changes_nothing(account: Account) -> None:
    alone = account.run()
    config = {**account.box.config(), **account.config()}
    one_of_each = {stream.api: stream for stream in reversed(STREAMS)}.values()
    others = {
        stream.name
        for stream in (*STREAMS, *one_of_each)
        if stream in one_of_each or (stream.api == account.stream.api and not stream.per_call)
    }
    together = run_tap(config, streams=others | {account.name})
    assert together.code == 0
    assert together.records(account.name) == alone.records(account.name)
    assert together.state["bookmarks"][account.name] == alone.state["bookmarks"][account.name]
    assert len(together.state["bookmarks"]) > 1
