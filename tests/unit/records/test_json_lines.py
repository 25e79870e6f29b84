"""JSON text of columns is the JSON text of their rows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tap_callexports.records.json_lines import json_of
from tap_callexports.records.raw_rows import Undecoded

#: The first text of a process takes hypothesis a second.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PLAIN: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(
    PLAIN, lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=4
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Columns of one length; some the same in every row, some of nothing, some nested."""
    rows = draw(st.integers(0, 4))
    kinds = [st.none(), st.just("a,b"), st.text("x,"), PLAIN, JSON]
    return {
        name: draw(st.lists(draw(st.sampled_from(kinds)), min_size=rows, max_size=rows))
        for name in draw(st.lists(st.text(), min_size=1, max_size=5, unique=True))
    }


def undecoded(values: list[Any]) -> list[Any]:
    return [msgspec.Raw(msgspec.json.encode(value)) for value in values]


@PATIENT
@given(tables(), st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_each_row_is_an_object_of_its_values(
    table: dict[str, list[Any]], raw: set[int], mixed: set[int]
) -> None:
    columns: dict[str, list[Any]] = {}
    for number, (name, values) in enumerate(table.items()):
        columns[name] = values
        if number in raw:
            columns[name] = Undecoded(undecoded(values))
        elif number in mixed:
            pairs = zip(values, undecoded(values), strict=True)
            columns[name] = [pair[row % 2] for row, pair in enumerate(pairs)]
    lines = json_of(columns)
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    assert [json.loads(line) for line in lines] == rows
    assert [list(json.loads(line)) for line in lines] == [list(row) for row in rows]
    assert not any(b"\n" in line for line in lines)
