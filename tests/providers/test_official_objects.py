"""The comparison of official objects notices what is lost, changed, or should be left out."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
from official_objects import Comparison, Maker
from pydantic import BaseModel, Field
from support import JSON

COLUMNS: JSON = {
    "id": {"type": "string", "minLength": 1},
    "started_at": {"type": ["string", "null"], "format": "date-time"},
    "parts": {"type": ["array", "null"]},
    "extra": {"type": ["object", "null"]},
}
SENT: JSON = {
    "id": "1",
    "startedAt": "2024-05-01T10:00:00.123Z",
    "parts": [{"kind": "a", "token": "canary"}, {"kind": "b", "size": [1.5, None]}],
    "new": {"x": True},
}
RECORD: JSON = {
    "id": "1",
    "started_at": "2024-05-01T10:00:00.123000Z",
    "parts": [{"kind": "a"}, {"kind": "b", "size": [1.5, None]}],
    "extra": {"new": {"x": True}},
}


def compared(record: JSON) -> Comparison:
    comparison = Comparison(
        COLUMNS, lambda name: name.replace("A", "_a"), lambda path: path == ("parts", "token")
    )
    comparison.compare(SENT, record)
    return comparison


def test_a_true_record_is_found_to_be_one() -> None:
    found = compared(RECORD)
    assert (found.lost, found.changed, found.kept) == ([], [], [])
    assert (found.values, found.values_left_out) == (12, 1)


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        (("id",), "2", "changed"),
        (("started_at",), "2024-05-01T12:00:00.123000Z", "changed"),
        (("started_at",), None, "lost"),
        (("parts", 1, "size", 0), 1, "changed"),
        (("parts", 1, "size"), [1.5], "changed"),
        (("parts", 1), {"kind": "b"}, "lost"),
        (("parts", 0, "token"), "canary", "kept"),
        (("parts", 0, "other"), 1, "kept"),
        (("extra",), None, "lost"),
        (("extra", "new", "x"), 1, "changed"),
        (("extra", "more"), 1, "kept"),
        (("more",), 1, "kept"),
    ],
)
def test_every_error_is_noticed(path: tuple[Any, ...], value: object, kind: str) -> None:
    record = copy.deepcopy(RECORD)
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    found = compared(record)
    errors = {"lost": found.lost, "changed": found.changed, "kept": found.kept}
    assert {name for name, each in errors.items() if each} == {kind}


class _Part(BaseModel):
    kind: Literal["a", "b"]
    inner: _Part | None = None


class _Call(BaseModel):
    call_id: str = Field(alias="callId")
    parts: list[_Part | float | dict[str, bool]] | None = None


def test_objects_are_valid_by_seed_and_use_each_alternative() -> None:
    one, other = Maker(_Call, 7), Maker(_Call, 7)
    made = [one.make() for _ in range(50)]
    assert made == [other.make() for _ in range(50)]
    for each in made:
        one.judge(each)
    assert {"parts" in each for each in made} == {True, False}
    assert all(0 not in used for used in one.used.values())
    with pytest.raises(ValueError, match="callId"):
        one.judge({})
