"""Values that stay the bytes they came in are those that reading would not have changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_callexports.core.errors import TransientFailure
from tap_callexports.core.http.reply import Reply
from tap_callexports.core.rows.batch import Batch
from tap_callexports.core.rows.normalise import Normaliser
from tap_callexports.core.rows.rows import Rows, Shape
from tap_callexports.core.rows.values import plain, plain_values
from tap_callexports.core.time.instants import TimeReader, iso_instant

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


def normalised(reply: Reply, *, verbatim: bool) -> Batch:
    """Rows of a reply, as they are read in the endless middle of an export: with a known shape."""
    normaliser = Normaliser(
        SCHEMA,
        primary_keys=("id",),
        times=TimeReader(iso_instant),
        watched=KINDS,
        as_json=SCHEMA["properties"] if verbatim else None,
    )
    first, second = (normaliser.batch(reply.envelope("rows")["rows"]) for _ in range(2))
    assert first.records == second.records
    assert first.columns == second.columns
    assert first.misfits == second.misfits
    return second


def line_of(batch: Batch) -> dict[str, Any]:
    """The only record."""
    (line,) = batch.records
    record: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return record


@PATIENT
@given(st.lists(fields(), min_size=1, max_size=3))
def test_both_ways_give_equal_values_and_equal_misfits(rows: list[list[tuple[str, str]]]) -> None:
    texts = [
        "{" + ",".join(['"id":"x"', *(f'"{name}":{value}' for name, value in row)]) + "}"
        for row in rows
    ]
    try:
        reply = Reply(200, {}, ('{"rows": [' + ",".join(texts) + "]}").encode())
        plain = normalised(reply, verbatim=False)
    except UnicodeEncodeError:
        return  # half of a pair: no server can send it as UTF-8
    verbatim = normalised(reply, verbatim=True)
    assert columns_of(plain) == columns_of(verbatim)
    assert plain.columns == verbatim.columns
    for line, record in zip(verbatim.records, plain.records, strict=True):
        assert isinstance(line, bytes)
        assert b"\n" not in line
        assert b"\r" not in line
        assert values(line) == values(ENCODER.encode(record))


def columns_of(batch: Batch) -> list[list[str]]:
    return [sorted(columns) for columns in batch.misfits.values()]


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
        ("text", '"\\u0078"'), ("text", '""'), ("code", '"x\\/y"'), ("number", "1.50"),
        ("flag", "true"),
        ("whole", "5"), ("object", '{"a": [1]}'), ("objects", '[{"a" :1},null]'), ("list", "[ 1]"),
        ("anything", '"\\u0078"'),
    ],
)  # fmt: skip
def test_a_value_that_fits_is_not_decoded(column: str, text: str) -> None:
    reply = Reply(200, {}, f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode())
    (line,) = normalised(reply, verbatim=True).records
    assert f'"{column}":{text}'.encode() in line


@pytest.mark.parametrize("body", [b'{"rows":[{"id":"\xff"}]}', b'{"rows":[{"id":"a","x":"\xe4"}]}'])
def test_what_is_no_utf8_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(TransientFailure):
        Reply(200, {"Content-Type": "application/json"}, body).envelope("rows")


@pytest.mark.parametrize("offset", range(5))
@pytest.mark.parametrize("text", ["ñ", "€", "😀"])
def test_a_long_body_is_utf8_to_its_end(text: str, offset: int) -> None:
    filler = "x" * (65536 - len('[{"a":"') - offset)
    body = f'[{{"a":"{filler}{text}"}}]'.encode()
    (row,) = Reply(200, {}, body).rows()
    assert plain(row["a"]) == filler + text
    for wrong in (
        body.replace(text.encode(), text.encode()[:-1]),
        body[: -len('"}]')] + b"\xc3",
        body.replace(b"x" + text.encode(), b"\xff" + text.encode()),
    ):
        with pytest.raises(TransientFailure):
            Reply(200, {}, wrong).rows()


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"5", b'"x"', b"null", b"{}", b'{"count":1}', b'{"rows":5}', b'{"rows":[1]}',
        b'{"rows":null}',
    ],
)  # fmt: skip
def test_a_body_of_another_shape_comes_as_it_is(body: bytes) -> None:
    reply = Reply(200, {}, body)
    assert opened(reply.envelope("rows", "count")) == reply.json()
    assert reply.row() == reply.json() or isinstance(reply.json(), dict)
    assert opened(reply.rows()) == reply.json()


def opened(found: object) -> object:
    return list(found) if isinstance(found, Rows) else found


def test_other_fields_of_an_envelope_are_decoded() -> None:
    reply = Reply(200, {}, b'{"rows": [{"a": 1}], "count": 1.5, "next": {"a": [1]}}')
    body = reply.envelope("rows", "count", "next", "missing")
    assert (body["count"], body["next"]) == (Decimal("1.5"), {"a": [1]})
    assert "missing" not in body
    assert all(isinstance(row["a"], msgspec.Raw) for row in body["rows"])


@pytest.mark.parametrize(
    ("column", "text", "wanted"),
    [
        ("code", '""', None), ("code", '" "', None), ("code", '"\\u00a0"', None),
        ("code", '"\u3000"', None),
        ("time", '"2024-05-02T10:11:12Z"', "2024-05-02T10:11:12.000000Z"),
        ("whole", '"5"', 5), ("number", '"1,5"', Decimal("1.5")), ("flag", "1", True),
        ("texts", "[1]", ["1"]), ("object", '"{}"', {}), ("anything", "[ 1 ]", "[1]"),
    ],
)  # fmt: skip
def test_a_value_that_changes_is_read(column: str, text: str, wanted: object) -> None:
    reply = Reply(200, {}, f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode())
    record = line_of(normalised(reply, verbatim=True))
    assert record[column] == wanted
    assert record["extra"] is None


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("whole", "1.5"), ("whole", "1e999999999"), ("number", "1e9999999999999999999"),
        ("objects", "[1]"), ("objects", '[{"a":1},"b"]'), ("texts", "[[1]]"), ("list", "{}"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_does_not_stay_in_its_column(column: str, text: str) -> None:
    reply = Reply(200, {}, f'{{"rows":[{{"id":"x","{column}":{text}}}]}}'.encode())
    batch = normalised(reply, verbatim=True)
    assert columns_of(batch) == [[column]]
    assert line_of(batch)[column] is None
    assert list(line_of(batch)["extra"]) == [column]


@pytest.mark.parametrize(
    ("column", "texts", "wanted"),
    [
        ("code", ['"a"', '" "', "null", '"b,"'], ["a", None, None, "b,"]),
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
    reply = Reply(200, {}, f'{{"rows":[{",".join(rows)}]}}'.encode())
    records = [json.loads(line) for line in normalised(reply, verbatim=True).records]
    assert [record["id"] for record in records] == [f"{number}," for number in range(len(texts))]
    assert [record[column] for record in records] == wanted
    assert {record["extra"] for record in records} == {None}


def test_the_first_of_two_fields_of_one_column_is_not_overwritten() -> None:
    reply = Reply(200, {}, b'{"rows":[{"id":"x","Text":"a","text":"b"}]}')
    record = line_of(normalised(reply, verbatim=True))
    assert record["text"] == "a"
    assert record["extra"] == {"text": "b"}


def test_a_number_that_is_decoded_keeps_every_digit() -> None:
    reply = Reply(200, {}, b'{"rows":[{"id":"x","number":21.321383333333333000}]}')
    (record,) = normalised(reply, verbatim=False).records
    assert str(record["number"]) == "21.321383333333333000"


def test_a_key_tells_doubles_however_it_is_spelled() -> None:
    reply = Reply(200, {}, b'{"rows":[{"id":"x"},{"id":"\\u0078"}]}')
    batch = normalised(reply, verbatim=True)
    assert batch.keys(("id",)) == ["x", "x"]
    assert len(set(batch.contents())) == 1


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_record_is_one_line_where_its_answer_is_many(end: str) -> None:
    row = f'{{{end}"id": "x",{end}"object": {{{end}"a": 1}}{end}}}'
    replies = [Reply(200, {}, text.encode()) for text in (f'{{"rows":[{row}]}}', f"[{row}]", row)]
    rows = [*replies[0].envelope("rows")["rows"], *replies[1].rows(), replies[2].row()]
    for each in rows:
        assert isinstance(each["object"], msgspec.Raw)
        assert not set(bytes(each["object"])) & set(b"\r\n")


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
        together, alone = (normalised(Reply(200, {}, body), verbatim=True) for body in bodies)
    except (UnicodeEncodeError, TransientFailure):
        return
    lines = [batch.records[0] for batch in (together, alone)]
    if not any(space in body for body in bodies for space in (b"\n", b"\r")):
        assert lines[0] == lines[1]


def shape_of(*bodies: str) -> Shape:
    """What is known after these answers."""
    shape = Shape()
    for body in bodies:
        list(Reply(200, {}, body.encode(), shape=shape).rows().fields)
    return shape


@pytest.mark.parametrize(
    "before",
    [
        (), ('[{"a":1,"b":2}]',), ('[{"b":1}]',), ('[{"c":1}]',), ("[{}]",), ("[]",),
        ('[{"a":1}]', '[{"b":2}]', '[{"c":3,"d":4}]'), ('[{"\\u0061":1}]',), ('[{"a\\"":1}]',),
        ("[{" + ",".join(f'"n{number}":0' for number in range(300)) + "}]",),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "body",
    [
        '[{"a":1,"b":2},{"a":3,"b":4}]', '[{"b":2,"a":1},{}]', '[{"a":1},{"b":null},{"e":5}]',
        '[{"a":1,"a":2}]', "[]", '[{"\\u0061":[1, 2]}]', '[{"a\\"":1}, {"a":2}]',
    ],
)  # fmt: skip
def test_what_was_learned_of_rows_does_not_change_them(body: str, before: tuple[str, ...]) -> None:
    read = Reply(200, {}, body.encode(), shape=shape_of(*before)).rows()
    columns = {field: plain_values(read.column(field)) for field in read.fields}
    rows = json.loads(body)
    for field in {*columns, *(name for row in rows for name in row)}:
        assert columns[field] == [row.get(field) for row in rows]
    assert [{name: plain(value) for name, value in row.items()} for row in read] == rows
    assert [list(row) for row in read] == [list(row) for row in rows]
    assert len(read) == len(rows)


def test_fields_that_were_known_stay_known() -> None:
    shape = shape_of('[{"a":1}]', '[{"b":2}]')
    rows = Reply(200, {}, b'[{"a":1},{"b":2}]', shape=shape).rows()
    assert type(rows) is not Rows
    assert plain_values(rows.column("a")) == [1, None]


def test_rows_wanted_one_by_one_are_read_as_objects_from_then_on() -> None:
    shape = shape_of('[{"a":1}]')
    reply = Reply(200, {}, b'[{"a":1}]', shape=shape)
    assert list(reply.rows().column("a")) == list(Shape().rows(b'[{"a":1}]').column("a"))
    assert type(reply.rows()) is not Rows
    assert list(reply.rows())
    assert type(reply.rows()) is Rows
