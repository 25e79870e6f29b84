"""The demo and the tests beside this one rely on a comparison that notices everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from demo import calls_model
from demo.compare import Growth, differences, due, growth
from demo.expected import Row, expected
from demo.streams import Stream
from demo.warehouse import as_kept

_STREAM = Stream("calls", "somebody", ("id",), "start_time")
_TRUTH: list[dict[str, Any]] = [
    {"id": "a", "start_time": "2024-05-01T00:00:00.000000Z", "tags": ["new"], "open": True},
    {"id": "b", "start_time": "2024-05-02T00:00:00.000000Z", "tags": None, "open": False},
]


@pytest.mark.parametrize(
    ("held", "truth", "lines"),
    [
        ([{**row, "extra": None} for row in reversed(_TRUTH)], _TRUTH, []),
        (_TRUTH[:1], _TRUTH, ["calls b: lost"]),
        (_TRUTH, _TRUTH[:1], ["calls b: invented"]),
        ([*_TRUTH, _TRUTH[0]], _TRUTH, ["calls a: 2 rows instead of one"]),
    ],
)
def test_a_row_that_is_not_as_it_must_be_is_named(
    held: list[Row], truth: list[Row], lines: list[str]
) -> None:
    assert list(differences(_STREAM, held, truth)) == lines


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("start_time", "2024-05-01T01:00:00.000000Z"),
        ("tags", ["old"]),
        ("tags", None),
        ("open", 1),
        ("extra", {"unknown": 1}),
    ],
)
def test_a_wrong_value_is_named(column: str, value: object) -> None:
    (line,) = differences(_STREAM, [{**_TRUTH[0], column: value}, _TRUTH[1]], _TRUTH)
    assert line.startswith(f"calls a: {column} is ")


def test_rows_of_days_to_come_are_not_due_and_rows_without_a_time_are() -> None:
    assert due(_STREAM, _TRUTH, "2024-05-02T00:00:00.000000Z") == _TRUTH[:1]
    undated = Stream("calls", "somebody", ("id",), None)
    assert due(undated, _TRUTH, "2024-05-01T00:00:00.000000Z") == _TRUTH


def test_an_empty_text_is_none_in_the_store_and_nothing_else_is() -> None:
    row = {"a": "", "b": " ", "c": 0, "d": [], "e": {"f": ""}, "g": False, "h": None}
    assert as_kept([row]) == [{**row, "a": None}]


def test_growth_tells_new_late_and_changed_rows_apart() -> None:
    late = {"id": "c", "start_time": "2024-05-01T12:00:00.000000Z"}
    new = {"id": "d", "start_time": "2024-05-03T00:00:00.000000Z"}
    after = [_TRUTH[0], {**_TRUTH[1], "open": True}, late, new]
    assert growth(_STREAM, _TRUTH, after, "2024-05-02T12:00:00.000000Z") == Growth(2, 1, 1)


def test_calls_are_compared_with_their_amounts_rounded_and_summed_by_provider() -> None:
    """Videsk counts minutes, Anunzi milliseconds and cents."""
    calls = expected(
        {
            "videsk_calls": [{"id": "v", "end_time": "2024-05-01T", "duration": 21.322}],
            "anunzi_calls": [
                {"call_id": "a", "call_status": "ended", "duration_ms": 61_001}
                | {"call_cost": {"combined_cost": 7.29}}
            ],
        }
    )
    assert calls["videsk", "v"]["duration_seconds"] == Decimal("1279.32")
    assert calls["anunzi", "a"]["duration_seconds"] == Decimal("61.001")
    assert calls["anunzi", "a"]["cost"] == Decimal("0.0729")
    rows = [calls["videsk", "v"], calls["anunzi", "a"]]
    assert list(calls_model.differences(rows, calls)) == []
    assert list(calls_model.differences(rows[:1], calls)) == ["calls anunzi, a: lost"]
    [line] = calls_model.differences([{**rows[0], "status": "failed"}, rows[1]], calls)
    assert line == "calls videsk, v: status is 'failed', not 'answered'"
    assert calls_model.totals(rows) == {
        "videsk": calls_model.Totals(1, 1, 0, 0, 0, Decimal("1279.32"), Decimal()),
        "anunzi": calls_model.Totals(1, 1, 0, 0, 0, Decimal("61.001"), Decimal("0.0729")),
    }
