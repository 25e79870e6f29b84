"""Invented Videsk calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import SECOND, floor, parse, text

if TYPE_CHECKING:
    import random

    from ..table import Record

_SEGMENTS = ("Atención general", "Ventas", "Soporte técnico", "Postventa", "Customer service")
_AGENTS = ("ana", "bruno", "carla", "diego", "elena", "félix", "gabriela", "hugo")
_TAGS = tuple(f"6266b4a541ba0181{number:08x}" for number in range(12))
_ABANDONED = 0.08


def object_id(rng: random.Random, at: datetime) -> str:
    """An id whose first four bytes are the second it was made in."""
    return f"{int(at.timestamp()):08x}{rng.getrandbits(64):016x}"


def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
    """A call that started at `at`; beyond `end` it is still going on."""
    queued = at - timedelta(milliseconds=int(rng.expovariate(1 / 20_000)))
    record: Record = {
        "id": object_id(rng, at),
        "segment": _pick(rng, _SEGMENTS),
        "agent": f"{_pick(rng, _AGENTS)}@example.com",
        "start_time": text(floor(at, SECOND)),
        "end_time": None,
        "duration": None,
        "survey": None,
        "extra_data": object_id(rng, queued),
        "customer_leave": None,
        "transferred_agent": rng.random() < 0.05,
        "transferred_segment": rng.random() < 0.03,
        "queue": object_id(rng, queued),
        "survey_id": None,
        "agent_form": None,
        "base_form": object_id(rng, queued) if rng.random() < 0.4 else None,
        "acw_duration": None,
        "effective_duration": None,
        "tags": None,
        "comments": None,
    }
    millis = 3_000 + int(rng.expovariate(1 / 420_000))
    if rng.random() < _ABANDONED:
        millis = 500 + int(rng.random() * 4_000)
    ended = at + timedelta(milliseconds=millis)
    if end is None or ended <= end:
        record.update(_ended(rng, ended, millis))
    return record


def mature(rng: random.Random, record: Record) -> Record:
    """A call that goes on ends; one that has ended gets after-call work and a comment."""
    started = parse(record["start_time"])
    if record["end_time"] is None:
        millis = 60_000 + int(rng.expovariate(1 / 420_000))
        return _ended(rng, started + timedelta(milliseconds=millis), millis)
    return {
        "acw_duration": round(0.1 + rng.random() * 3, 3),
        "comments": object_id(rng, parse(record["end_time"])),
        "tags": [_pick(rng, _TAGS)],
    }


def _ended(rng: random.Random, ended: datetime, millis: int) -> Record:
    left = rng.random()
    return {
        "end_time": text(floor(ended, SECOND)),
        "duration": round(millis / 60_000, 3),
        "effective_duration": millis / 60_000 + 0.0001,
        "acw_duration": 0 if rng.random() < 0.7 else round(rng.random() * 4, 3),
        "customer_leave": text(floor(ended, SECOND)) if left < 0.6 else None,
        "survey_id": object_id(rng, ended) if left < 0.25 else None,
        "agent_form": object_id(rng, ended) if left > 0.7 else None,
        "comments": object_id(rng, ended) if 0.2 < left < 0.4 else None,
        "tags": _tags(rng),
    }


def _tags(rng: random.Random) -> list[str] | None:
    """Some calls have tags, some an empty list, and most have none at all."""
    chance = rng.random()
    if chance < 0.55:
        return None
    if chance < 0.6:
        return []
    return list(dict.fromkeys(_pick(rng, _TAGS) for _ in range(1 + int(chance * 3))))


def _pick(rng: random.Random, choices: tuple[str, ...]) -> str:
    return choices[int(rng.random() * len(choices))]
