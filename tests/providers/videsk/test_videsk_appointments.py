"""Videsk's appointments: some lie ahead, and change when their time has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
)
from support import assert_table_is

from sandbox.instants import UTC, floor, parse, text

if TYPE_CHECKING:
    from support import Run

    from sandbox import Row
    from sandbox.videsk import VideskApi

APPOINTMENTS = "videsk_appointments"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
#: The real one: what is ahead of a run is ahead of its clock.
NOW = floor(datetime.now(UTC), HOUR)
FILTERS = pytest.mark.parametrize("acts_on", ["start_time", "created"])
ActsOn = Literal["start_time", "created"]


def _slots(api: VideskApi, *days: float, booked_days_ago: float = 1, **columns: Any) -> list[Row]:
    """Appointments so many days from now, booked one hour after the other."""
    rows: list[Row] = []
    for number, day in enumerate(days):
        made = NOW - booked_days_ago * DAY + number * HOUR
        name = f"{int(made.timestamp()):08x}{number:016x}"
        rows += api.of(APPOINTMENTS).add_at(NOW + day * DAY, id=name, **columns)
    return rows


def _run(api: VideskApi, days_ago: int = 200, **settings: Any) -> Run:
    """A run without an end, as every night has one."""
    start_date = text(NOW - days_ago * DAY)
    own: dict[str, Any] = {"streams": [APPOINTMENTS], "start_date": start_date, "end_date": None}
    return export(api, **{**own, **settings})


def _days(run: Run) -> list[int]:
    """How many days from now the exported appointments are."""
    return sorted(
        round((parse(record["start_time"]) - NOW) / DAY) for record in run.records(APPOINTMENTS)
    )


@pytest.mark.parametrize(
    ("ahead", "days"), [(90, [-30, 0, 1, 45, 89]), (10, [-30, 0, 1]), (0, [-30])]
)
def test_appointments_are_exported_as_far_ahead_as_the_setting_says(
    ahead: int, days: list[int]
) -> None:
    with empty_sandbox() as box:
        _slots(box.videsk, -30, 0.1, 1, 45, 89, 91, 400, status="pending", duration=None)
        run = _run(box.videsk, appointments_ahead_days=ahead)
    assert run.code == 0
    assert _days(run) == days


@FILTERS
def test_the_bookmark_never_lies_ahead(acts_on: ActsOn) -> None:
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = acts_on
        box.videsk.options.cap = 3
        _slots(box.videsk, *range(-40, 80, 3), booked_days_ago=45)
        run = _run(box.videsk)
    frozen = datetime.now(UTC) - 5 * MINUTE
    bookmarks = [
        parse(state["bookmarks"][APPOINTMENTS]["replication_key_value"]) for state in run.states
    ]
    assert bookmarks == sorted(set(bookmarks))
    assert NOW - HOUR < bookmarks[-1] <= frozen
    assert_complete(run, box.videsk, APPOINTMENTS)


@pytest.mark.parametrize("hours", [0, 24, 2160])
@pytest.mark.parametrize(("slot", "booked"), [(-60, 80), (-1, 70), (2, 85), (50, 1)])
@FILTERS
def test_what_becomes_of_an_appointment_is_exported_by_the_next_run(
    acts_on: ActsOn, slot: int, booked: int, hours: int
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = acts_on
        (row,) = _slots(box.videsk, slot, booked_days_ago=booked, status="pending", duration=None)
        first = _run(box.videsk, lookback_hours=hours)
        assert_complete(first, box.videsk, APPOINTMENTS)
        box.videsk.of(APPOINTMENTS).amend(row, status="attended", duration=12.5)
        second = _run(box.videsk, state=first.state, lookback_hours=hours)
    assert_complete(second, box.videsk, APPOINTMENTS)
    assert [record["status"] for record in second.records(APPOINTMENTS)] == ["attended"]


def test_a_run_looks_back_at_least_as_far_as_it_looks_ahead_and_no_further() -> None:
    earliest: list[datetime] = []
    with empty_sandbox() as box:
        state = _run(box.videsk).state
        for settings in ({}, {"appointments_ahead_days": 10}, {"lookback_hours": 24 * 120}):
            before = len(asked(box.videsk))
            _run(box.videsk, state=state, **settings)
            starts = [parse(request.body["start"]) for request in asked(box.videsk)[before:]]
            earliest.append(min(starts))
    days = [round((NOW - start) / DAY) for start in earliest]
    assert days == [90, 10, 120]


@FILTERS
def test_nothing_after_an_end_date_is_asked_for(acts_on: ActsOn) -> None:
    end = NOW - 20 * DAY
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = acts_on
        _slots(box.videsk, *range(-60, 60, 4), booked_days_ago=70)
        run = _run(box.videsk, end_date=text(end))
        truth = box.videsk.truth(APPOINTMENTS)
    if acts_on == "start_time":
        truth = {key: row for key, row in truth.items() if row["start_time"] <= text(end)}
    assert run.code == 0
    assert_table_is(run.table(APPOINTMENTS), truth)
    assert max(parse(request.body["end"]) for request in asked(box.videsk)) <= end
    assert run.bookmark(APPOINTMENTS) == text(end)


@pytest.mark.parametrize("hours", [1, 30])
@pytest.mark.parametrize("cap", [7, 50])
def test_a_filter_on_another_time_than_the_order_loses_no_appointment(cap: int, hours: int) -> None:
    for seed in range(4):
        with empty_sandbox(seed) as box:
            start = NOW - 10 * DAY
            box.videsk.of(APPOINTMENTS).add_at(*[start + n * 15 * MINUTE for n in range(120)])
            box.videsk.separate_filter_field(hours * HOUR)
            box.videsk.options.cap = cap
            run = _run(box.videsk, days_ago=20)
        assert_complete(run, box.videsk, APPOINTMENTS)
        assert_each_once(run, APPOINTMENTS)


def test_appointments_filtered_by_when_they_were_booked_are_complete_under_a_small_cap() -> None:
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = "created"
        box.videsk.options.cap = 6
        box.videsk.of(APPOINTMENTS).add_at(*[NOW + n * 6 * HOUR for n in range(-80, 40)])
        now = datetime.now(UTC)
        booked = {
            key: record
            for key, record in box.videsk.truth(APPOINTMENTS).items()
            # One that is made for later than now is not booked yet.
            if datetime.fromtimestamp(int(record["id"][:8], 16), UTC) < now - HOUR
        }
        for row in list(box.videsk.of(APPOINTMENTS).rows):
            row.visible = (row.canonical["id"],) in booked
        run = _run(box.videsk)
    assert len(booked) > 40
    assert_complete(run, box.videsk, APPOINTMENTS)
