"""What no schema declares becomes no column when the SDK flattens."""

from __future__ import annotations

from typing import Any

import pytest

from tap_callexports.singer.flattening import flattenable

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "open": {"type": ["object", "null"]},
        "cost": {
            "type": ["object", "null"],
            "properties": {
                "sum": {"type": ["number", "null"]},
                "parts": {
                    "type": ["object", "null"],
                    "properties": {"tts": {"type": ["number", "null"]}},
                },
            },
        },
        "extra": {"type": ["object", "null"]},
    },
}


@pytest.mark.parametrize(
    ("levels", "cost", "kept", "extra"),
    [
        (1, {"sum": 1, "new": 2}, {"sum": 1}, {"cost": {"new": 2}}),
        (1, {"sum": 1, "parts": {"new": 2}}, {"sum": 1, "parts": {"new": 2}}, None),
        (
            2,
            {"parts": {"tts": 1, "new": 2}},
            {"parts": {"tts": 1}},
            {"cost": {"parts": {"new": 2}}},
        ),
        (2, {"parts": 5}, {}, {"cost": {"parts": 5}}),
        (2, {"parts": None}, {"parts": {}}, None),
        (1, None, {}, None),
    ],
)
def test_undeclared_keys_go_into_extra(
    levels: int, cost: object, kept: object, extra: object
) -> None:
    record = {"id": "a", "open": {"any": 1}, "cost": cost, "extra": None}
    assert flattenable(record, SCHEMA, levels) == {**record, "cost": kept, "extra": extra}
    assert record["cost"] is cost


def test_what_was_in_extra_stays_there() -> None:
    record = {"id": "a", "cost": {"new": 1}, "extra": {"other": 2}}
    assert flattenable(record, SCHEMA, 1)["extra"] == {"other": 2, "cost": {"new": 1}}
