"""Mixed values inside lists become text that says the same; nothing else changes."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_callexports.records.codec import Codec
from tap_callexports.records.mixed import inner_text_reader, with_texts
from tap_callexports.records.timestamps import ISO_TIMES

WORD: dict[str, Any] = {"type": ["string", "null"]}
NUMBER: dict[str, Any] = {"type": ["integer", "number", "null"]}
MIXED: dict[str, Any] = {"type": ["string", "number", "object", "null"], "description": "Any"}
TEXT = {"type": ["string", "null"], "contentMediaType": "application/json", "description": "Any"}


def schema_with(mixed: dict[str, Any]) -> dict[str, Any]:
    """A stream's schema with `mixed` wherever lists have a mixed value."""
    turn = {
        "type": ["object", "null"],
        "properties": {
            "role": WORD,
            "at": NUMBER,
            "content": mixed,
            "inner": {"type": ["object", "null"], "properties": {"content": mixed}},
            "words": {"type": ["array", "null"], "items": mixed},
        },
    }
    columns = {
        "turns": {"type": ["array", "null"], "items": turn},
        "items": {"type": ["array", "null"], "items": mixed},
        "cost": {"type": ["object", "null"], "properties": {"sum": MIXED}},
        "extra": {"type": ["object", "null"]},
    }
    return {"type": "object", "properties": {"id": {"type": "string"}, **columns}}


SCHEMA = schema_with(MIXED)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(-9, 9, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ENCODER = msgspec.json.Encoder(decimal_format="number")


def record_of(row: dict[str, Any], schema: dict[str, Any], *, as_json: bool) -> Any:
    """The record of a row, as it is read with this schema; extra and id apart."""
    codec = Codec(schema, primary_keys=["id"], times=ISO_TIMES, as_json=as_json)
    rows = codec.decode(b"[%b]" % ENCODER.encode({"id": "x", **row}))
    [record] = codec.batch(rows).records
    found = json.loads(record, parse_float=Decimal) if as_json else record
    assert found.pop("extra") is None
    assert found.pop("id") == "x"
    return found


def means(text: object, value: object) -> bool:
    """Whether a text is what becomes of a value."""
    if value is None or isinstance(value, str):
        return text == value
    return isinstance(text, str) and json.loads(text, parse_float=Decimal) == value


def test_only_mixed_types_inside_lists_are_text_in_the_schema() -> None:
    before = copy.deepcopy(SCHEMA)
    assert with_texts(SCHEMA) == schema_with(TEXT)
    assert before == SCHEMA
    assert with_texts(schema_with(TEXT)) == schema_with(TEXT)


@pytest.mark.parametrize("as_json", [False, True])
@given(mixed=st.lists(JSON, min_size=3, max_size=3), others=st.lists(JSON, min_size=2, max_size=2))
def test_a_mixed_value_is_text_that_means_the_same_and_others_stay(
    mixed: list[Any], others: list[Any], *, as_json: bool
) -> None:
    content, inner, word = mixed
    kept = {"role": others[0], "unknown": others[1]}
    first = {**kept, "content": content, "inner": {"content": inner}}
    row = {"turns": [first, None, {}, {"words": [word, None]}], "cost": {"sum": word}}
    found = record_of(row, with_texts(SCHEMA), as_json=as_json)

    turn, *_, last = found["turns"]
    texts = [turn["content"], turn["inner"]["content"], last["words"][0]]
    assert all(map(means, texts, mixed)), texts
    filled = {**kept, "content": texts[0], "inner": {"content": texts[1]}}
    turns = [filled, None, {}, {"words": [texts[2], None]}]
    assert found == {"turns": turns, "cost": {"sum": word}, "items": None}
    assert list(turn) == list(first)


@pytest.mark.parametrize("as_json", [False, True])
@given(items=st.lists(JSON, max_size=4))
def test_the_items_of_a_list_may_be_mixed_themselves(items: list[Any], *, as_json: bool) -> None:
    texts = record_of({"items": items}, with_texts(SCHEMA), as_json=as_json)["items"]
    assert len(texts) == len(items)
    assert all(map(means, texts, items))


def test_a_value_that_is_not_decoded_yet_is_read_like_others() -> None:
    read = inner_text_reader(with_texts(SCHEMA)["properties"]["turns"])
    assert read
    value = [{"content": msgspec.Raw(b'"a"')}, msgspec.Raw(b'{"content": {"b": 1}}')]
    assert read(value) == [{"content": "a"}, {"content": '{"b":1}'}]


def test_texts_are_compact_and_keep_every_digit() -> None:
    row = {"items": [{"a": [1, Decimal("0.10"), None]}, "ñ", " 7 ", 12345678901234567890, True]}
    texts = record_of(row, with_texts(SCHEMA), as_json=True)["items"]
    assert texts == ['{"a":[1,0.10,null]}', "ñ", " 7 ", "12345678901234567890", "true"]


def test_nothing_is_decoded_where_nothing_is_mixed() -> None:
    codec = Codec(SCHEMA, primary_keys=["id"], times=ISO_TIMES, as_json=True)
    rows = b'[{"id":"x","turns":[ {"content" : {"a": 1.0e0}} ]}]'
    assert b'"turns":[ {"content" : {"a": 1.0e0}} ]' in codec.batch(codec.decode(rows)).records[0]
