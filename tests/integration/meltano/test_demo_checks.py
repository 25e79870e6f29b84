"""The demo and the tests beside this one rely on a comparison that notices everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from demo import calls_model
from demo.compare import differences
from demo.expected import Row, expected
from demo.streams import Stream

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
        ([{**_TRUTH[0], "open": 1}], _TRUTH[:1], ["calls a: open is 1, not True"]),
    ],
)
def test_a_row_that_is_not_as_it_must_be_is_named(
    held: list[Row], truth: list[Row], lines: list[str]
) -> None:
    assert list(differences(_STREAM, held, truth)) == lines


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
