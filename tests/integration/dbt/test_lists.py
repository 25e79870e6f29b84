"""A call that is in several lists is one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable

pytestmark = pytest.mark.dbt

_AT, _LATER = "2024-05-01T10:00:00.000000Z", "2024-05-01T10:04:00.000000Z"


def test_the_list_that_knows_the_end_counts_and_then_the_one_that_says_more(
    tmp_path: Path,
) -> None:
    ended = {"status": "completed", "ended_at": _LATER, "duration": 240}
    costs = {"total_cost": 0.5, "cost_currency": "USD"}
    one = OneTable(tmp_path)
    one.load(
        {
            "burki_calls": [_burki(1, **ended), _burki(2, **ended), _burki(3, **ended)],
            "burki_call_list": [_burki(1, status="ongoing"), _burki(2, **ended, **costs)],
            "anunzi_calls": [{"call_id": "a", "call_status": "ongoing"}],
            "anunzi_call_details": [
                {"call_id": "a", "call_status": "ended", "transcript": "Agent: Hola"},
                {"call_id": "b", "call_status": "ended", "transcript": ""},
            ],
            "anunzi_unstarted_calls": [{"call_id": "a", "call_status": "not_connected"}],
            "twin24_incoming_calls": [{"call_id": "x", "current_status_name": "ANSWERED"}],
            "twin24_calls": [{"id": "x", "status": "DIAL"}, {"id": "y", "status": "DIAL"}],
        }
    )

    one.build()

    found = {
        (row["provider"], row["call_id"]): (row["status"], row["source_table"])
        for row in one.calls()
    }
    assert found == {
        ("burki", "1"): ("answered", "burki_calls"),
        ("burki", "2"): ("answered", "burki_call_list"),
        ("burki", "3"): ("answered", "burki_calls"),
        ("anunzi", "a"): ("answered", "anunzi_call_details"),
        ("anunzi", "b"): ("answered", "anunzi_call_details"),
        ("twin24", "x"): ("answered", "twin24_incoming_calls"),
        ("twin24", "y"): ("ongoing", "twin24_calls"),
    }
    more = {row["call_id"]: (row["cost"], row["transcript_table"]) for row in one.calls()}
    assert [float(cost) for cost, _ in more.values() if cost is not None] == [0.5]
    assert {name for name, (_, table) in more.items() if table} == {"a"}


def test_a_queue_entry_is_a_call_only_if_no_agent_took_it(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    one.load(
        {
            "videsk_queues": [
                _entry("taken", assigned=True),
                _entry("taken, the flag came late", assigned=False),
                _entry("assigned, the call is yet to come", assigned=True),
                _entry("given up", assigned=False, canceled=True),
            ],
            "videsk_calls": [
                _talk("call", queue="taken"),
                _talk("passed on", queue="taken"),
                _talk("late flag", queue="taken, the flag came late"),
                _talk("without a queue", queue=None),
            ],
            "videsk_recordings": [
                {"id": "r2", "call": "call", "created_at": _LATER},
                {"id": "r1", "call": "call", "created_at": _AT},
                {"id": "r3", "call": None, "appointment": "x", "created_at": _AT},
            ],
        }
    )

    one.build()

    found = {row["call_id"]: (row["status"], row["direction"]) for row in one.calls()}
    assert found == {
        "call": ("answered", "inbound"),
        "passed on": ("answered", "inbound"),
        "late flag": ("answered", "inbound"),
        "without a queue": ("answered", None),
        "given up": ("abandoned", "inbound"),
    }
    assert {row["call_id"]: row["recording"] for row in one.calls()}["call"] == "r1, r2"
    waited = {row["call_id"]: row["waited_seconds"] for row in one.calls()}
    assert {name: seconds and float(seconds) for name, seconds in waited.items()} == {
        "call": 30.0,
        "passed on": 30.0,
        "late flag": 30.0,
        "without a queue": None,
        "given up": 30.0,
    }


def _burki(number: int, **columns: Any) -> dict[str, Any]:
    return {"id": number, "started_at": _AT, **columns}


def _entry(name: str, **flags: bool) -> dict[str, Any]:
    return {"id": name, "start_time": _AT, "end_time": _AT, "duration": 0.5, **flags}


def _talk(name: str, queue: str | None) -> dict[str, Any]:
    return {"id": name, "start_time": _AT, "end_time": _LATER, "duration": 4, "queue": queue}
