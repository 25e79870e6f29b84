"""Rows become records: nothing dropped, nothing invented, the same as objects and as JSON lines."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_callexports.errors import KeyMissing, TransientFailure
from tap_callexports.http.response import Response
from tap_callexports.records.batch import Batch
from tap_callexports.records.codec import Codec
from tap_callexports.records.exclusions import Exclusions
from tap_callexports.records.naming import snake_case
from tap_callexports.records.timestamps import TimeReader, iso_instant

KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "code": {"type": ["string", "null"], "minLength": 1},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "anything": {"type": ["string", "null"], "contentMediaType": "application/json"},
    "whole": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "object": {"type": ["object", "null"]},
    "objects": {"type": ["array", "null"], "items": {"type": ["object", "null"]}},
    "texts": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
    "list": {"type": ["array", "null"]},
}
ID = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {"properties": {"id": ID, **KINDS, "extra": {"type": ["object", "null"]}}}
#: The first text of a process takes hypothesis a second.
PATIENT = settings(suppress_health_check=[HealthCheck.too_slow])
ENCODER = msgspec.json.Encoder(decimal_format="number")
BOTH = pytest.mark.parametrize("as_json", [False, True])


def codec(**options: Any) -> Codec:
    return Codec(SCHEMA, primary_keys=("id",), times=TimeReader(iso_instant), **options)


def read(*rows: str, key: bool = True, **options: Any) -> Batch:
    """Rows, as members of JSON objects, as a codec reads them at first and later."""
    reader = codec(**({"tracked_columns": KINDS, "as_json": True} | options))
    texts = (f'{{"id":"x",{row}}}' if key else f"{{{row}}}" for row in rows)
    body = f'{{"rows":[{",".join(texts)}]}}'.encode()
    responses = (Response(200, {}, body, decoder=reader) for _ in range(2))
    first, second = (reader.batch(response.envelope("rows")["rows"]) for response in responses)
    assert first == second
    return second


def records_of(batch: Batch) -> list[Any]:
    """Its records, decoded where they are lines."""
    return [
        json.loads(record, parse_float=Decimal) if isinstance(record, bytes) else record
        for record in batch.records
    ]


def given_in(batch: Batch) -> dict[str, Any]:
    """What the only record has beside its id and nulls."""
    (record,) = records_of(batch)
    assert list(record) == list(SCHEMA["properties"])
    assert record.pop("id") == "x"
    return {name: value for name, value in record.items() if value is not None}


@BOTH
@pytest.mark.parametrize("name", ["Object", "object"])
def test_a_field_is_excluded_by_its_own_name_and_by_its_columns(
    name: str, *, as_json: bool
) -> None:
    row = '"Object":{"token":1,"kept":2}'
    assert given_in(read(row, as_json=as_json, exclusions=Exclusions([name]))) == {}
    part = read(row, as_json=as_json, exclusions=Exclusions([f"{name}.token"]))
    assert given_in(part) == {"object": {"kept": 2}}


@BOTH
@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        pytest.param('"unknown":{"a":[1]}', {"extra": {"unknown": {"a": [1]}}}, id="unknown"),
        pytest.param('"whole":"long"', {"extra": {"whole": "long"}}, id="invalid"),
        pytest.param('"time":"","text":null', {}, id="empty"),
        pytest.param(f'"{"n" * 201}":1', {"extra": {"n" * 201: 1}}, id="a name that is too long"),
        # Two fields of one column lose neither.
        pytest.param('"Text":"a","text":"b"', {"text": "a", "extra": {"text": "b"}}, id="two"),
        pytest.param('"Text":"a","text":"a"', {"text": "a"}, id="twice the same"),
        pytest.param('"Text":null,"text":"b"', {"text": "b"}, id="the second one"),
        pytest.param('"Whole":"b","whole":5', {"whole": 5, "extra": {"Whole": "b"}}, id="a valid"),
        pytest.param('"Whole":5,"whole":"b"', {"whole": 5, "extra": {"whole": "b"}}, id="first"),
        pytest.param('"Object":{"a":1.5},"object":null', {"object": {"a": Decimal("1.5")}}, id="o"),
        pytest.param(
            '"Anything":[1, 2],"ANYTHING":[3]',
            {"anything": "[1,2]", "extra": {"ANYTHING": [3]}},
            id="any",
        ),
    ],
)
def test_no_value_of_a_row_is_lost(row: str, wanted: dict[str, Any], *, as_json: bool) -> None:
    batch = read(row, as_json=as_json)
    assert given_in(batch) == wanted
    invalid = "whole" in row.lower() and '":"' in row
    assert batch.invalid_values == ({0: ["whole"]} if invalid else {})


@BOTH
def test_the_order_of_extra_does_not_depend_on_that_of_the_fields(*, as_json: bool) -> None:
    extra = given_in(read('"b":1,"whole":"x","a":2', as_json=as_json))["extra"]
    assert list(extra) == ["a", "b", "whole"]
    assert list(given_in(read('"b":1,"a":2', as_json=as_json))["extra"]) == ["a", "b"]


@BOTH
def test_selected_columns_only_are_there_in_their_order(*, as_json: bool) -> None:
    rows = '"text":"a","whole":"b","Whole":"c","TEXT":"d","new":1', '"flag":true,"number":5'
    batch = read(*rows, as_json=as_json, selected=["number", "id"], tracked_columns=["flag"])
    assert [list(record.items()) for record in records_of(batch)] == [
        [("number", None), ("id", "x")],
        [("number", 5), ("id", "x")],
    ]
    assert (batch["flag"], batch["id"], batch.invalid_values) == ([None, True], ["x", "x"], {})
    batch = read(*rows, as_json=as_json, selected=["id", "extra"], tracked_columns=["whole"])
    assert [record["extra"] for record in records_of(batch)] == [{"new": 1}, None]


@pytest.mark.parametrize("row", ['"a":1', '"id":null', '"id":""', '"id":{"a":1}'])
@pytest.mark.parametrize("others", [True, False])
def test_a_row_without_its_key_fails_the_response(row: str, *, others: bool) -> None:
    rows = ['"id":"x"', row] if others else [row, row]
    words = (
        f"^{2 - others} of 2 rows have no id: this is not the list that was requested, or its "
        "columns were renamed$"
    )
    with pytest.raises(KeyMissing, match=words) as caught:
        read(*rows, key=False)
    assert caught.value.others is others


def test_every_part_of_a_key_has_to_be_there_and_a_partition_adds_its_columns() -> None:
    two = Codec(SCHEMA, primary_keys=("id", "code"), times=TimeReader(iso_instant))
    with pytest.raises(KeyMissing, match="1 of 2 rows have no id, code: "):
        two.batch([{"id": "x", "code": "a"}, {"id": "y"}])
    batch = two.batch([{"id": "x"}, {"id": "y", "code": "z"}], {"code": "f1"})
    assert [record["code"] for record in batch.records] == ["f1", "f1"]
    assert batch.keys(("id", "code")) == [("x", "f1"), ("y", "f1")]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("number", "1.50"), ("number", "21.321383333333333000"), ("object", '{"a": [1]}'),
        ("object", '{"n":1.0e5,"t":"\\u0078"}'), ("objects", '[{"a" :1},null]'), ("list", "[ 1]"),
        ("unknown", "[1.0e5]"),
    ],
)  # fmt: skip
def test_objects_lists_and_fractions_stay_as_they_are_written(column: str, text: str) -> None:
    (line,) = read(f'"{column}":{text}').records
    assert f'"{column}":{text}'.encode() in line
    if column == "number":
        assert str(given_in(read(f'"{column}":{text}', as_json=False))[column]) == text


@pytest.mark.parametrize(
    ("column", "texts", "wanted"),
    [
        ("code", ['"a"', '""', "null", '"b,"'], ["a", None, None, "b,"]),
        ("time", ['"2024-05-02T10:11:12Z"', "null"], ["2024-05-02T10:11:12.000000Z", None]),
        ("whole", ["5", '"6"', '""', "null"], [5, 6, None, None]),
        ("number", ['"1,5"', "2"], [Decimal("1.5"), 2]),
        ("flag", ["1", "false"], [True, False]),
        ("texts", ['["a"]', '"b,c"', "null", "[1]"], [["a"], ["b", "c"], None, ["1"]]),
        ("list", ["[1]", '"b,c"', "[]", "null"], [[1], ["b", "c"], [], None]),
        ("object", ['{"a":1,"b":2}', '"{\\"a\\":1,\\"b\\":2}"'], [{"a": 1, "b": 2}] * 2),
        ("anything", ["[1, 2]", '"a, b"', "null"], ["[1,2]", "a, b", None]),
    ],
)  # fmt: skip
def test_a_value_stays_in_its_row_whatever_becomes_of_those_beside_it(
    column: str, texts: list[str], wanted: list[object]
) -> None:
    rows = (f'"id":"{number},","{column}":{text}' for number, text in enumerate(texts))
    records = records_of(read(*rows, key=False))
    assert [record["id"] for record in records] == [f"{number}," for number in range(len(texts))]
    assert [record[column] for record in records] == wanted
    assert {record["extra"] for record in records} == {None}


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("whole", "1.5"), ("whole", "1e999999999"), ("number", "1e9999999999999999999"),
        ("code", '" "'), ("code", '"\\u00a0"'), ("code", '"\u3000"'), ("objects", "[1]"),
        ("objects", '[{"a":1},"b"]'), ("texts", "[[1]]"), ("list", "{}"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_goes_into_extra(column: str, text: str) -> None:
    batch = read(f'"{column}":{text}')
    assert batch.invalid_values == {0: [column]}
    assert list(given_in(batch)) == ["extra"]
    assert list(given_in(batch)["extra"]) == [column]


def test_a_key_is_the_same_however_it_is_spelled() -> None:
    batch = read('"id":"x"', '"id":"\\u0078"', key=False)
    assert batch.keys(("id",)) == ["x", "x"]
    assert len(set(batch.contents())) == 1


# JSON in any spelling.

TEXTS = st.sampled_from(
    ["", " ", "\u00a0", "\u3000x", "\t", "x", "1", "1,5", "true", "0", "[]", "{}", '{"a": 1}',
     "null", "\\", '"', "2024-05-02T10:11:12Z", "2024-05-02 10:11:12.5+02:00", "ñ", "a\nb"]
)  # fmt: skip
SCALARS = st.sampled_from(
    ["null", "true", "false", "0", "-0", "5", "-5", "1.0", "1.50", "1e5", "-2.5E-3", "1e400",
     "9" * 99, "1e9999999999999999999", "[" * 300 + "]" * 300]
) | st.builds(json.dumps, TEXTS | st.text(), ensure_ascii=st.booleans())  # fmt: skip
SPACE = st.sampled_from(["", " ", "\n", "\r\n\t"])


def of_parts(parts: list[str], space: str, *, as_object: bool) -> str:
    """A list or an object of these parts."""
    if not as_object:
        return "[" + f"{space},".join(parts) + space + "]"
    return "{" + ",".join(f'{space}"k{n}"{space}:{part}' for n, part in enumerate(parts)) + "}"


#: JSON as servers write it.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.builds(of_parts, st.lists(inner, max_size=3), SPACE, as_object=st.booleans()),
    max_leaves=3,
)
FIELDS = st.sampled_from([*KINDS, "Text", "WHOLE", "unknown", "other"])
ROWS = st.dictionaries(FIELDS, VALUES, max_size=12).map(
    lambda row: ",".join(['"id":"x"', *(f'"{name}":{value}' for name, value in row.items())])
)


def values(line: bytes) -> Any:
    """A line's values; the order of keys and the spelling of numbers tell nothing."""

    def number(text: str) -> Decimal | str:
        try:
            return Decimal(text).normalize()
        except ArithmeticError:
            return text

    return json.loads(line, parse_float=number, parse_int=number)


@PATIENT
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_lines_hold_what_objects_hold_whatever_is_beside_them(rows: list[str]) -> None:
    try:
        plain = read(*rows, key=False, as_json=False)
    except UnicodeEncodeError:
        return  # half of a pair: no server can send it as UTF-8
    lines = read(*rows, key=False)
    assert [sorted(columns) for columns in plain.invalid_values.values()] == [
        sorted(columns) for columns in lines.invalid_values.values()
    ]
    assert plain.columns == lines.columns
    for row, line, record in zip(rows, lines.records, plain.records, strict=True):
        assert not {b"\n", b"\r"} & {line[at : at + 1] for at in range(len(line))}
        assert values(line) == values(ENCODER.encode(record))
        for name in set(json.loads(f"{{{row}}}")) - {"id"}:
            assert name in (record["extra"] or {}) or snake_case(name) in KINDS
    if "\n" not in "".join(rows):
        try:
            (alone,) = read(rows[0], key=False).records
        except TransientFailure:
            return
        assert alone == lines.records[0]
