"""Headers of Videsk's forms in any state: every value is in one place, and the answers in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from provider_runs import answer_with, empty_sandbox, export

if TYPE_CHECKING:
    from support import JSON

FORM = "1" * 24


def _answers(record: JSON) -> JSON:
    return {answer["label"]: answer["value"] for answer in record["answers"]}


def _body(columns: object, *rows: dict[str, object]) -> dict[str, object]:
    body = {"$limit": 5000, "columns": columns, "data": list(rows)}
    return body if columns is not None else {"$limit": 5000, "data": list(rows)}


_ID, _AT = "65f0a1b2c3d4e5f601020399", "2024-05-09 12:00:00"
_ROW = {"B": 2, "__videsk_createdAt": _AT, "A": 1, "Type": "contact", "__videsk_id": _ID}


@pytest.mark.parametrize(
    "columns",
    [
        ["__videsk_id", "Type", "__videsk_createdAt", "A", "B"],
        ["B", "__videsk_createdAt", "A", "Type", "__videsk_id"],
        ["__videsk_id", "A"],
        [],
        None,
        "A",
        [None, 7, {"x": 1}, "A", "B", "__videsk_id"],
    ],
    ids=["in order", "shuffled", "few", "empty", "missing", "a text", "rubbish"],
)
@pytest.mark.covers(137)
def test_a_header_in_any_state_leaves_every_value_in_one_place(columns: object) -> None:
    with empty_sandbox() as box:
        answer_with(box.videsk, "/forms", _body(columns, _ROW))
        run = export(box.videsk, streams=["videsk_forms"], form_ids=[FORM], start_date="2024-05-31")
    assert run.code == 0
    (record,) = run.records("videsk_forms")
    assert (record["id"], record["created_at"]) == (_ID, "2024-05-09T12:00:00.000000Z")
    found = _answers(record)
    if record["type"] is not None:
        found["Type"] = record["type"]
    assert found == {"A": 1, "B": 2, "Type": "contact"}
    assert record["extra"] is None


def test_answers_are_in_the_order_of_the_columns_whatever_the_order_of_a_row() -> None:
    columns = ["__videsk_id", "Type", "__videsk_createdAt", "A", "B", "C"]
    other = {"C": 3, "__videsk_id": _ID[:-1] + "f", "A": 1, "__videsk_createdAt": _AT}
    with empty_sandbox() as box:
        answer_with(box.videsk, "/forms", _body(columns, _ROW, other))
        run = export(box.videsk, streams=["videsk_forms"], form_ids=[FORM], start_date="2024-05-31")
    assert [list(_answers(record)) for record in run.records("videsk_forms")] == [
        ["A", "B"],
        ["A", "C"],
    ]
    assert [record["type"] for record in run.records("videsk_forms")] == ["contact", None]
