"""Invented Burki calls."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import SECOND, floor, parse, text
from ..traffic import hex_text, phone

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from ..table import Make, Record

#: Assistants by id; the names are what CSV readers get wrong.
ASSISTANTS = {
    1: "Support Bot",
    2: "Ventas, región sur",
    3: 'The "Concierge"',
    4: "Recepción\nturno noche",
    5: "=Cobranza",
    6: "Ñandú; soporte",
}
#: The columns the list has besides those of the export, in either of its shapes.
OLD_LIST_COLUMNS = ("assistant_id", "to_phone_number", "call_meta")
NEW_LIST_COLUMNS = (
    "assistant_name",
    "flow_name",
    "total_cost",
    "llm_cost",
    "tts_cost",
    "stt_cost",
    "telephony_cost",
    "cost_currency",
)
_ONLY_LISTED = {*OLD_LIST_COLUMNS, *NEW_LIST_COLUMNS} - {"assistant_name"}
_FAILED = 0.08
_FLOWS = ("Reserva de hora", None, "Cobranza, segundo aviso", None, None)
_PARTS = (("llm", 0.0007), ("tts", 0.0005), ("stt", 0.0002), ("telephony", 0.0003))
_ids = {name: number for number, name in ASSISTANTS.items()}


def assistant_id(record: Record, known: Mapping[int, int]) -> int | None:
    """The assistant of a call, which its name tells until it is renamed."""
    named: int | None = record.get("assistant_id") or _ids.get(record.get("assistant_name") or "")
    return named or known.get(record["id"])


def exported(record: Record) -> Record:
    """A record as the export has it."""
    return {name: value for name, value in record.items() if name not in _ONLY_LISTED}


def listed(record: Record, assistants: Mapping[int, int], *, old: bool) -> Record:
    """A record as the list has it: what it was given, else made from the call alone."""
    made = {**_more(record), **_costs(record), **record}
    made["assistant_id"] = assistant_id(record, assistants)
    made.pop("conversation_type", None)
    left_out = NEW_LIST_COLUMNS if old else ()
    return {name: value for name, value in made.items() if name not in left_out}


def _more(record: Record) -> Record:
    number = record["id"] if isinstance(record["id"], int) else 0
    meta = {"campaña": f"mayo-{number % 7}", "intentos": number % 3, "crm": {"id": number * 31}}
    return {
        "to_phone_number": f"+155555501{number * 7 % 100:02d}",
        "call_meta": meta if number % 4 else {},
        "flow_name": _FLOWS[number % len(_FLOWS)],
    }


def _costs(record: Record) -> Record:
    """Costs are counted when the call is over."""
    if record["status"] == "ongoing":
        return dict.fromkeys(NEW_LIST_COLUMNS[2:])
    seconds = record["duration"] if isinstance(record["duration"], int) else 0
    parts = {f"{part}_cost": round(seconds * price, 5) for part, price in _PARTS}
    total = round(sum(parts.values()), 5)
    return {"total_cost": total, **parts, "cost_currency": "USD"}


def conversation_type(record: Record) -> str:
    """The ninth column some servers have."""
    given = record.get("conversation_type")
    return given if isinstance(given, str) else ("voice", "chat", "sms")[record["id"] % 3]


def tie_key(record: Record) -> str:
    """The order of calls that started at the same instant: as good as random, but fixed."""
    return key_of(record["id"])


def key_of(number: int) -> str:
    """The same, of the call with that id."""
    return f"{zlib.crc32(str(number).encode()):08x}:{number}"


def maker(assistants: dict[int, int]) -> Make:
    """How to make calls; notes which assistant each one had."""

    def make(rng: random.Random, at: datetime, end: datetime | None, number: int) -> Record:
        if end is not None and rng.random() < 0.3:
            at = floor(at, SECOND)
        sid = "CA" + hex_text(rng, 32)
        assistants[number] = 1 + int(rng.random() * len(ASSISTANTS))
        record: Record = {
            "id": number,
            "call_sid": sid,
            "assistant_name": ASSISTANTS[assistants[number]],
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

    return make


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
