"""Invented things that hang on a call or an appointment: comments, tags and recordings."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ..instants import parse
from ..parts import pick
from .ids import made_at, names_in, object_id, second

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..table import Record

#: What a row hangs on; also the column that says so.
Owner = Literal["call", "appointment"]

TAGS = tuple(f"6266b4a541ba0181{number:08x}" for number in range(12))
_TAG_LABELS = (
    "Venta cerrada",
    "Reclamo",
    "Cotización",
    "Cliente molesto ",
    "Sin stock",
    "Volver a llamar",
)
_COMMENTS = (
    "Cliente solicita factura; se envía por correo.",
    'Pidió hablar con "el jefe".\nSe derivó a postventa, sin éxito.',
    "Ok",
    "  Revisó 3 modelos, ¿vuelve el jueves?",
)
#: Calls shorter than this, in minutes, were never answered.
_UNANSWERED = 0.08


def comments(owner: Owner) -> Callable[[Record], Iterator[Record]]:
    """How to make the comments that a call or an appointment names."""

    def of_owner(record: Record) -> Iterator[Record]:
        for name in names_in(record["comments"]):
            made = made_at(name, record["end_time"] or record["start_time"])
            yield _comment(random.Random(f"comment:{name}"), name, made, owner, record["id"])

    return of_owner


def make_comment(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """A comment on a call that is not known."""
    call = object_id(rng, at - timedelta(minutes=3))
    return _comment(rng, object_id(rng, at), at, "call", call)


def mature_comment(_rng: random.Random, record: Record) -> Record:
    """Somebody corrects it."""
    return {"comments": f"{record['comments']} (corregido)"}


def tags_of_call(call: Record) -> Iterator[Record]:
    """One row for each tag of a call."""
    for name in names_in(call["tags"]):
        yield _tag(call["id"], name, call["start_time"], call["end_time"])


def tag_name(record: Record) -> str:
    """What names a tag row: the call and the tag."""
    return f"{record['id']}:{record['tag_id']}"


def make_tag(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """A tag of a call that is not known."""
    over = second(at + timedelta(minutes=4))
    return _tag(object_id(rng, at), pick(rng, TAGS), second(at), over)


def mature_tag(_rng: random.Random, record: Record) -> Record:
    """The tag gets another name."""
    return {"tag_label": f"{record['tag_label']} (2)"}


def recordings(owner: Owner) -> Callable[[Record], Iterator[Record]]:
    """How to make the recordings of an answered call or an attended appointment."""

    def of_owner(record: Record) -> Iterator[Record]:
        minutes = record["duration"]
        if record["end_time"] is None or not minutes or minutes < _UNANSWERED:
            return
        rng = random.Random(f"recording:{record['id']}")
        for _ in range(2 if rng.random() < 0.05 else 1):
            yield _recording(rng, record, owner, 60 * minutes)

    return of_owner


def make_recording(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """A recording of a call that is not known."""
    call = {"id": object_id(rng, at), "start_time": second(at), "agent": "ana@example.com"}
    return _recording(rng, call, "call", 1 + rng.expovariate(1 / 300))


def mature_recording(rng: random.Random, record: Record) -> Record:
    """The silence at its end is cut off."""
    return {"duration": round(max(0.5, record["duration"] - rng.random() - 0.01), 2)}


def _comment(rng: random.Random, name: str, at: datetime, owner: Owner, owner_id: str) -> Record:
    return {
        "id": name,
        "call": owner_id if owner == "call" else None,
        "appointment": owner_id if owner == "appointment" else None,
        "comments": pick(rng, _COMMENTS),
        "created_at": second(at),
    }


def _tag(call: str, name: str, start: str, end: str | None) -> Record:
    known = TAGS.index(name) if name in TAGS else None
    label = name if known is None else _TAG_LABELS[known % len(_TAG_LABELS)]
    return {
        "id": call,
        "tag_id": name,
        "start_time": start,
        "end_time": end,
        "tag_label": label,
    }


def _recording(rng: random.Random, record: Record, owner: Owner, seconds: float) -> Record:
    started = parse(record["start_time"])
    return {
        "id": object_id(rng, started),
        "created_at": second(started),
        "agent": record["agent"],
        "duration": round(max(0.5, seconds - 4 * rng.random()), 2),
        "call": record["id"] if owner == "call" else None,
        "appointment": record["id"] if owner == "appointment" else None,
    }
