"""Which columns records have: those of their SCHEMA message, in its order, in every mode."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest
from made_up import CONFIG, all_streams, columns, records, row_of, run_over
from support import catalog_of

if TYPE_CHECKING:
    from pathlib import Path

    from support import JSON, Run

STREAMS = all_streams()
FLAT = {"flattening_enabled": True}
#: What may be done to records.
MODES: dict[str, JSON] = {
    "plain": {},
    "flattened, depth 1": {**FLAT, "flattening_max_depth": 1},
    "flattened, depth 2": {**FLAT, "flattening_max_depth": 2, "flattening_separator": "."},
    "flattened, depth 5": {**FLAT, "flattening_max_depth": 5},
}


def maps(random: Random) -> JSON:
    """Stream maps that add, change, remove and rename columns, for about half of the streams."""
    found: JSON = {}
    for name, stream in STREAMS.items():
        keys, others = list(stream.primary_keys), list(stream.schema["properties"])
        one, two = random.sample([column for column in others if column not in keys], 2)
        changes: JSON = {"added": "'x'", one: None, "renamed": two, two: None}
        found |= random.choice(
            [
                {},
                {},
                {name: changes},
                {name: {**changes, "__alias__": f"{name}_alias"}},
                {name: {"__else__": None, **{key: key for key in keys}, "whole": "record"}},
                {f"{name}_copy": {**changes, "__source__": name}},
            ]
        )
    return found


def bodies(random: Random) -> dict[str, bytes]:
    """Rows of every stream, as a response holds them."""
    return {
        name: json.dumps(
            [row_of(stream.schema, key, tuple(stream.primary_keys), random) for key in range(4)]
        ).encode()
        for name, stream in STREAMS.items()
    }


def in_another_order(catalog: JSON, random: Random) -> JSON:
    """A catalog whose schemas have their columns in any order."""
    for entry in catalog["streams"]:
        properties = entry["schema"]["properties"]
        names = random.sample(list(properties), len(properties))
        entry["schema"]["properties"] = {name: properties[name] for name in names}
    return catalog


@pytest.mark.covers(143)
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("batches", [False, True], ids=["RECORD", "BATCH"])
@pytest.mark.parametrize("mapped", [False, True], ids=["unmapped", "stream maps"])
@pytest.mark.parametrize("mode", MODES)
def test_every_record_has_the_columns_of_its_schema_in_their_order(
    mode: str, seed: int, tmp_path: Path, *, mapped: bool, batches: bool
) -> None:
    random = Random(seed)
    options = dict(MODES[mode])
    if mapped:
        options["stream_maps"] = maps(random)
    if batches:
        options["batch_config"] = {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri()},
        }
    catalog = in_another_order(catalog_of(CONFIG, STREAMS), random)
    run = run_over(bodies(random).__getitem__, catalog=catalog, **options)
    assert run.code == 0, run.complaints
    schemas, found = columns(run), records(run)
    assert len(found) >= len(STREAMS)
    for stream, rows in found.items():
        for record in rows:
            assert list(record) == schemas[stream], stream


def phones(run: Run) -> int:
    """How often the phone numbers of the rows are in the records."""
    return json.dumps(run.lines).count("+12025550101")


@pytest.mark.covers(140)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("phone", ["+12025550101", {"number": "+12025550101"}], ids=type)
def test_a_column_missing_in_the_catalog_is_not_exported_at_all(mode: str, phone: object) -> None:
    name = "customer_phone_number"
    rows = [{"id": 1, name: phone, "customerPhoneNumber": "+12025550101 2", "status": "completed"}]
    body = json.dumps(rows).encode()
    catalog = catalog_of(CONFIG, ["burki_calls"])
    assert phones(run_over(lambda _: body, catalog=catalog, **MODES[mode])) == 2
    for entry in catalog["streams"]:
        entry["schema"]["properties"].pop(name, None)
        entry["metadata"] = [part for part in entry["metadata"] if name not in part["breadcrumb"]]
    run = run_over(lambda _: body, catalog=catalog, **MODES[mode])
    (record,) = run.records("burki_calls")
    assert record["status"] == "completed"
    assert list(record) == columns(run)["burki_calls"]
    assert phones(run) == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_part_of_a_column_missing_in_the_catalog_is_not_exported(mode: str) -> None:
    cost = {"combined_cost": 7, "total_duration_seconds": 3599, "added later": 1}
    body = json.dumps([{"call_id": "c1", "call_cost": cost}]).encode()
    catalog = catalog_of(CONFIG, ["anunzi_calls"])
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "anunzi_calls":
            del entry["schema"]["properties"]["call_cost"]["properties"]["total_duration_seconds"]
    run = run_over(lambda _: body, catalog=catalog, **MODES[mode])
    (record,) = run.records("anunzi_calls")
    text = json.dumps(record)
    assert "3599" not in text
    assert "combined_cost" in text
    assert "added later" in text
