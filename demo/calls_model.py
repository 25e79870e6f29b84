"""The one table of all calls as dbt has made it: read back, and compared with what it must hold."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from . import compare
from .expected import COLUMNS, Key, Row
from .streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCHEMA = "analytics"
_CALLS = Stream("calls", "", ("provider", "call_id"), "started_at")
#: The columns of sums, and how many digits behind the point they are kept with.
_DIGITS = {"duration_seconds": 3, "waited_seconds": 3, "cost": 6}


def calls(warehouse: Path) -> list[Row]:
    """Every row of `calls`; instants as texts as the tap writes them."""
    names = ", ".join(COLUMNS)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(f"select {names} from {SCHEMA}.calls").fetchall()  # noqa: S608 - fixed names
    return [dict(zip(COLUMNS, map(_plain, values), strict=True)) for values in found]


def differences(held: list[Row], expected: Mapping[Key, Row]) -> Iterator[str]:
    """One line for each call or value that is not as it must be."""
    due = [{name: _rounded(name, row[name]) for name in COLUMNS} for row in expected.values()]
    yield from compare.differences(_CALLS, held, due)


class Totals(NamedTuple):
    """What the calls of a provider add up to; `cost` is in whatever it bills."""

    calls: int
    answered: int
    not_answered: int
    failed: int
    ongoing: int
    seconds: Decimal
    cost: Decimal


def totals(rows: list[Row]) -> dict[str, Totals]:
    """The totals of each provider that has calls."""
    return {
        provider: _totals([row for row in rows if row["provider"] == provider])
        for provider in dict.fromkeys(row["provider"] for row in rows)
    }


def _totals(rows: list[Row]) -> Totals:
    def count(*statuses: str) -> int:
        return sum(row["status"] in statuses for row in rows)

    return Totals(
        calls=len(rows),
        answered=count("answered"),
        not_answered=count("abandoned", "no_answer"),
        failed=count("failed"),
        ongoing=count("ongoing"),
        seconds=sum((row["duration_seconds"] or Decimal() for row in rows), Decimal()),
        cost=sum((row["cost"] or Decimal() for row in rows), Decimal()),
    )


def _plain(value: object) -> object:
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def _rounded(column: str, value: object) -> object:
    if isinstance(value, Decimal):
        return round(value, _DIGITS[column])
    return value
