"""Invented call statistics of Twin24: the calls its bots make."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import MILLISECOND, SECOND, floor, parse, text
from ..parts import compact, pick
from ..traffic import hex_text, phone
from .fields import columns_of, uuid

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from ..table import Make, Record

FIELDS = (
    "id",
    "phone",
    "duration",
    "taskId",
    "taskName",
    "botId",
    "botName",
    "regionId",
    "timezone",
    "status",
    "shortNumber",
    "transferredToOperator",
    "linkToLog",
    "createdAt",
    "updatedAt",
    "startedAt",
    "price",
    "messages",
    "messagesAsString",
    "additional",
    "externalId",
    "dialogResults",
    "responder",
    "nps",
    "isFinished",
    "recordPath",
    "operatorDuration",
    "botDuration",
    "markers",
)
#: Our column of each field. The company of a row is a column, but no field.
COLUMNS = columns_of(FIELDS)
_BLANK: Record = dict.fromkeys(COLUMNS.values())
_OPEN_STATUSES = ("DIAL", "INPROGRESS")
_UNANSWERED = ("NOANSWER", "BUSY", "CANCEL", "FAILED")
#: Statuses of calls that were never dialled.
_UNDIALLED = ("BLACKLIST", "INVALID", "EXPIRED")
_TASKS = (("7301", "Encuesta mayo"), ("7302", "Cobranza, 2º aviso"), ("7305", "Bienvenida"))
_BOTS = (("b-11", "Lucía"), ("b-12", "Martín (pruebas)"))
_SAID = ("Hola, ¿habla con el titular?", "Sí, soy yo.", "¿Puede pagar esta semana?", "El viernes.")
_MARKERS = (None, None, compact(["promesa", "viernes"]), "promesa")
_ADDITIONAL = (None, compact({"deuda": 1200.5, "moneda": "ARS"}), "lote=7")
_ANSWERS = ("client", "robot", None)


def is_open(record: Record) -> bool:
    """Whether the call is still to come or going on."""
    return record["status"] in _OPEN_STATUSES


def maker(companies: Callable[[], Sequence[int]]) -> Make:
    """How to make calls of these companies; they are looked up for each call."""

    def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
        record = {**_begun(rng, at), "company_id": pick(rng, companies())}
        dialled = at + (2 + int(rng.random() * 6)) * SECOND
        chance = rng.random()
        if chance < 0.05:
            record.update({"status": pick(rng, _UNDIALLED), "is_finished": True, "price": 0})
        elif end is None or dialled < end:
            record["started_at"] = text(floor(dialled, SECOND))
            seconds = 0 if chance < 0.2 else 1 + int(rng.expovariate(1 / 60))
            if end is None or dialled + seconds * SECOND <= end:
                record.update(_ended(rng, record, seconds))
        return record

    return make


def mature(rng: random.Random, record: Record) -> Record:
    """What comes later: the end of the call; then a correction of its price."""
    if is_open(record):
        started = record["started_at"] or text(parse(record["created_at"]) + 5 * SECOND)
        record = {**record, "started_at": started}
        return {"started_at": started, **_ended(rng, record, 15 + int(rng.expovariate(1 / 60)))}
    updated = parse(record["updated_at"]) + timedelta(minutes=1 + int(rng.random() * 90))
    return {
        "price": round((record["price"] or 0) + 0.25, 4),
        "record_path": f"https://records.example.com/{record['id']}-v2.mp3",
        "dialog_results": compact({"resultado": "revisado", "intentos": int(rng.random() * 4)}),
        "updated_at": text(updated),
    }


def _begun(rng: random.Random, at: datetime) -> Record:
    task, task_name = pick(rng, _TASKS)
    bot, bot_name = pick(rng, _BOTS)
    return {
        **_BLANK,
        "id": uuid(rng),
        "phone": phone(rng),
        "task_id": task,
        "task_name": task_name,
        "bot_id": bot,
        "bot_name": bot_name,
        "region_id": str(1 + int(rng.random() * 80)),
        "timezone": -10_800,
        "status": pick(rng, _OPEN_STATUSES),
        "short_number": "0110",
        "transferred_to_operator": False,
        "created_at": text(at),
        "updated_at": text(at),
        "additional": pick(rng, _ADDITIONAL),
        "external_id": hex_text(rng, 8) if rng.random() < 0.4 else None,
        "is_finished": False,
    }


def _ended(rng: random.Random, record: Record, seconds: int) -> Record:
    over = parse(record["started_at"]) + seconds * SECOND
    updated = max(over, parse(record["created_at"])) + int(rng.random() * 900) * MILLISECOND
    if not seconds:
        status = pick(rng, _UNANSWERED)
        return {
            "status": status,
            "duration": 0,
            "price": 0,
            "is_finished": True,
            "updated_at": text(updated),
        }
    bot = 1 + int(rng.random() * seconds)
    transferred = rng.random() < 0.2
    return {
        "status": "ANSWERED",
        "duration": seconds,
        "transferred_to_operator": transferred,
        "link_to_log": f"https://logs.example.com/{record['id']}",
        "updated_at": text(updated),
        "price": round(seconds * 0.035, 4),
        "messages": _messages(seconds),
        "messages_as_string": "\n".join(_lines(seconds)),
        "dialog_results": compact({"promesa": rng.random() < 0.5, "fecha": "viernes"}),
        "responder": pick(rng, _ANSWERS),
        "nps": str(int(rng.random() * 11)) if rng.random() < 0.3 else None,
        "is_finished": True,
        "record_path": f"https://records.example.com/{record['id']}.mp3",
        "operator_duration": seconds - bot if transferred else 0,
        "bot_duration": bot if transferred else seconds,
        "markers": pick(rng, _MARKERS),
    }


def _lines(seconds: int) -> list[str]:
    return [
        f"{'Cliente' if turn % 2 else 'Robot'}: {_SAID[turn % len(_SAID)]}"
        for turn in range(1 + seconds % 4)
    ]


def _messages(seconds: int) -> str:
    return compact(
        [
            {"role": line[:5], "text": line, "second": 3 * n}
            for n, line in enumerate(_lines(seconds))
        ]
    )
