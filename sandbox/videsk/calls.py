"""Invented Videsk calls."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import SECOND, floor, parse, text
from ..parts import pick
from .ids import object_id
from .queues import SEGMENTS
from .remarks import TAGS

if TYPE_CHECKING:
    from ..table import Make, Record

_AGENTS = ("ana", "bruno", "carla", "diego", "elena", "félix", "gabriela", "hugo")
_ABANDONED = 0.08


def maker(start: datetime) -> Make:
    """How to make calls; nobody waits for one since before `start`, when records begin."""

    def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
        waited = timedelta(milliseconds=int(rng.expovariate(1 / 20_000)))
        record = _begun(rng, at, max(at - waited, min(start, at)))
        millis = 3_000 + int(rng.expovariate(1 / 420_000))
        if rng.random() < _ABANDONED:
            millis = 500 + int(rng.random() * 4_000)
        ended = at + timedelta(milliseconds=millis)
        if end is None or ended <= end:
            record.update(_ended(rng, ended, millis))
        return record

    return make


def mature(rng: random.Random, record: Record) -> Record:
    """A call that goes on ends; one that has ended gets after-call work and a comment.

    What it lacks of a survey and the agent's form comes in late, too.
    """
    started = parse(record["start_time"])
    if record["end_time"] is None:
        millis = 60_000 + int(rng.expovariate(1 / 420_000))
        return _ended(rng, started + timedelta(milliseconds=millis), millis)
    ended = parse(record["end_time"])
    late = random.Random(f"late:{record['id']}")
    return {
        "acw_duration": round(0.1 + rng.random() * 3, 3),
        "comments": object_id(rng, ended),
        "tags": list(dict.fromkeys([*(record["tags"] or []), pick(rng, TAGS)])),
        "survey_id": record["survey_id"] or object_id(late, ended),
        "agent_form": record["agent_form"] or object_id(late, ended),
    }


def _begun(rng: random.Random, at: datetime, queued: datetime) -> Record:
    return {
        "id": object_id(rng, at),
        "segment": pick(rng, SEGMENTS),
        "agent": f"{pick(rng, _AGENTS)}@example.com",
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
    return list(dict.fromkeys(pick(rng, TAGS) for _ in range(1 + int(chance * 3))))
