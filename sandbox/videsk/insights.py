"""Invented findings of the artificial intelligence: topics and sentiments of a call."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import parse
from ..parts import pick
from .ids import object_id, second

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..table import Record

_TOPICS = (
    "Precio y formas de pago",
    "Despacho",
    "Garantía",
    "Devolución / cambio",
    "Horarios",
    "Problema técnico",
)
_FEELINGS = (("negative", 0.1667), ("neutral", 0.6667), ("positive", 0.9333))


def topics_of_call(call: Record) -> Iterator[Record]:
    """Up to three topics of a call that has ended, found about two minutes later."""
    if call["end_time"] is None:
        return
    rng, found = _analysis(call)
    for name in rng.sample(_TOPICS, int(rng.random() * 4)):
        yield _topic(rng, call["id"], found, name)


def topic_name(record: Record) -> str:
    """What names a topic row."""
    return f"{record['id']}:{record['entity_type']}:{record['topic_name']}"


def make_topic(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """A topic of a call that is not known."""
    return _topic(rng, object_id(rng, at - timedelta(minutes=9)), at, pick(rng, _TOPICS))


def mature_topic(_rng: random.Random, record: Record) -> Record:
    """The analysis is run again."""
    return {"topic_score": round(1 - record["topic_score"] / 2, 4)}


def sentiments_of_call(call: Record) -> Iterator[Record]:
    """The sentiment of most calls that have ended."""
    if call["end_time"] is None:
        return
    rng, found = _analysis(call)
    if rng.random() < 0.8:
        yield _sentiment(rng, call["id"], found)


def sentiment_name(record: Record) -> str:
    """What names a sentiment row."""
    return f"{record['id']}:{record['entity_type']}"


def make_sentiment(rng: random.Random, at: datetime, _end: datetime | None, _number: int) -> Record:
    """The sentiment of a call that is not known."""
    return _sentiment(rng, object_id(rng, at - timedelta(minutes=9)), at)


def mature_sentiment(_rng: random.Random, record: Record) -> Record:
    """The analysis is run again."""
    return {"sentiment_number": round(1 - record["sentiment_number"] / 2, 4)}


def _analysis(call: Record) -> tuple[random.Random, datetime]:
    """The dice of a call's analysis, and when it was done: the same for all it found."""
    rng = random.Random(f"analysis:{call['id']}")
    return rng, parse(call["end_time"]) + timedelta(seconds=90 + int(rng.random() * 60))


def _topic(rng: random.Random, entity: str, found: datetime, name: str) -> Record:
    return {
        "id": entity,
        "entity_type": "calls",
        "created_at": second(found),
        "topic_name": name,
        "topic_score": round(0.05 + 0.95 * rng.random(), 2),
    }


def _sentiment(rng: random.Random, entity: str, found: datetime) -> Record:
    feeling, number = pick(rng, _FEELINGS)
    return {
        "id": entity,
        "entity_type": "calls",
        "created_at": second(found),
        "requested_at": second(found - timedelta(seconds=1 + int(rng.random() * 20))),
        "sentiment_text": feeling,
        "sentiment_number": number,
    }
