"""The schema files are complete and open: a target and a reader can rely on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from generator.facts import (
    PERSONAL,
    ROOT,
    Column,
    columns_of,
    original_of,
    parts_of,
    schema_of,
    streams,
    types_of,
)
from support import assert_listed

from tap_callexports.stream import CallStream

STREAMS = streams()
each_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
#: How a description says a unit; another one as `in` and the unit.
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


def columns(stream: CallStream[Any]) -> dict[str, Column]:
    """Every property, however deep, by its path."""
    return dict(parts_of(schema_of(stream.name)))


def text_of(column: Column) -> str:
    return str(column.get("description", ""))


def is_instant(column: Column) -> bool:
    return column.get("format") == "date-time"


def is_text(column: Column) -> bool:
    return "string" in types_of(column)


#: What must not be true of a property, by what it would lack.
FLAWS: dict[str, Callable[[str, Column], bool]] = {
    "a description": lambda path, it: not text_of(it).strip() and not path.endswith("[]"),
    "openness to other values": lambda _, it: (
        bool({"enum", "const"} & {*it}) or it.get("additionalProperties") is False
    ),
    "the properties that loaders look for in objects of a list": lambda path, it: (
        path.endswith("[]") and types_of(it) == ["object"] and "properties" not in it
    ),
    "the format of an instant": lambda path, it: (
        bool(re.search(r"(_at|_time|_timestamp|_date)$", path)) and is_text(it) != is_instant(it)
    ),
    "UTC": lambda _, it: (
        is_instant(it) and (types_of(it) != ["string"] or "UTC" not in text_of(it))
    ),
    "the unit in its description": lambda _, it: (
        "x-unit" in it and not re.search(UNITS.get(it["x-unit"], f"in {it['x-unit']}"), text_of(it))
    ),
    "the unit of its description": lambda _, it: (
        "x-unit" not in it and bool(re.search("|".join(UNITS.values()), text_of(it)))
    ),
    "a unit": lambda path, it: (
        bool(re.fullmatch(r"[^.]*(duration[^.]*|_cost|price|_discount|accuracy)", path))
        and "x-unit" not in it
    ),
    "the mark of personal data": lambda path, it: (
        bool(re.search(r"phone(_number)?$|e_?mail|transcript|(^|_)number$", path))
        and is_text(it)
        and not text_of(it).endswith(PERSONAL)
    ),
}


def test_every_stream_has_a_file_and_every_file_a_stream() -> None:
    found = (ROOT / "tap_callexports/providers").glob("*/schemas/*.json")
    files = {original_of(name) or name for name in STREAMS}
    assert_listed(files, [path.stem for path in found], "tap_callexports/providers/*/schemas/")


@each_stream
def test_every_property_says_what_a_reader_and_a_target_need(stream: CallStream[Any]) -> None:
    lacking = [
        f"{path} lacks {what}"
        for path, column in columns(stream).items()
        for what, is_lacking in FLAWS.items()
        if is_lacking(path, column)
    ]
    assert lacking == []
    assert schema_of(stream.name)["description"]


@each_stream
def test_everything_but_the_keys_may_be_null(stream: CallStream[Any]) -> None:
    never_null = [path for path, column in columns(stream).items() if "null" not in column["type"]]
    assert sorted(never_null) == sorted(stream.primary_keys)
    assert schema_of(stream.name)["required"] == list(stream.primary_keys)
    if stream.replication_key:
        assert columns_of(stream.name)[stream.replication_key]["format"] == "date-time"
