"""Records as JSON hold what records as objects hold, whatever a codec has seen before."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_callexports.errors import TransientFailure
from tap_callexports.http.response import Response
from tap_callexports.records.batch import Batch
from tap_callexports.records.codec import Codec
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
SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": "string", "minLength": 1},
        **KINDS,
        "extra": {"type": ["object", "null"]},
    }
}
#: The first text of a process takes hypothesis a second.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ENCODER = msgspec.json.Encoder(decimal_format="number")
TEXTS = st.sampled_from(
    ["", " ", "\u00a0", "\u3000x", "\t", "x", "1", "1,5", "true", "0", "[]", "{}", '{"a": 1}',
     "null", "\\", '"', "2024-05-02T10:11:12Z", "2024-05-02 10:11:12.5+02:00", "ñ", "a\nb"]
)  # fmt: skip
NUMBERS = st.sampled_from(
    ["0", "-0", "5", "-5", "1.0", "1.50", "1e5", "-2.5E-3", "1e400", "9" * 99]
)
ODD = st.sampled_from(["1e9999999999999999999", "[" * 300 + "]" * 300])
SPACE = st.sampled_from(["", " ", "\n", "\r\n\t"])


@st.composite
def json_texts(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON in any spelling: escapes, white space, numbers as servers write them."""
    kind = draw(st.integers(0, 6 if depth else 3))
    space = draw(SPACE)
    if kind == 0:
        return draw(st.sampled_from(["null", "true", "false"]))
    if kind == 1:
        return draw(NUMBERS)
    if kind in {2, 3}:
        return json.dumps(draw(TEXTS | st.text()), ensure_ascii=draw(st.booleans()))
    if kind == 4:
        return draw(ODD)
    parts = draw(st.lists(json_texts(depth - 1), max_size=3))
    if kind == 5:
        return "[" + f"{space},".join(parts) + space + "]"
    return "{" + ",".join(f'{space}"k{n}"{space}:{part}' for n, part in enumerate(parts)) + "}"


def fields() -> st.SearchStrategy[list[tuple[str, str]]]:
    names = st.sampled_from([*KINDS, "Text", "WHOLE", "unknown", "other"])
    return st.lists(st.tuples(names, json_texts()), max_size=12)


def read(body: bytes, *, as_json: bool = True) -> Batch:
    """Rows of a body as the codec reads them at first, and once it knows their fields."""
    codec = Codec(
        SCHEMA,
        primary_keys=("id",),
        times=TimeReader(iso_instant),
        tracked_columns=KINDS,
        as_json=as_json,
    )
    replies = (Response(200, {}, body, decoder=codec) for _ in range(2))
    first, second = (codec.batch(reply.envelope("rows")["rows"]) for reply in replies)
    assert first.records == second.records
    assert first.columns == second.columns
    assert first.invalid_values == second.invalid_values
    return second


def line_of(batch: Batch) -> dict[str, Any]:
    """The only record."""
    (line,) = batch.records
    record: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return record


@PATIENT
@given(st.lists(fields(), min_size=1, max_size=3))
def test_both_ways_give_equal_values_and_equal_invalid_values(
    rows: list[list[tuple[str, str]]],
) -> None:
    texts = [
        "{" + ",".join(['"id":"x"', *(f'"{name}":{value}' for name, value in row)]) + "}"
        for row in rows
    ]
    try:
        body = ('{"rows": [' + ",".join(texts) + "]}").encode()
        plain = read(body, as_json=False)
    except UnicodeEncodeError:
        return  # half of a pair: no server can send it as UTF-8
    lines = read(body)
    assert columns_of(plain) == columns_of(lines)
    assert plain.columns == lines.columns
    for line, record in zip(lines.records, plain.records, strict=True):
        assert isinstance(line, bytes)
        assert b"\n" not in line
        assert b"\r" not in line
        assert values(line) == values(ENCODER.encode(record))


def columns_of(batch: Batch) -> list[list[str]]:
    return [sorted(columns) for columns in batch.invalid_values.values()]


def values(line: bytes) -> Any:
    """A line's values; the order of keys and the spelling of numbers tell nothing."""
    return json.loads(line, parse_float=number, parse_int=number)


def number(text: str) -> Decimal | str:
    """A number by its value, where it has one."""
    try:
        return Decimal(text).normalize()
    except ArithmeticError:
        return text


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("number", "1.50"), ("number", "21.321383333333333000"), ("object", '{"a": [1]}'),
        ("object", '{"n":1.0e5,"t":"\\u0078"}'), ("objects", '[{"a" :1},null]'), ("list", "[ 1]"),
    ],
)  # fmt: skip
def test_objects_lists_and_fractions_stay_as_they_are_written(column: str, text: str) -> None:
    body = f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode()
    (line,) = read(body).records
    assert f'"{column}":{text}'.encode() in line


@pytest.mark.parametrize(
    ("column", "text", "wanted"),
    [
        ("code", '""', None),
        ("time", '"2024-05-02T10:11:12Z"', "2024-05-02T10:11:12.000000Z"),
        ("whole", '"5"', 5), ("number", '"1,5"', Decimal("1.5")), ("flag", "1", True),
        ("texts", "[1]", ["1"]), ("object", '"{}"', {}), ("anything", "[ 1 ]", "[1]"),
    ],
)  # fmt: skip
def test_a_value_that_changes_is_read(column: str, text: str, wanted: object) -> None:
    body = f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode()
    record = line_of(read(body))
    assert record[column] == wanted
    assert record["extra"] is None


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("whole", "1.5"), ("whole", "1e999999999"), ("number", "1e9999999999999999999"),
        ("code", '" "'), ("code", '"\\u00a0"'), ("code", '"\u3000"'),
        ("objects", "[1]"), ("objects", '[{"a":1},"b"]'), ("texts", "[[1]]"), ("list", "{}"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_does_not_stay_in_its_column(column: str, text: str) -> None:
    body = f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode()
    batch = read(body)
    assert columns_of(batch) == [[column]]
    assert line_of(batch)[column] is None
    assert list(line_of(batch)["extra"]) == [column]


@pytest.mark.parametrize(
    ("column", "texts", "wanted"),
    [
        ("code", ['"a"', '""', "null", '"b,"'], ["a", None, None, "b,"]),
        ("whole", ["5", '"6"', '""', "null"], [5, 6, None, None]),
        ("texts", ['["a"]', '"b,c"', "null", '"d"'], [["a"], ["b", "c"], None, ["d"]]),
        ("list", ["[1]", '"b,c"', "[]", "null"], [[1], ["b", "c"], [], None]),
        ("object", ['{"a":1,"b":2}', '"{\\"a\\":1,\\"b\\":2}"'], [{"a": 1, "b": 2}] * 2),
        ("anything", ["[1, 2]", '"a, b"', "null"], ["[1,2]", "a, b", None]),
    ],
)  # fmt: skip
def test_a_value_stays_in_its_row_whatever_becomes_of_those_beside_it(
    column: str, texts: list[str], wanted: list[object]
) -> None:
    rows = (f'{{"id":"{number},","{column}":{text}}}' for number, text in enumerate(texts))
    body = f'{{"rows":[{",".join(rows)}]}}'.encode()
    records = [json.loads(line) for line in read(body).records]
    assert [record["id"] for record in records] == [f"{number}," for number in range(len(texts))]
    assert [record[column] for record in records] == wanted
    assert {record["extra"] for record in records} == {None}


def test_the_first_of_two_fields_of_one_column_is_not_overwritten() -> None:
    body = b'{"rows":[{"id":"x","Text":"a","text":"b"}]}'
    record = line_of(read(body))
    assert record["text"] == "a"
    assert record["extra"] == {"text": "b"}


def test_a_number_that_is_decoded_keeps_every_digit() -> None:
    body = b'{"rows":[{"id":"x","number":21.321383333333333000}]}'
    (record,) = read(body, as_json=False).records
    assert str(record["number"]) == "21.321383333333333000"


def test_a_key_tells_doubles_however_it_is_spelled() -> None:
    body = b'{"rows":[{"id":"x"},{"id":"\\u0078"}]}'
    batch = read(body)
    assert batch.keys(("id",)) == ["x", "x"]
    assert len(set(batch.contents())) == 1


@PATIENT
@given(st.lists(fields(), min_size=2, max_size=4))
def test_a_row_comes_out_as_the_same_bytes_whatever_is_beside_it(
    rows: list[list[tuple[str, str]]],
) -> None:
    texts = [
        "{"
        + ",".join(['"id":"x"', *(f'"{name}":{value}' for name, value in dict(row).items())])
        + "}"
        for row in rows
    ]
    try:
        bodies = [f'{{"rows":[{text}]}}'.encode() for text in (",".join(texts), texts[0])]
        together, alone = map(read, bodies)
    except (UnicodeEncodeError, TransientFailure):
        return
    lines = [batch.records[0] for batch in (together, alone)]
    if not any(space in body for body in bodies for space in (b"\n", b"\r")):
        assert lines[0] == lines[1]
