"""The same rows by every road: workers, selection, stream maps, flattening, batches."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from account import END, Account, opened
from expected_streams import DISTINCT, STREAMS
from seam import records_through_the_sdk
from singer_sdk.metrics import Point
from support import JSON, Run, assert_table_is, clock_at, entry_in, run_tap


@pytest.fixture(params=STREAMS, ids=str)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


@pytest.fixture(params=DISTINCT, ids=str)
def distinct(request: pytest.FixtureRequest) -> Iterator[Account]:
    with opened(request.param) as account:
        yield account


def decoded(run: Run) -> list[str]:
    """The lines of a run, the times of reading apart."""
    read_at = re.compile(r'"(time_extracted|as_of)": "[^"]*"')
    return [read_at.sub("", json.dumps(line)) for line in run.lines]


def test_deselected_columns_are_left_out_whoever_makes_the_records(account: Account) -> None:
    """Records are made by the tap itself, or by the SDK where stream maps need that."""
    catalog = account.catalog(account.name)
    needed = {*account.stream.keys, account.stream.time}
    for part in entry_in(catalog, account.name)["metadata"]:
        if len(part["breadcrumb"]) == 2 and part["breadcrumb"][1] not in needed:
            part["metadata"]["selected"] = part["breadcrumb"][1] < "d"
    with clock_at(END):
        own = run_tap(account.config(), catalog=catalog)
        with records_through_the_sdk():
            through = run_tap(account.config(), catalog=catalog)
    whole = account.run()
    assert whole.records(account.name)
    assert own.records(account.name) == [
        {name: value for name, value in record.items() if name < "d" or name in needed}
        for record in whole.records(account.name)
    ]
    assert decoded(own) == decoded(through)
    with records_through_the_sdk():
        assert decoded(account.run()) == decoded(whole)


def test_a_stream_map_changes_columns_rows_and_names(
    distinct: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "singer_sdk.metrics")
    name, key = distinct.name, distinct.stream.keys[0]
    plain = distinct.run()
    caplog.clear()
    run = distinct.run(stream_maps={name: {"doubled": f"str({key}) * 2", "extra": None}})
    table = run.table(name)
    assert all(record.pop("doubled") == 2 * str(record[key]) for record in table.values())
    assert all("extra" not in record for record in table.values())
    assert_table_is(table, distinct.truth())
    points = [point for log in caplog.records for point in log.args or ()]
    counts = [p.value for p in points if isinstance(p, Point) and p.metric == "record_count"]
    assert sum(counts) == len(run.records(name)) > 0

    renamed = distinct.run(stream_maps={name: {"__alias__": "renamed"}})
    assert renamed.records(name) == []
    assert_table_is(renamed.table("renamed"), distinct.truth())

    wanted = min(distinct.truth())
    parts = zip(distinct.stream.keys, wanted, strict=True)
    condition = " and ".join(f"{key} == {value!r}" for key, value in parts)
    filtered = distinct.run(stream_maps={name: {"__filter__": condition}})
    assert set(filtered.table(name)) == {wanted}
    assert run.state == renamed.state == filtered.state == plain.state


def test_flattening_keeps_keys_rows_and_plain_values(account: Account) -> None:
    plain = account.run()
    flat = account.run(flattening_enabled=True, flattening_max_depth=3)
    table, properties = flat.table(account.name), flat.schema(account.name)["schema"]["properties"]
    assert len(flat.records(account.name)) == len(plain.records(account.name))
    assert {name for record in table.values() for name in record} <= set(properties)
    for key, record in plain.table(account.name).items():
        values = {
            name: value
            for name, value in record.items()
            if value is not None and not isinstance(value, (dict, list))
        }
        assert {name: table[key][name] for name in values} == values
    assert flat.state == plain.state


def rows_of_batch(message: JSON) -> list[JSON]:
    """The records in the file of a BATCH message."""
    [url] = message["manifest"]
    body = Path(url2pathname(urlparse(url).path)).read_bytes()
    if message["encoding"]["compression"] == "gzip":
        body = gzip.decompress(body)
    return [json.loads(line) for line in body.splitlines()]


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batch_files_hold_what_the_records_would_and_states_come_behind_them(
    distinct: Account, compression: str, tmp_path: Path
) -> None:
    plain = distinct.run()
    before: dict[str, int] = {}
    for number, line in enumerate(plain.lines):
        if line["type"] == "STATE":
            rows = sum(each["type"] == "RECORD" for each in plain.lines[:number])
            before.setdefault(json.dumps(line["value"]), rows)
    run = distinct.run(
        batch_config={
            "encoding": {"format": "jsonl", "compression": compression},
            "storage": {"root": tmp_path.as_uri(), "prefix": "calls-"},
            "batch_size": 7,
        }
    )
    announced: list[JSON] = []
    for line in run.lines:
        if line["type"] == "BATCH":
            announced += rows_of_batch(line)
        elif line["type"] == "STATE":
            assert len(announced) >= before[json.dumps(line["value"])]
    assert announced == plain.records(distinct.name)
    assert not run.records(distinct.name)
    assert run.state == plain.state
    sizes = [len(rows_of_batch(line)) for line in run.of(distinct.name, "BATCH")]
    assert {*sizes[:-1]} <= {7}
    assert len([*tmp_path.iterdir()]) == len(sizes)
