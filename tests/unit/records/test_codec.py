"""Rows become records: nothing dropped, nothing invented, keys never null."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.errors import StreamFailed
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.naming import snake_case
from tap_callexports.records.timestamps import TimeReader, iso_instant

SCHEMA: dict[str, Any] = {
    "properties": {
        "call_id": {"type": "string", "minLength": 1},
        "started_at": {"type": ["string", "null"], "format": "date-time"},
        "duration": {"type": ["integer", "null"]},
        "notes": {"type": ["string", "null"]},
        "extra": {"type": ["object", "null"]},
    }
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def codec(**options: Any) -> Codec:
    return Codec(SCHEMA, primary_keys=("call_id",), times=TimeReader(iso_instant), **options)


def one(row: dict[str, Any], **options: Any) -> dict[str, Any]:
    record: dict[str, Any] = codec(**options).batch([row]).records[0]
    return record


@pytest.mark.covers(131)
def test_every_column_is_there_in_schema_order() -> None:
    record = one({"callId": "c1"})
    assert list(record) == list(SCHEMA["properties"])
    assert record == {
        "call_id": "c1", "started_at": None, "duration": None, "notes": None, "extra": None,
    }  # fmt: skip


def test_an_empty_text_is_no_time_and_no_invalid_value() -> None:
    batch = codec().batch([{"callId": "c1", "startedAt": ""}])
    assert (batch.records[0]["started_at"], batch.invalid_values) == (None, {})


def test_unknown_fields_go_into_extra_as_received() -> None:
    assert one({"callId": "c1", "newThing": {"a": [1]}})["extra"] == {"newThing": {"a": [1]}}


def test_an_invalid_value_is_null_in_its_column_kept_in_extra_and_counted() -> None:
    batch = codec().batch([{"callId": "c1", "duration": "long", "notes": "n"}])
    assert batch.records[0]["duration"] is None
    assert batch.records[0]["extra"] == {"duration": "long"}
    assert batch.invalid_values == {0: ["duration"]}


def test_two_fields_of_one_column_lose_neither() -> None:
    record = one({"callId": "c1", "call_id": "c2", "notes": "n"})
    assert record["call_id"] == "c1"
    assert record["extra"] == {"call_id": "c2"}


def test_a_secret_field_is_left_out_altogether() -> None:
    record = one(
        {"callId": "c1", "access_token": "canary"}, exclusions=Exclusions({"access_token"})
    )
    assert "canary" not in str(record)


@pytest.mark.parametrize("row", [{}, {"callId": None}, {"callId": ""}, {"callId": {"a": 1}}])
def test_a_row_without_its_key_fails_the_answer(row: dict[str, Any]) -> None:
    with pytest.raises(StreamFailed, match="1 of 2 rows have no call_id"):
        codec().batch([{"callId": "c1"}, row])


def test_a_partition_adds_its_columns() -> None:
    assert codec().batch([{"callId": "c1"}], {"notes": "f1"}).records[0]["notes"] == "f1"


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_no_value_of_a_row_is_lost(row: dict[str, Any]) -> None:
    record = one({**row, "callId": "c1"})
    extra = record["extra"] or {}
    for name, value in row.items():
        column = snake_case(name)
        if name == "callId" or value is None:
            continue
        assert name in extra or (column in record and column != "extra"), name
