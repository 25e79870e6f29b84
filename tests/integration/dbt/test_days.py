"""Calls by day, and checks that fail when something is wrong."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dbt_runs import PROJECT
from one_table import OneTable, truth

from demo.expected import Row, expected
from sandbox import Sandbox

pytestmark = pytest.mark.dbt

_STATUSES = ("answered", "abandoned", "no_answer", "failed", "ongoing", "other")
_ZONE = "America/Santiago"
_QUERY = f"""
select provider, agent, cast(day as text), currency, calls, {", ".join(_STATUSES)}, minutes, cost
from calls_daily
"""


def test_days_are_those_of_the_chosen_zone_and_costs_those_of_one_currency(
    box: Sandbox, tmp_path: Path
) -> None:
    tables, one = truth(box), OneTable(tmp_path)
    one.load(tables)

    one.build(timezone=_ZONE, currencies={"anunzi": "EUR"})

    found = {tuple(row[:4]): row[4:] for row in one.ask(_QUERY)}
    due = _days(list(expected(tables).values()))
    assert found.keys() == due.keys()
    for key, (counts, seconds, cost) in due.items():
        *found_counts, minutes, found_cost = found[key]
        assert found_counts == counts, key
        assert minutes == (None if seconds is None else pytest.approx(float(seconds) / 60)), key
        assert found_cost == cost, key
    assert sum(counts[0] for counts, _, _ in due.values()) == len(one.calls())
    assert {key[3] for key in due} == {None, "EUR", "USD"}


def _days(calls: list[Row]) -> dict[tuple[Any, ...], tuple[list[int], Any, Any]]:
    """Counts, sum of seconds and sum of costs by provider, agent, day and currency."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for call in calls:
        billed = "EUR" if call["provider"] == "anunzi" and call["cost"] is not None else None
        key = (
            call["provider"],
            call["agent"],
            _day(call["started_at"]),
            billed or call["currency"],
        )
        groups[key].append(call)
    return {
        key: (
            [len(rows), *(sum(row["status"] == status for row in rows) for status in _STATUSES)],
            _sum(row["duration_seconds"] for row in rows),
            _sum(row["cost"] for row in rows),
        )
        for key, rows in groups.items()
    }


def _day(instant: str | None) -> str | None:
    if instant is None:
        return None
    return (
        datetime.fromisoformat(instant.replace("Z", "+00:00"))
        .astimezone(ZoneInfo(_ZONE))
        .date()
        .isoformat()
    )


def _sum(values: Any) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal()) if known else None


@pytest.mark.parametrize(
    ("file", "before", "after", "noticed_by"),
    [
        (
            "models/providers/burki_as_calls.sql",
            "where ranked.place = 1",
            "",
            "every_exported_call_is_in_calls_once",
        ),
        (
            "models/calls/calls.sql",
            "'twin24', 'burki'",
            "'burki'",
            "every_exported_call_is_in_calls_once",
        ),
        (
            "models/calls/calls_daily.sql",
            "from {{ ref('calls') }}",
            "from {{ ref('calls') }} where started_at is not null",
            "days_add_up_to_calls",
        ),
    ],
    ids=["a call twice", "a provider forgotten", "a day forgotten"],
)
def test_a_wrong_model_does_not_pass_its_checks(
    file: str, before: str, after: str, noticed_by: str, box: Sandbox, tmp_path: Path
) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "transform")
    sql = (project / file).read_text("utf-8")
    assert before in sql
    (project / file).write_text(sql.replace(before, after), "utf-8")
    one = OneTable(tmp_path)
    one.load(truth(box))

    outcome = one.dbt("build", project=project)

    assert outcome.code != 0
    assert noticed_by in outcome.failed, outcome.log
