"""The same rows by every road: workers, stream maps, flattening, batches, other streams beside."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from account import DAY, END, START, Account, instant, opened, text
from expected_streams import STREAMS, WINDOWED, Stream
from seam import records_through_the_sdk
from singer_sdk.metrics import Point
from support import JSON, Run, assert_table_is, clock_at, run_tap

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


def test_a_stream_map_of_a_stream_that_is_not_selected_is_no_mistake(account: Account) -> None:
    config = account.config(stream_maps={account.name: {"extra": None}})
    run = run_tap(config, catalog=account.catalog())
    assert "no stream is selected" in run.complaints[-1]


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
    with clock_at(END):
        together = run_tap(config, streams=others | {account.name})
    assert together.code == 0
    assert together.records(account.name) == alone.records(account.name)
    assert together.state["bookmarks"][account.name] == alone.state["bookmarks"][account.name]
    assert len(together.state["bookmarks"]) > 1


def decoded(run: Run) -> list[str]:
    """The lines of a run, the times of reading apart."""
    read_at = re.compile(r'"(time_extracted|as_of)": "[^"]*"')
    return [read_at.sub("", json.dumps(line)) for line in run.lines]


def test_records_past_the_sdk_and_through_it_are_the_same(account: Account) -> None:
    past = account.run()
    with records_through_the_sdk():
        through = account.run()
    assert past.records(account.name)
    assert decoded(past) == decoded(through)


def test_a_deselected_column_is_left_out_by_both_roads(account: Account) -> None:
    catalog = account.catalog(account.name)
    entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == account.name)
    needed = {*account.stream.keys, account.stream.time}
    for part in entry["metadata"]:
        if len(part["breadcrumb"]) == 2 and part["breadcrumb"][1] not in needed:
            part["metadata"]["selected"] = part["breadcrumb"][1] < "d"
    past = run_tap(account.config(), catalog=catalog)
    with records_through_the_sdk():
        through = run_tap(account.config(), catalog=catalog)
    columns = {name for record in past.records(account.name) for name in record}
    assert columns
    assert all(name < "d" or name in needed for name in columns)
    assert decoded(past) == decoded(through)


@pytest.mark.parametrize("stream", [s for s in STREAMS if s.api == "anunzi"], ids=str)
def test_a_deselected_part_of_a_column_is_left_out(stream: Stream) -> None:
    part = ["properties", "latency", "properties", "e2e"]
    with opened(stream) as account:
        catalog = account.catalog(account.name)
        [entry] = [each for each in catalog["streams"] if each["tap_stream_id"] == account.name]
        [metadata] = [each["metadata"] for each in entry["metadata"] if each["breadcrumb"] == part]
        metadata["selected"] = False
        run = run_tap(account.config(), catalog=catalog)
        whole = account.run()
    assert any("e2e" in (record["latency"] or ()) for record in whole.records(account.name))
    for record in whole.records(account.name):
        (record["latency"] or {}).pop("e2e", None)
    assert run.records(account.name) == whole.records(account.name)


def test_every_record_is_counted_by_either_road(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "singer_sdk.metrics")
    for maps in ({}, {account.name: {"extra": None}}):
        caplog.clear()
        run = account.run(stream_maps=maps)
        points = [point for log in caplog.records for point in log.args or ()]
        counts = [p.value for p in points if isinstance(p, Point) and p.metric == "record_count"]
        assert sum(counts) == len(run.records(account.name)) > 0


@pytest.mark.covers(143)
def test_flattening_makes_no_column_that_no_schema_names(account: Account) -> None:
    flat = account.run(flattening_enabled=True, flattening_max_depth=2)
    schema = next(line for line in flat.lines if line["type"] == "SCHEMA")["schema"]
    columns = {name for record in flat.records(account.name) for name in record}
    assert columns <= set(schema["properties"])


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batch_files_hold_what_the_records_would(
    account: Account, compression: str, tmp_path: Path
) -> None:
    maps = {account.name: {"extra": None}}
    plain = account.run(stream_maps=maps)
    run = account.run(
        stream_maps=maps,
        batch_config={
            "encoding": {"format": "jsonl", "compression": compression},
            "storage": {"root": tmp_path.as_uri(), "prefix": "calls-"},
            "batch_size": 7,
        },
    )
    assert run.code == 0
    assert not run.records(account.name)
    batches = [line for line in run.lines if line["type"] == "BATCH"]
    files = [rows_of_batch(batch) for batch in batches]
    assert [row for rows in files for row in rows] == plain.records(account.name)
    assert {len(rows) for rows in files[:-1]} <= {7}
    assert run.lines[-1]["type"] in {"BATCH", "STATE"}
    assert run.state == plain.state
    assert len(list(tmp_path.iterdir())) == len(batches)


def test_a_state_comes_behind_the_batches_it_speaks_of(account: Account, tmp_path: Path) -> None:
    config = {"storage": {"root": tmp_path.as_uri()}, "batch_size": 5}
    batched, plain = account.run(batch_config=config), account.run()
    rows: list[JSON] = []
    before: dict[str, int] = {}
    for line in plain.lines:
        if line["type"] == "RECORD":
            rows.append(line["record"])
        elif line["type"] == "STATE":
            before.setdefault(json.dumps(line["value"]), len(rows))
    announced = 0
    for line in batched.lines:
        if line["type"] == "BATCH":
            announced += len(rows_of_batch(line))
        elif line["type"] == "STATE":
            assert announced >= before[json.dumps(line["value"])]
    assert announced == len(rows)


def rows_of_batch(message: JSON) -> list[JSON]:
    """The records in the file of a BATCH message."""
    (url,) = message["manifest"]
    body = Path(url2pathname(urlparse(url).path)).read_bytes()
    if message["encoding"]["compression"] == "gzip":
        body = gzip.decompress(body)
    return [json.loads(line) for line in body.splitlines()]
