"""Videsk: capped exports by POST, columns under labels, times in the zone that was asked for."""

from __future__ import annotations

import json
import random
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple
from zoneinfo import ZoneInfo

from .api import Api
from .calls import Sparse, call, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, SECOND, UTC, floor, parse, second, text
from .invent import Tables, below, made_at, object_id, opened, pick, words
from .table import Clock, Ends, Kind, Plan, Record, Row, Table, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .calls import Call, Rows

KeysOption = Literal["honoured", "ignored", "partial"]
TagColumn = Literal["tag", "tagName"]
CREDENTIAL = "videsk-canary-token-5f1c7e"
_QUARTER, _AHEAD = timedelta(minutes=15), timedelta(days=60)
_TABLES = Tables("videsk")
_LABELS, _ALONE = _TABLES.plain("labels"), _TABLES.plain("labels alone")
_TIMES = words("start_time end_time created_at requested_at customer_leave cancellation_date")


class Endpoint(NamedTuple):
    """One export; `definition` is the field of the body that says which form or survey is meant."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    definition: str


STREAMS = {
    f"videsk_{re.sub('[-/]', '_', name)}": Endpoint(
        name,
        words(_TABLES.plain("keys").get(name, "id")),
        words(given),
        {"forms": "form", "surveys": "survey"}.get(name, ""),
    )
    for name, given in _TABLES.plain("exports").items()
}


def _definitions(table: str) -> dict[str, list[str]]:
    return {name: json.loads(labels) for name, labels in _TABLES.plain(table).items()}


@dataclass
class VideskOptions:
    """The ways in which the real server may behave; the defaults are the documented ones."""

    cap: int = 5000
    cap_declared: Literal["yes", "no", "text", "lying"] = "yes"
    range_ends: Ends = "[]"
    filter_field: Literal["start_time", "other"] = "start_time"
    keys: KeysOption = "honoured"
    labels: Literal["es", "en"] = "es"
    dates: Literal["iso", "day_first"] = "iso"
    order: Literal["honest", "reversed_ignored", "shuffled"] = "honest"
    ties: Literal["id_reversed_with_sort", "stable"] = "id_reversed_with_sort"
    zone: Literal["honoured", "ignored"] = "honoured"
    #: What the range and the order of appointments act on.
    appointments_filter: Literal["start_time", "created"] = "start_time"
    #: The id of the column that holds a tag's id.
    tag_column: TagColumn = "tag"
    #: The labels of the questions of each form and each survey.
    forms: dict[str, list[str]] = field(default_factory=lambda: _definitions("form questions"))
    surveys: dict[str, list[str]] = field(default_factory=lambda: _definitions("survey questions"))
    #: The answer to a form or survey that there is not.
    unknown_definition: int = 404
    status: int = 201
    token: str = CREDENTIAL


class VideskApi(Api):
    """Videsk on localhost."""

    name = "videsk"
    keys: ClassVar = {stream: endpoint.keys for stream, endpoint in STREAMS.items()}
    call_streams = ("videsk_calls", "videsk_queues", "videsk_ai_sentiments", "videsk_recordings")

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = VideskOptions()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `videsk` object."""
        return {
            "api_url": f"{self.base_url}/videsk",
            "api_token": self.options.token,
            "form_ids": list(self.options.forms),
            "survey_ids": list(self.options.surveys),
        }

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of FeathersJS."""
        name = _TABLES.plain("errors").get(str(status), "GeneralError")
        css_class = re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()
        body = {"name": name, "message": message or name, "code": status, "className": css_class}
        more = {} if detail is None else {"data": detail}
        return Reply.of_json(status, {**body, **more, "errors": {}})

    def separate_filter_field(self, max_shift: timedelta) -> None:
        """From now on the range acts on a time that is up to `max_shift` before or after start.

        Concerns the rows there are; rows made later are filtered by their start.
        """
        with self.lock:
            self.options.filter_field = "other"
            for stream in self.streams:
                table = self.table_of(stream)
                rng = random.Random(f"{self._plan.seed}:{stream}:shift")
                for row in table.rows:
                    row.at = floor(row.sort_at + rng.uniform(-1, 1) * max_shift, MILLISECOND)
                table.reorder()

    @override
    def _tables(self) -> dict[str, Table]:
        made: dict[str, Table] = {}
        for stream in ("videsk_calls", "videsk_queues", "videsk_appointments", *STREAMS):
            name, columns = stream.removeprefix("videsk_"), STREAMS[stream].columns
            named_by = [each.split(".") for each in words(_TABLES.plain("named by").get(name, ""))]
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
                    (made[f"videsk_{source}"], partial(self._named, stream, column))
                    for source, column in named_by
                ],
            )
            made.setdefault(stream, self.table(kind, name))
        return {stream: made[stream] for stream in STREAMS}

    def _named(self, stream: str, column: str, owner: Record) -> Iterator[Record]:
        """The rows of a stream that a column of this record names, if its time has come."""
        of_over = stream in ("videsk_recordings", "videsk_ai_topics", "videsk_ai_sentiments")
        if of_over and (owner["end_time"] is None or (owner["duration"] or 0) < 0.08):
            return
        value = owner[column]
        for each in value if isinstance(value, list) else [value] * bool(value):
            rng = random.Random(f"{stream}:{each}")
            at = made_at(str(each), owner["end_time"] or owner["start_time"])
            if stream == "videsk_tags":
                at = parse(owner["start_time"])
            elif "_ai_" in stream:
                at = parse(owner["end_time"]) + timedelta(seconds=90 + below(rng, 60))
            for _ in range(below(rng, 4) if stream == "videsk_ai_topics" else 1):
                yield self._row(stream, rng, str(each), at, owner)

    def _make(self, stream: str, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        """A row that no other names."""
        low, made = self._plan.start, at
        if stream == "videsk_appointments":  # booked before, while there was anybody to book it
            low = max(low, at - _AHEAD)
            low, high = (self.now, min(end, at)) if end and end > self.now else (low, at)
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

    def _definitions(self, stream: str) -> Mapping[str, Sequence[str]]:
        """The labels of the questions of each form or survey, for the stream that has them."""
        of = {"videsk_forms": self.options.forms, "videsk_surveys": self.options.surveys}
        return of.get(stream, {})

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        if not STREAMS[stream].definition:
            return dict(row.canonical)
        questions = self._definitions(stream).get(row.canonical[self.keys[stream][0]])
        if questions is None:
            return None
        return {**row.canonical, "answers": _in_order(row.canonical, questions)}

    @override
    def _defaults(self, stream: str, columns: Record) -> Record:
        asked = columns.get(self.keys[stream][0])
        if not STREAMS[stream].definition or asked is None:
            return {}
        labels = self._definitions(stream).get(asked, ())
        return {"answers": _answers(self.table_of(stream).rng, labels)}

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = self.path(request)
        given = request.header("X-API-Token")
        if given != f"Bearer {self.options.token}":
            raise RefusalError(401, "jwt malformed" if given else "Missing authentication")
        names = {f"/reports/exports/{each.name}": stream for stream, each in STREAMS.items()}
        if path not in names:
            raise RefusalError(404, "Page not found")
        if request.method != "POST":
            raise RefusalError(405, f"Method {request.method} is not supported by this endpoint")
        stream = names[path]
        return self._export(stream, STREAMS[stream], _checked(request.body, STREAMS[stream]))

    def _export(self, stream: str, endpoint: Endpoint, body: Record) -> Reply:
        options = self.options
        definition = str(body.get(endpoint.definition, ""))
        questions: tuple[str, ...] = ()
        if endpoint.definition:
            if definition not in self._definitions(stream):
                why = f"No record found for id '{definition}'"
                raise RefusalError(options.unknown_definition, why, endpoint.definition)
            questions = tuple(self._definitions(stream)[definition])
        rows = self._ordered(stream, body)
        if definition:
            rows = [row for row in rows if row.canonical[endpoint.keys[0]] == definition]
        labels = self._labels(endpoint, body.get("keys") or {})
        zone = body["timezone"] if options.zone == "honoured" else "UTC"
        day_first = endpoint.name.startswith("ai/") or options.dates == "day_first"
        form = (labels, questions, zone, day_first)
        encode = _encoder(endpoint, form)
        head: Record = {"columns": labels + questions}
        if options.cap_declared != "no":
            declared = {"yes": options.cap, "text": str(options.cap), "lying": 100_000}
            head = {"$limit": declared[options.cap_declared], **head}
        data = [row.encoded(form, encode) for row in rows[: options.cap]]
        return Reply.of_rows(options.status, head, "data", data)

    def _labels(self, endpoint: Endpoint, keys: Mapping[str, str]) -> tuple[str, ...]:
        """The labels of an answer, after the renaming that was asked for and is done."""
        options, labels = self.options, []
        for position, name in enumerate(endpoint.columns):
            column_id = re.sub(r"_(.)", lambda found: found[1].upper(), name)
            column_id = options.tag_column if name == "tag_id" else column_id
            english = re.sub(r"(?<!^)([A-Z])", r" \1", column_id).title()
            label = english if options.labels == "en" else _LABELS.get(name, "")
            if options.keys == "honoured" or (options.keys == "partial" and position % 2 == 0):
                label = keys.get(column_id, label)
            labels.append(_ALONE.get(name, label))
        return tuple(labels)

    def _ordered(self, stream: str, body: Record) -> list[Row]:
        """The rows in range, in the order this server is pleased to use."""
        options, table = self.options, self.table_of(stream)
        start, end = (floor(parse(body[name]), MILLISECOND) for name in ("start", "end"))
        moment: Callable[[Row], Any] = attrgetter("sort_at")
        if stream == "videsk_appointments" and options.appointments_filter == "created":
            moment = _booked
            rows = [row for row in table.rows if row.visible]
            rows = [row for row in rows if inside(_booked(row), start, end, options.range_ends)]
            rows.sort(key=lambda row: (_booked(row), row.key))
        else:
            clock: Clock = "sort_at" if options.filter_field == "start_time" else "at"
            rows = table.between(start, end, options.range_ends, clock)
        if options.order == "shuffled":
            return sorted(rows, key=lambda row: zlib.crc32(row.key.encode()))
        if options.order == "honest" and body["$sort"] == 1:
            return rows
        return sorted(rows, key=moment, reverse=True) if options.ties == "stable" else rows[::-1]

    # -- what tests and the demo need -------------------------------------------------------

    @override
    def vary_once(self, dice: random.Random) -> dict[str, Any]:
        """Other forms, and perhaps a range that acts on another time."""
        questions = ["Nombre completo ", "¿Qué le gustó?", "nps", "Productos"]
        self.options.surveys = {"65f0a1b2c3d4e5f6010203aa": questions}
        self.options.forms = {**self.options.surveys, "65f0a1b2c3d4e5f6010203ab": ["nps"]}
        if dice.random() < 0.2:
            self.options.appointments_filter = "created"
        if dice.random() < 0.2:
            self.separate_filter_field(timedelta(minutes=dice.choice([1, 30, 300])))
        return {
            "appointments_ahead_days": dice.choice([0, 10, 90]),
            "timezone": dice.choice(["UTC", "UTC", "Asia/Kolkata", "America/Santiago"]),
        }

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run must survive."""
        options = self.options
        _TABLES.vary(options, dice)
        # What the second is called in English is not known: there it is refused, by name.
        options.tag_column = dice.choice(["tag", "tagName"]) if options.labels == "es" else "tag"
        # The setting is for servers that do not name their cap; else it is of no use.
        return {"max_records": options.cap if options.cap_declared != "yes" else 5000}

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """Calls, and those who waited and whose call was never taken."""
        waits = {wait["id"]: wait for wait in rows["videsk_queues"]}
        felt = {
            row["id"]: row["sentiment_text"]
            for row in rows["videsk_ai_sentiments"]
            if row["entity_type"] == "calls"
        }
        recorded: dict[str, list[str]] = defaultdict(list)
        for row in sorted(rows["videsk_recordings"], key=itemgetter("created_at", "id")):
            recorded[row["call"]].append(row["id"])
        taken = {row["queue"] for row in rows["videsk_calls"]}
        given_up = [row for row in waits.values() if not row["assigned"] and row["id"] not in taken]
        words = {"canceled": "abandoned", "dismissed": "no_answer"}
        for stream, row in [
            *(("videsk_calls", row) for row in rows["videsk_calls"]),
            *(("videsk_queues", row) for row in given_up),
        ]:
            answered = stream == "videsk_calls"
            raw = next((word for word in words if row[word] and not answered), None)
            over = words.get(raw or "", "answered" if answered else "other")
            reason = "customer_leave" if row["customer_leave"] else row["canceled_reason"]
            wait = waits.get(row["queue"], Sparse()) if answered else row
            yield call(
                stream,
                row,
                "call_id=id started_at=start_time ended_at=end_time agent",
                direction="inbound" if row["queue"] or not answered else None,
                duration_seconds=times(row["duration"], 60) if answered else None,
                waited_seconds=times(wait["duration"], 60),
                status=over if row["end_time"] or raw else "ongoing",
                raw_status=raw,
                disconnection_reason=reason,
                raw_sentiment=felt.get(row["id"]),
                recording=", ".join(recorded[row["id"]]) or None,
            )


def _checked(body: Json, endpoint: Endpoint) -> Record:
    """A request body, or a RefusalError where the documented errors suggest one."""
    if not isinstance(body, dict):
        raise RefusalError(400, "Invalid body")
    if body.get("$sort") not in (1, -1):
        raise RefusalError(400, 'The "$sort" must be 1 or -1', "$sort")
    keys = body.get("keys") or {}
    if not isinstance(keys, dict) or not all(isinstance(label, str) for label in keys.values()):
        raise RefusalError(400, 'The "keys" must be an object of labels', "keys")
    try:
        parse(body["start"]), parse(body["end"])
    except (TypeError, ValueError, KeyError):
        raise RefusalError(400, "Invalid date", "date") from None
    try:
        ZoneInfo(body["timezone"])
    except (TypeError, ValueError, KeyError, OSError, AttributeError):
        raise RefusalError(400, 'A valid "timezone" is required', "timezone") from None
    definition = endpoint.definition
    if definition and not (isinstance(body.get(definition), str) and body[definition]):
        raise RefusalError(400, f'The "{definition}" is required', definition)
    return body


def _encoder(endpoint: Endpoint, form: tuple[Any, ...]) -> Callable[[Row], bytes]:
    """How a row is written: under these labels, its times in this zone, its answers last.

    Labels may repeat, among the questions or with a column's: the later value stays.
    """
    labels, questions, zone, day_first = form
    named = tuple(zip(endpoint.columns, labels, strict=True))
    place = UTC if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)

    def clock(value: str) -> str:
        at = value if place is UTC else parse(value).astimezone(place).isoformat()
        day = f"{at[8:10]}/{at[5:7]}/{at[:4]}," if day_first else at[:10]
        return f"{day} {at[11:19]}"

    def encode(row: Row) -> bytes:
        wire: Record = {}
        for name, label in named:
            value = row.canonical.get(name)
            if value is None:
                if endpoint.name == "appointments" and name in _TIMES:
                    wire[label] = None
            elif name in _TIMES:
                wire[label] = clock(value)
            else:
                shown = opened(value) if name == "integration_data" else value
                wire[label] = "" if shown == [] else shown
        for answer in _in_order(row.canonical, questions) if questions else ():
            wire[answer["label"]] = answer["value"]
        return json.dumps({**wire, **row.extra_wire}, ensure_ascii=False).encode()

    return encode


# -- what rows are made of --------------------------------------------------------------------


def _columns(table: str, rng: random.Random, at: datetime, **known: Any) -> Record:  # noqa: ANN401
    """The columns of a table at an instant."""
    return _TABLES.columns(table, rng, at=second(at), oid=lambda dice: object_id(dice, at), **known)


def _key(stream: str, record: Record) -> str:
    names = [name for name in STREAMS[stream].keys if name not in ("form_id", "survey_id")]
    return ":".join(str(record[name]) for name in names)


def _booked(row: Row) -> datetime:
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
        label: _TABLES.columns("answers", rng)[str(zlib.crc32(label.encode()) % 4)]
        for label in labels
        if rng.random() < 0.85
    }
    return [{"label": label, "value": value} for label, value in given.items()]


def _in_order(record: Record, labels: Sequence[str]) -> list[Record]:
    """The answers in the order of the questions; of two under one label the later one."""
    given = {answer["label"]: answer["value"] for answer in record["answers"] or ()}
    known = dict.fromkeys(labels)
    return [{"label": label, "value": given[label]} for label in known if label in given]
