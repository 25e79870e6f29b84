"""Invented appointments: booked days before, and decided when their time has come."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..compat import override
from ..instants import parse
from ..parts import pick
from ..store import RECENT, Plan, Store
from ..table import Table
from .ids import made_at, object_id, second

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..table import Make, Record, Row

#: So far ahead are slots taken.
AHEAD = timedelta(days=60)
_QUARTER = timedelta(minutes=15)
_SERVICES = ("Asesoría de crédito", "Tour virtual", "Soporte experto", "Video asesor")
_AGENTS = ("ana@example.com", "diego@example.com", "félix@example.com")
_REASONS = ("Ya no lo necesito", "Me equivoqué de día; ¿pueden el lunes?", "")


def is_pending(record: Record) -> bool:
    """Whether the appointment is still to come, or should have been."""
    return bool(record["status"] == "pending")


def booked(row: Row) -> datetime:
    """When the appointment was made, which is in its id."""
    return made_at(row.canonical["id"], row.canonical["start_time"])


def maker(plan: Plan, now: Callable[[], datetime]) -> Make:
    """How to make appointments of a slot. `now` is until when they were booked so far."""

    def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
        return _appointment(rng, at, _booking(rng, at, plan.start, now(), end), end)

    return make


def mature(rng: random.Random, record: Record) -> Record:
    """A pending one is decided; afterwards somebody comments on it."""
    if is_pending(record):
        return _decided(rng, record)
    return {"comments": object_id(rng, parse(record["end_time"]))}


class AppointmentStore(Store):
    """Appointments: what changes lies around the end of time, and after it."""

    @override
    def grow(self, seed: int, old_end: datetime, until: datetime) -> None:
        """Let time pass: slots come up, some that are still ahead are called off, more are made."""
        rng = random.Random(f"{seed}:{self._name}:grow")
        table = self.table
        since = max(self._plan.start, old_end - RECENT)
        due = [row for row in table.rows if is_pending(row.canonical) and row.at < until]
        ahead = [row for row in table.rows if is_pending(row.canonical) and row.at >= until]
        recent = [
            row for row in table.rows if since <= row.at < old_end and not is_pending(row.canonical)
        ]
        for row in due + rng.sample(recent, min(2, len(recent))):
            table.mature(rng, row)
        for row in rng.sample(ahead, min(2, len(ahead))):
            table.amend(row, _called_off(rng, row.canonical, old_end))
        fresh = max(3, len(table.rows) // 10)
        table.put(
            _appointment(rng, slot, since + rng.random() * (slot - since), None)
            for slot in table.spread(rng, max(1, fresh // 10), since, old_end)
        )
        table.add(rng, table.spread(rng, fresh, old_end, until + AHEAD), until)

    @override
    def _fill(self) -> None:
        plan, table = self._plan, self.table
        amount = int(plan.rows * self._share)
        ahead = amount // 5
        past = table.spread(self.rng, amount - ahead, plan.start, plan.end)
        future = table.spread(self.rng, ahead, plan.end, plan.end + AHEAD)
        table.add(self.rng, past + future, plan.end)


def appointment_table(plan: Plan, now: Callable[[], datetime]) -> Table:
    """The table of appointments: slots begin on quarter hours."""
    return Table(
        "start_time",
        maker(plan, now),
        mature,
        key=lambda record: str(record["id"]),
        grid=_QUARTER,
    )


def _booking(
    rng: random.Random, slot: datetime, first: datetime, now: datetime, end: datetime | None
) -> datetime:
    """When a slot was booked: days before, but while there was anybody to book it."""
    made = slot - timedelta(hours=1) - min(AHEAD, timedelta(days=rng.expovariate(1 / 6)))
    low, high = first, slot
    if end is not None:
        low, high = (now, min(end, slot)) if end > now else (first, min(end, slot))
    if low <= made < high or high <= low:
        return made
    return low + rng.random() * (high - low)


def _appointment(
    rng: random.Random, slot: datetime, made: datetime, end: datetime | None
) -> Record:
    record = _new(rng, slot, made)
    if end is None or parse(record["end_time"]) <= end:
        record.update(_decided(rng, record))
    elif rng.random() < 0.1:
        record.update(_called_off(rng, record, min(end, made + timedelta(minutes=5))))
    return record


def _new(rng: random.Random, slot: datetime, made: datetime) -> Record:
    return {
        "id": object_id(rng, made),
        "service": pick(rng, _SERVICES),
        "agent": pick(rng, _AGENTS),
        "start_time": second(slot),
        "end_time": second(slot + (1 + int(rng.random() * 3)) * _QUARTER),
        "duration": None,
        "survey_id": None,
        "extra_data": object_id(rng, made),
        "comments": None,
        "tags": [],
        "customer_leave": None,
        "agent_form": None,
        "base_form": object_id(rng, made) if rng.random() < 0.6 else None,
        "type": "scheduled",
        "status": "pending",
        "cancellation_date": None,
        "canceled_by": None,
        "canceled_reason": None,
        "rescheduled_appointment_id": None,
        "created_by": "customer" if rng.random() < 0.8 else pick(rng, _AGENTS),
    }


def _decided(rng: random.Random, record: Record) -> Record:
    slot, over = parse(record["start_time"]), parse(record["end_time"])
    if rng.random() < 0.25:
        return _called_off(rng, record, slot)
    left = slot + rng.random() * (over - slot)
    return {
        "status": "attended",
        "duration": round((left - slot) / timedelta(minutes=1), 4),
        "customer_leave": second(left) if rng.random() < 0.5 else None,
        "survey_id": object_id(rng, left) if rng.random() < 0.4 else None,
        "agent_form": object_id(rng, left) if rng.random() < 0.5 else None,
        "comments": object_id(rng, left) if rng.random() < 0.4 else None,
    }


def _called_off(rng: random.Random, record: Record, before: datetime) -> Record:
    made = made_at(record["id"], record["start_time"])
    later = rng.random() < 0.3
    return {
        "status": "rescheduled" if later else "canceled",
        "cancellation_date": second(max(made, before - rng.random() * timedelta(minutes=30))),
        "canceled_by": "customer" if rng.random() < 0.7 else record["agent"],
        "canceled_reason": pick(rng, _REASONS),
        "rescheduled_appointment_id": object_id(rng, before) if later else None,
    }
