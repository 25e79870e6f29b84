"""The schema files are complete and open: a target and a reader can rely on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from declared import ROOT, declared_streams
from support import assert_listed

from tap_callexports.stream import CallStream

STREAMS = declared_streams()
FILES = {path.stem: path for path in (ROOT / "tap_callexports/providers").glob("*/schemas/*.json")}
Column = dict[str, Any]

each_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)


def schema_of(stream: CallStream[Any]) -> Column:
    """The file as it is written, not as the SDK reads it."""
    return dict(json.loads(FILES[stream.name].read_text(encoding="utf-8")))


def parts_of(schema: Column, path: str = "") -> Iterator[tuple[str, Column]]:
    """Every property, however deep, with its path; items of arrays as `path[]`."""
    for name, column in schema.get("properties", {}).items():
        yield f"{path}{name}", column
        yield from parts_of(column, f"{path}{name}.")
    items = schema.get("items")
    if isinstance(items, dict):
        yield f"{path.rstrip('.')}[]", items
        yield from parts_of(items, f"{path.rstrip('.')}[].")


def types_of(column: Column) -> set[str]:
    types = column["type"]
    return {types} if isinstance(types, str) else set(types)


def test_every_stream_has_a_file_and_every_file_a_stream() -> None:
    assert_listed(STREAMS, FILES, "tap_callexports/providers/*/schemas/")


@each_stream
def test_every_property_is_described(stream: CallStream[Any]) -> None:
    bare = [
        path
        for path, column in parts_of(schema_of(stream))
        if not column.get("description", "").strip() and not path.endswith("[]")
    ]
    assert bare == []
    assert schema_of(stream)["description"]


@each_stream
def test_everything_but_the_keys_may_be_null(stream: CallStream[Any]) -> None:
    never_null = [
        path for path, column in parts_of(schema_of(stream)) if "null" not in types_of(column)
    ]
    assert sorted(never_null) == sorted(stream.primary_keys)
    assert schema_of(stream)["required"] == list(stream.primary_keys)


@each_stream
def test_no_set_of_values_is_closed(stream: CallStream[Any]) -> None:
    parts = [("", schema_of(stream)), *parts_of(schema_of(stream))]
    closed = [
        path
        for path, column in parts
        if {"enum", "const"} & set(column) or column.get("additionalProperties") is False
    ]
    assert closed == []


@each_stream
def test_instants_have_the_format_and_say_that_they_are_utc(stream: CallStream[Any]) -> None:
    for path, column in parts_of(schema_of(stream)):
        named = re.search(r"(_at|_time|_timestamp|_date)$", path)
        if named and "string" in types_of(column):
            assert column.get("format") == "date-time", path
        if column.get("format") == "date-time":
            assert types_of(column) == {"string", "null"}, path
            assert "UTC" in column["description"], path
    if stream.replication_key:
        assert schema_of(stream)["properties"][stream.replication_key]["format"] == "date-time"


#: Every unit there is, and how a description says it.
UNITS = {
    "ms": "in milliseconds|are milliseconds",
    "s": "in seconds",
    "min": "in minutes",
    "cents": "in cents",
    "cents per second": "in cents per second",
    "cost_currency": "in cost_currency",
    "degrees": "in degrees",
    "currency not documented": "currency is not documented",
    "not documented": "unit (and origin )?(is|are) not documented|probably in seconds",
}


@each_stream
def test_a_unit_is_in_the_description_too(stream: CallStream[Any]) -> None:
    units = {path: column for path, column in parts_of(schema_of(stream)) if "x-unit" in column}
    unsaid = [
        path
        for path, column in units.items()
        if not re.search(UNITS[column["x-unit"]], column["description"])
    ]
    assert unsaid == []


@each_stream
def test_a_description_that_names_a_unit_is_of_a_column_that_has_one(
    stream: CallStream[Any],
) -> None:
    named = re.compile("|".join(UNITS.values()))
    bare = [
        path
        for path, column in parts_of(schema_of(stream))
        if named.search(column.get("description", "")) and "x-unit" not in column
    ]
    assert bare == []


def test_durations_of_videsk_have_the_units_of_the_provider_s_samples() -> None:
    units = {
        name: schema_of(stream)["properties"]["duration"]["x-unit"]
        for name, stream in STREAMS.items()
        if name.startswith("videsk_") and "duration" in schema_of(stream)["properties"]
    }
    assert units == {
        "videsk_calls": "min",
        "videsk_queues": "min",
        "videsk_appointments": "min",
        "videsk_recordings": "s",
    }


@each_stream
def test_keys_come_first_and_extra_last(stream: CallStream[Any]) -> None:
    columns = list(schema_of(stream)["properties"])
    keys = list(dict.fromkeys([*stream.primary_keys, *filter(None, [stream.replication_key])]))
    assert columns[: len(keys)] == keys
    assert columns[-1] == "extra"
    assert types_of(schema_of(stream)["properties"]["extra"]) == {"object", "null"}


@each_stream
def test_numbers_and_addresses_of_people_are_marked_personal(stream: CallStream[Any]) -> None:
    unmarked = [
        path
        for path, column in parts_of(schema_of(stream))
        if re.search(r"phone|e_?mail|transcript|(^|_)number$", path)
        and "string" in types_of(column)
        and not column["description"].endswith("(personal data)")
    ]
    assert unmarked == []
