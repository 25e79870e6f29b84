"""Invented Burki calls."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import SECOND, floor, parse, text
from ..traffic import hex_text, phone

if TYPE_CHECKING:
    import random

    from ..table import Record

#: Assistants by id; the names are what CSV readers get wrong.
ASSISTANTS = {
    1: "Support Bot",
    2: "Ventas, región sur",
    3: 'The "Concierge"',
    4: "Recepción\nturno noche",
    5: "=Cobranza",
    6: "Ñandú; soporte",
}
_FAILED = 0.08
_ids = {name: number for number, name in ASSISTANTS.items()}


def assistant_id(record: Record) -> int | None:
    """The assistant of a call; the export shows only its name."""
    return _ids.get(record.get("assistant_name") or "")


def conversation_type(record: Record) -> str:
    """The ninth column some servers have."""
    given = record.get("conversation_type")
    return given if isinstance(given, str) else ("voice", "chat", "sms")[record["id"] % 3]


def tie_key(record: Record) -> str:
    """The order of calls that started at the same instant: as good as random, but fixed."""
    return f"{zlib.crc32(str(record['id']).encode()):08x}"


def make(rng: random.Random, at: datetime, end: datetime | None, number: int) -> Record:
    """A call that started at `at`; beyond `end` it is still going on."""
    if end is not None and rng.random() < 0.3:
        at = floor(at, SECOND)
    record: Record = {
        "id": number,
        "call_sid": "CA" + hex_text(rng, 32),
        "assistant_name": ASSISTANTS[1 + int(rng.random() * len(ASSISTANTS))],
        "customer_phone_number": phone(rng),
        "status": "ongoing",
        "duration": None,
        "started_at": text(at),
        "ended_at": None,
    }
    seconds = int(rng.expovariate(1 / 240))
    if end is None or at + timedelta(seconds=seconds + 1) <= end:
        record.update(_ended(rng, at, seconds))
    return record


def mature(rng: random.Random, record: Record) -> Record:
    """A call that goes on ends; one that has ended gets its assistant's new name."""
    if record["status"] == "ongoing" and record["started_at"]:
        return _ended(rng, parse(record["started_at"]), 30 + int(rng.expovariate(1 / 240)))
    return {"assistant_name": f"{record['assistant_name']} v2"}


def _ended(rng: random.Random, at: datetime, seconds: int) -> Record:
    """The duration is that of the media, so it may differ a little from end minus start."""
    if rng.random() < _FAILED:
        return {"status": "failed", "duration": None, "ended_at": None}
    ended = at + timedelta(seconds=seconds, microseconds=int(rng.random() * 900_000))
    return {"status": "completed", "duration": seconds, "ended_at": text(ended)}
