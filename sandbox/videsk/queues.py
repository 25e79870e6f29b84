"""Invented queue entries: one before each call, and those that gave up waiting."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import SECOND, parse
from ..parts import compact, pick
from .ids import made_at, object_id, second

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..table import Record

SEGMENTS = ("Atención general", "Ventas", "Soporte técnico", "Postventa", "Customer service")
_REASONS = ("customer-left", "timeout", "horario-terminado")
#: What a queue management system leaves behind: an object, a list or a text.
_INTEGRATIONS = (
    compact({"turno": "A-12", "sucursal": {"id": 4, "nombre": "Ñuñoa"}}),
    compact([{"turno": "B-7"}, 3]),
    "C-31",
)


def of_call(call: Record) -> Iterator[Record]:
    """The entry a call came out of."""
    name = call["queue"]
    if not name:
        return
    rng = random.Random(f"queue:{call['id']}")
    answered = parse(call["start_time"])
    queued = made_at(name, call["start_time"])
    waited = max(0.0, (answered - queued) / SECOND - rng.random())
    yield {
        **_entry(rng, name, queued),
        "segment": call["segment"],
        "end_time": second(answered),
        "assigned": True,
        "duration": round(waited / 60, 3),
        "canceled_reason": "queue-assigned",
        "base_form": call["base_form"],
        "extra_data": call["extra_data"],
    }


def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
    """An entry that no call came out of; beyond `end` it still waits."""
    record = {
        **_entry(rng, object_id(rng, at), at),
        "segment": pick(rng, SEGMENTS),
        "base_form": object_id(rng, at) if rng.random() < 0.4 else None,
        "extra_data": object_id(rng, at),
    }
    given_up = _given_up(rng, at)
    if end is None or parse(given_up["end_time"]) <= end:
        record.update(given_up)
    return record


def is_open(record: Record) -> bool:
    """Whether somebody still waits."""
    return record["end_time"] is None


def mature(rng: random.Random, record: Record) -> Record:
    """Who waits gives up; later the other system's data arrive."""
    if is_open(record):
        return _given_up(rng, parse(record["start_time"]))
    return {
        "connections": (record["connections"] or 0) + 1,
        "integration_data": compact({"turno": f"D-{int(rng.random() * 90)}", "cerrado": True}),
    }


def _entry(rng: random.Random, name: str, queued: datetime) -> Record:
    connected = 1 + int(rng.random() * 2)
    return {
        "id": name,
        "segment": None,
        "start_time": second(queued),
        "end_time": None,
        "dismissed": False,
        "canceled": False,
        "assigned": False,
        "duration": None,
        "canceled_reason": None,
        "base_form": None,
        "extra_data": None,
        "connections": connected,
        "disconnections": connected - 1,
        "integration_data": pick(rng, _INTEGRATIONS) if rng.random() < 0.15 else None,
    }


def _given_up(rng: random.Random, at: datetime) -> Record:
    waited = timedelta(milliseconds=2_000 + int(rng.expovariate(1 / 60_000)))
    return {
        "end_time": second(at + waited),
        "canceled": True,
        "dismissed": rng.random() < 0.1,
        "duration": round(waited / timedelta(minutes=1), 3),
        "canceled_reason": pick(rng, _REASONS),
    }
