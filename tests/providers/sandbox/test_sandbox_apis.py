"""What each mock refuses, where its ranges end, and its tables: one row a case."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sandbox_clients import anunzi, burki, login, twin24, videsk

from sandbox import Sandbox
from sandbox.calls import COLUMNS, Sparse
from sandbox.filters import condition
from sandbox.instants import UTC, text, to_ms

if TYPE_CHECKING:
    from sandbox.table import Ends

NOON, LATER = (datetime(2024, 5, 9, hour, tzinfo=UTC) for hour in (12, 13))
ENDS = pytest.mark.parametrize(("ends", "count"), [("[]", 2), ("[)", 1), ("(]", 1), ("()", 0)])


@pytest.mark.parametrize(
    ("status", "ask", "asked"),
    [
        (400, videsk, {"start": "soon"}),
        (400, videsk, {"timezone": "Mars"}),
        (400, videsk, {"$sort": 0}),
        (400, videsk, {"keys": {"id": 1}}),
        (404, videsk, {"export": "nothing"}),
        (400, videsk, {"export": "forms"}),
        (404, videsk, {"export": "forms", "form": "none"}),
        (400, anunzi, {"limit": 0}),
        (400, anunzi, {"limit": 1001}),
        (400, anunzi, {"skip": 1, "pagination_key": "x"}),
        (400, anunzi, {"pagination_key": "x"}),
        (400, anunzi, {"sort_order": "newest"}),
        (400, anunzi, {"filter_criteria": {"nothing": {"operator": "eq", "value": 1}}}),
        (400, anunzi, {"filter_criteria": {"metadata": []}}),
        (400, anunzi, {"filter_criteria": {"call_status": {"operator": "eq", "value": "new"}}}),
        (400, anunzi, {"filter_criteria": {"duration_ms": {"type": "number", "op": "ge"}}}),
        (422, anunzi, {"call_id": "call_unknown"}),
        (400, twin24, {"fields": "nothing"}),
        (400, twin24, {"limit": 0}),
        (400, twin24, {"offset": 1, "page": 1}),
        (400, twin24, {"from": "soon"}),
        (400, twin24, {"sort": "--startedAt"}),
        (400, twin24, {"companyIds": "one"}),
        (401, twin24, {"token": "none"}),
        (404, twin24, {"path": "/nothing"}),
        (401, login, {"password": "wrong"}),
        (403, login, {"companyId": 9}),
        (422, burki, {"format": "xml"}),
        (422, burki, {"date_from": "soon"}),
        (422, burki, {"path": "", "limit": 1001}),
        (500, burki, {"path": "count", "assistant_id": 99}),
        (404, burki, {"path": "0/transcripts"}),
        (307, burki, {"path": "export/"}),
    ],
)
def test_what_is_refused(
    box: Sandbox, http: requests.Session, status: int, ask: Any, asked: dict[str, Any]
) -> None:
    assert ask(box, http, **asked).status_code == status
    assert box.burki.rows  # nothing is broken


@ENDS
def test_ranges_end_as_the_option_says(http: requests.Session, ends: Ends, count: int) -> None:
    low, high = text(NOON), text(LATER)
    with Sandbox(rows=0) as box:
        for api in (box.videsk, box.twin24):
            api.add_at(NOON, LATER)
            api.options.range_ends = ends
        assert len(videsk(box, http, start=low, end=high).json()["data"]) == count
        assert twin24(box, http, **{"from": low, "to": high}).json()["count"] == count


def test_burki_ends_are_inclusive_to_the_microsecond(http: requests.Session) -> None:
    step = timedelta(microseconds=1)
    with Sandbox(rows=0) as box:
        box.burki.add_at(NOON - step, NOON, LATER, LATER + step)
        query = {"date_from": text(NOON), "date_to": text(LATER)}
        assert burki(box, http, "count", **query).json() == {"count": 2}
        assert len(burki(box, http, format="json", **query).json()) == 2


@ENDS
def test_anunzi_ends(http: requests.Session, ends: Ends, count: int) -> None:
    low, high = to_ms(NOON), to_ms(LATER)
    first, last = {"[": "ge", "(": "gt"}[ends[0]], {"]": "le", ")": "lt"}[ends[1]]
    with Sandbox(rows=0) as box:
        box.anunzi.add_at(NOON, LATER)
        found = []
        for verb, value in ((first, low), (last, high)):
            given = {"start_timestamp": {"operator": verb, "value": value}}
            items = anunzi(box, http, filter_criteria=given).json()["items"]
            found.append({item["call_id"] for item in items})
        box.anunzi.options.dialect, box.anunzi.options.bt_inclusive = "retell", ends == "[]"
        between = {"start_timestamp": {"type": "range", "op": "bt", "value": [low, high]}}
        items = anunzi(box, http, filter_criteria=between).json()["items"]
    assert len(found[0] & found[1]) == count
    assert len(items) == (2 if ends == "[]" else 0)


def test_every_call_is_once_in_the_table_of_all_calls(box: Sandbox) -> None:
    for api in box.apis.values():
        rows = {name: [*map(Sparse, api.truth(name).values())] for name in api.call_streams}
        calls = list(api.calls(rows))
        # Of some providers a part of the rows are no calls, such as text chats.
        assert len({call["call_id"] for call in calls}) == len(calls) >= 150
        for call in calls:
            assert set(call) == set(COLUMNS)
            assert call["provider"] == api.name
            assert call["status"]
            assert call["source_table"] in api.call_streams


@pytest.mark.parametrize(
    ("kind", "verb", "operand", "matching", "other"),
    [
        ("number", "ge", 5, 5, 4),
        ("number", "ne", 5, 4, None),
        ("number", "bt", [1, 2], 2, 3),
        ("string", "sw", "ab", "abc", "cab"),
        ("string", "co", "b", "abc", None),
        ("enum", "in", ["a"], "a", "b"),
        ("boolean", "eq", False, False, None),
        ("present", "pr", None, 0, None),
        ("present", "np", None, None, 0),
    ],
)
def test_conditions(kind: str, verb: str, operand: Any, matching: Any, other: Any) -> None:
    test = condition(kind, verb, operand)
    assert (test(matching), test(other)) == (True, False)
    with pytest.raises(ValueError, match=kind):
        condition(kind, "no verb", operand)
