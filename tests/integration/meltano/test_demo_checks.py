"""The demo and the tests beside this one rely on a comparison that notices everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from demo import calls_model
from demo.compare import Growth, differences, due, growth
from demo.expected import COLUMNS, Row, expected
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


def _call(**columns: Any) -> Row:
    held = {"provider": "burki", "call_id": "7", "status": "answered", "cost": Decimal("0.25")}
    return {**dict.fromkeys(COLUMNS), "duration_seconds": Decimal(61), **held, **columns}


_DUE = {("burki", "7"): _call()}


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([_call(cost=Decimal("0.250000"))], ""),
        ([], "calls burki 7: lost"),
        ([_call(), _call(call_id="8")], "calls burki 8: invented"),
        ([_call(), _call()], "calls: 1 rows too many"),
        ([_call(status="failed")], "calls burki 7: status is 'failed', not 'answered'"),
        ([_call(duration_seconds=None)], "calls burki 7: duration_seconds is None, not "),
    ],
)
def test_a_wrong_call_is_named(held: list[Row], line: str) -> None:
    said = list(calls_model.differences(held, _DUE))
    assert len(said) == bool(line)
    assert all(each.startswith(line) for each in said)


def test_totals_are_by_provider_and_status() -> None:
    rows = [
        _call(),
        _call(status="abandoned", duration_seconds=None, cost=None),
        _call(status="no_answer", duration_seconds=Decimal(0)),
        _call(provider="twin24", status="ongoing", duration_seconds=None, cost=None),
    ]
    assert calls_model.totals(rows) == {
        "burki": calls_model.Totals(3, 1, 2, 0, 0, Decimal(61), Decimal("0.5")),
        "twin24": calls_model.Totals(1, 0, 0, 0, 1, Decimal(0), Decimal(0)),
    }


def test_units_are_worked_out_exactly() -> None:
    """Videsk counts minutes, Anunzi milliseconds and cents."""
    calls = expected(
        {
            "videsk_calls": [{"id": "v", "end_time": "2024-05-01T", "duration": 21.322}],
            "anunzi_calls": [
                {
                    "call_id": "a",
                    "call_status": "ended",
                    "duration_ms": 61_001,
                    "call_cost": {"combined_cost": 7.29},
                }
            ],
        }
    )
    assert calls["videsk", "v"]["duration_seconds"] == Decimal("1279.32")
    assert calls["anunzi", "a"]["duration_seconds"] == Decimal("61.001")
    assert calls["anunzi", "a"]["cost"] == Decimal("0.0729")
