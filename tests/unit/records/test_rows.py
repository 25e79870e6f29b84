"""Rows: what is learned of them makes them faster, and changes none."""

from __future__ import annotations

import json

import pytest

from tap_callexports.http.response import Response
from tap_callexports.records.rows import RowDecoder
from tap_callexports.records.values import plain, plain_values


def decoder_after(*bodies: str) -> RowDecoder:
    """A decoder that has seen these responses."""
    decoder = RowDecoder()
    for body in bodies:
        list(Response(200, {}, body.encode(), decoder=decoder).rows().fields)
    return decoder


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
    read = Response(200, {}, body.encode(), decoder=decoder_after(*before)).rows()
    columns = {field: plain_values(read.column(field)) for field in read.fields}
    rows = json.loads(body)
    for field in {*columns, *(name for row in rows for name in row)}:
        assert columns[field] == [row.get(field) for row in rows]
    assert [{name: plain(value) for name, value in row.items()} for row in read] == rows
    assert [list(row) for row in read] == [list(row) for row in rows]
    assert len(read) == len(rows)
