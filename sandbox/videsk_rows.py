"""The rows behind Videsk's exports: calls and appointments, and what belongs to them."""

from __future__ import annotations

import random
import re
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from .api import Api
from .compat import override
from .instants import MILLISECOND, SECOND, parse, second, text
from .invent import Tables, below, made_at, object_id, pick, words
from .table import Kind, Record, Row, Table

_QUARTER, _AHEAD = timedelta(minutes=15), timedelta(days=60)
TABLES = Tables("videsk")
_ONCE_OVER = words(TABLES.plain("named once over")["streams"])


class Endpoint(NamedTuple):
    """One export; `definition` is the field of the body that says which form or survey is meant."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    definition: str


STREAMS = {
    f"videsk_{re.sub('[-/]', '_', name)}": Endpoint(
        name,
        words(TABLES.plain("keys").get(name, "id")),
        words(given),
        {"forms": "form", "surveys": "survey"}.get(name, ""),
    )
    for name, given in TABLES.plain("exports").items()
}


class VideskRows(Api):
    """Videsk without its endpoints."""

    @abstractmethod
    def _definitions(self, stream: str) -> Mapping[str, Sequence[str]]:
        """The labels of the questions of each form or survey, for the stream that has them."""

    @override
    def _tables(self) -> dict[str, Table]:
        made: dict[str, Table] = {}
        first = ("videsk_calls", "videsk_queues", "videsk_appointments")  # they name the others
        for stream in dict.fromkeys((*first, *STREAMS)):
            name, columns = stream.removeprefix("videsk_"), STREAMS[stream].columns
            named_by, _, share = TABLES.plain("named by").get(name, "").partition(" ?")
            visits = name == "appointments"
            kind = Kind(
                make=partial(self._make, stream),
                mature=partial(_mature, name),
                key=partial(_key, stream),
                time="start_time" if "start_time" in columns else "created_at",
                share={"calls": 1, "queues": 0.12, "appointments": 0.25}.get(name, 0),
                is_open=_is_open,
                grid=_QUARTER if visits else None,
                ahead=_AHEAD if visits else timedelta(),
                sources=[
                    (made[f"videsk_{source}"], partial(self._named, stream, column, share))
                    for source, column in (each.split(".") for each in words(named_by))
                ],
            )
            made[stream] = self.table(kind, name)
        return {stream: made[stream] for stream in STREAMS}

    def _named(self, stream: str, column: str, percent: str, owner: Record) -> Iterator[Record]:
        """The rows of a stream that a column of this record names, if its time has come."""
        is_over = owner["end_time"] is not None and (owner["duration"] or 0) >= 0.08
        if stream.removeprefix("videsk_") in _ONCE_OVER and not is_over:
            return
        value = owner[column]
        for each in value if isinstance(value, list) else [value] * bool(value):
            rng = random.Random(f"{stream}:{each}")
            if percent and rng.random() * 100 >= int(percent):
                continue
            at = made_at(str(each), owner["end_time"] or owner["start_time"])
            if stream == "videsk_tags":
                at = parse(owner["start_time"])
            elif "_ai_" in stream:
                at = parse(owner["end_time"]) + timedelta(seconds=90 + below(rng, 60))
            for _ in range(below(rng, 4) if stream == "videsk_ai_topics" else 1):
                yield self._row(stream, rng, str(each), at, owner)

    def _make(self, stream: str, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        """A row that no other names, as it is at `end`."""
        low, made = self._plan.start, at
        if stream == "videsk_appointments":  # booked before, while there was anybody to book it
            low = self.now if end and end > self.now else max(low, at - _AHEAD)
            high = min(end, at) if end else at
            made = low + rng.random() * (high - low) if high > low else at
        record = self._row(stream, rng, object_id(rng, made), made, {})
        if stream == "videsk_appointments":
            over = at + (1 + below(rng, 3)) * _QUARTER
            record |= {"start_time": second(at), "end_time": second(over), "tags": []}
            return {**record, **_decided(rng, record)} if end is None or over <= end else record
        if stream in ("videsk_calls", "videsk_queues"):
            waited = min(int(rng.expovariate(1 / 20_000)) * MILLISECOND, max(at - low, 0 * SECOND))
            if stream == "videsk_calls":
                queued = at - waited
                record |= {name: object_id(rng, queued) for name in ("queue", "extra_data")}
            record.update(_over(stream.removeprefix("videsk_"), rng, at, end))
        return record

    def _row(
        self, stream: str, rng: random.Random, key: str, at: datetime, owner: Record
    ) -> Record:
        """A row named `key` that belongs to a record of another stream ({}: not known)."""
        visit, agent = "service" in owner, owner.get("agent_form") == key
        definitions = self._definitions(stream)
        choices = list(definitions) or [""]
        if stream == "videsk_forms" and owner:
            choices = choices[agent::2] or choices
        definition = pick(rng, choices) if owner else choices[0]
        known = {
            "name": key,
            "owner": owner,
            "call": None if visit else owner.get("id") or object_id(rng, at),
            "appointment": owner["id"] if visit else None,
            "definition": definition,
            "type": "agent" if agent else "contact" if visit or not owner else "pre-call",
        }
        name = stream.removeprefix("videsk_")
        record = {**dict.fromkeys(STREAMS[stream].columns), **_columns(name, rng, at, **known)}
        if stream == "videsk_queues" and owner:
            record.update(_columns("queues assigned", rng, at, **known))
        if STREAMS[stream].definition:
            record["answers"] = _answers(rng, definitions.get(definition, ()))
        return record

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        if not STREAMS[stream].definition:
            return dict(row.canonical)
        questions = self._definitions(stream).get(row.canonical[self.keys[stream][0]])
        if questions is None:
            return None
        return {**row.canonical, "answers": in_order(row.canonical, questions)}

    @override
    def _defaults(self, stream: str, columns: Record) -> Record:
        asked = columns.get(self.keys[stream][0])
        if not STREAMS[stream].definition or asked is None:
            return {}
        labels = self._definitions(stream).get(asked, ())
        return {"answers": _answers(self.table_of(stream).rng, labels)}


def _columns(table: str, rng: random.Random, at: datetime, **known: Any) -> Record:  # noqa: ANN401 - any JSON value
    """The columns of a table at an instant."""
    return TABLES.columns(table, rng, at=second(at), oid=lambda dice: object_id(dice, at), **known)


def _key(stream: str, record: Record) -> str:
    names = [name for name in STREAMS[stream].keys if name not in ("form_id", "survey_id")]
    return ":".join(str(record[name]) for name in names)


def booked(row: Row) -> datetime:
    """When an appointment was made, which is in its id."""
    return made_at(row.canonical["id"], row.canonical["start_time"])


def _is_open(record: Record) -> bool:
    """Whether a call or a wait goes on, or an appointment is still to come."""
    pending = record.get("status", "pending") == "pending"
    return pending and ("status" in record or record.get("end_time", "") is None)


def _over(table: str, rng: random.Random, at: datetime, end: datetime | None) -> Record:
    """How a call or a wait ends; nothing if that is after `end`."""
    seconds = pick(rng, (2, 60)) if table == "queues" else pick(rng, (3, *[420] * 11))
    millis = 500 + int(rng.expovariate(1 / (1000 * seconds)))
    over = at + millis * MILLISECOND
    if end is not None and over > end:
        return {}
    exact = {"effective_duration": millis / 60_000 + 0.0001} if table == "calls" else {}
    return {**_columns(f"{table} over", rng, over), **exact, "duration": round(millis / 60_000, 3)}


def _decided(rng: random.Random, record: Record) -> Record:
    slot, over = parse(record["start_time"]), parse(record["end_time"])
    if rng.random() < 0.25:
        return _columns("appointments canceled", rng, slot)
    left = slot + rng.random() * (over - slot)
    duration = round((left - slot) / timedelta(minutes=1), 4)
    return {**_columns("appointments over", rng, left), "duration": duration}


def _mature(name: str, rng: random.Random, record: Record, until: datetime) -> Record:
    """What is open ends or is decided; what is over is commented, rated, analysed or corrected."""
    if "answers" in record:
        return {"answers": [{**answer, "value": "corregido"} for answer in record["answers"]]}
    if name == "appointments" and record["status"] == "pending":
        early = parse(record["start_time"]) >= until
        return _columns("appointments canceled", rng, until) if early else _decided(rng, record)
    if name in ("calls", "queues") and record["end_time"] is None:
        return _over(name, rng, parse(record["start_time"]), None)
    later = _columns(f"{name} later", rng, parse(record.get("end_time") or text(until)))
    if name == "calls":
        later |= {key: record[key] for key in ("survey_id", "agent_form") if record[key]}
        tags = [*(record["tags"] or []), f"6266b4a541ba0181{below(rng, 12):08x}"]
        later["tags"] = list(dict.fromkeys(tags))
    return later


def _answers(rng: random.Random, labels: Sequence[str]) -> list[Record]:
    """Answers to most of the questions, in their order; each kind has its kind of value."""
    given = {
        label: TABLES.columns("answers", rng)[str(zlib.crc32(label.encode()) % 4)]
        for label in labels
        if rng.random() < 0.85
    }
    return [{"label": label, "value": value} for label, value in given.items()]


def in_order(record: Record, labels: Sequence[str]) -> list[Record]:
    """The answers in the order of the questions; of two under one label the later one."""
    given = {answer["label"]: answer["value"] for answer in record["answers"] or ()}
    known = dict.fromkeys(labels)
    return [{"label": label, "value": given[label]} for label in known if label in given]
