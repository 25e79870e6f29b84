"""The demo and the tests beside this one rely on a comparison that notices everything."""

from __future__ import annotations

from typing import Any

import pytest

from demo.compare import differences
from demo.expected import Row
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
