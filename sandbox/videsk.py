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
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple
from zoneinfo import ZoneInfo

from .api import Api
from .calls import Sparse, call, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, SECOND, UTC, floor, parse, text
from .invent import Tables, below, opened, pick, words
from .table import Clock, Ends, Kind, Plan, Record, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .calls import Call, Rows

KeysOption = Literal["honoured", "ignored", "partial"]
TagColumn = Literal["tag", "tagName"]
CREDENTIAL = "videsk-canary-token-5f1c7e"
CLIENT_FORM, AGENT_FORM, SURVEY = (f"65f0a1b2c3d4e5f60102030{number}" for number in (4, 5, 6))
_FORMS = {
    CLIENT_FORM: ["Nombre completo", "Teléfono de contacto ", "¿En qué podemos ayudarle?", "Edad"],
    AGENT_FORM: ["Resultado de la atención", "Productos ofrecidos", " Monto cotizado"],
}
_SURVEYS = {SURVEY: ["¿Qué tan probable es que nos recomiende? (0 a 10)", "Satisfacción "]}
_QUARTER, _AHEAD = timedelta(minutes=15), timedelta(days=60)
_TABLES = Tables("videsk")
_LABELS, _ALONE = _TABLES.plain("labels"), _TABLES.plain("labels alone")
_TIMES = words("start_time end_time created_at requested_at customer_leave cancellation_date")
#: The columns of other tables that name the rows of a table.
_NAMED_BY = {
    "queues": "calls.queue",
    "extra_data": "queues.extra_data appointments.extra_data",
    "comments": "calls.comments appointments.comments",
    "tags": "calls.tags",
    "recordings": "calls.id appointments.id",
    "ai_topics": "calls.id",
    "ai_sentiments": "calls.id",
    "forms": "queues.base_form calls.agent_form appointments.base_form appointments.agent_form",
    "surveys": "calls.survey_id appointments.survey_id",
}


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
    forms: dict[str, list[str]] = field(default_factory=_FORMS.copy)
    surveys: dict[str, list[str]] = field(default_factory=_SURVEYS.copy)
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
        calls = {"time": "start_time", "is_open": lambda record: record["end_time"] is None}
        visits = {
            "grid": _QUARTER,
            "ahead": _AHEAD,
            "is_open": lambda one: one["status"] == "pending",
        }
        kinds: dict[str, dict[str, Any]] = {
            "calls": {"make": self._call, "mature": _mature_call, **calls},
            "queues": {"mature": _mature_queue, "share": 0.12, **calls},
            "appointments": {
                "make": self._appointment,
                "mature": _mature_appointment,
                "time": "start_time",
                "share": 0.25,
                **visits,
            },
            "tags": {"time": "start_time"},
        }
        made: dict[str, Table] = {}
        for stream in sorted(STREAMS, key=lambda stream: stream != "videsk_appointments"):
            name = stream.removeprefix("videsk_")
            sources = [
                (made[f"videsk_{source}"], partial(self._named, name, column))
                for source, column in (each.split(".") for each in words(_NAMED_BY.get(name, "")))
            ]
            further = {"make": partial(self._alone, name), "mature": partial(_later, name)}
            alone = {"time": "created_at", "share": 0 if sources else 1, "sources": sources}
            key = partial(_key, stream)
            kind = Kind(key=key, **{**further, **alone, **kinds.get(name, {})})
            made[stream] = self.table(kind, name)
        return {stream: made[stream] for stream in STREAMS}

    def _named(self, name: str, column: str, owner: Record) -> Iterator[Record]:
        """The rows of a table that a column of this record names."""
        if (name == "recordings" and (owner["duration"] or 0) < 0.08) or (
            name in ("recordings", "ai_topics", "ai_sentiments") and owner["end_time"] is None
        ):
            return
        value = owner[column]
        for each in value if isinstance(value, list) else [value] * bool(value):
            rng = random.Random(f"{name}:{each}")
            at = _made_at(str(each), owner["end_time"] or owner["start_time"])
            if name.startswith("ai_"):
                at = parse(owner["end_time"]) + timedelta(seconds=90 + below(rng, 60))
            if name == "tags":
                at = parse(owner["start_time"])
            for _ in range(below(rng, 4) if name == "ai_topics" else 1):
                yield self._row(name, rng, str(each), at, owner)

    def _alone(self, name: str, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        """A row that no other names."""
        record = self._row(name, rng, _oid(rng, at), at, {})
        return {**record, **_over("queues", rng, at, end, 60_000)} if name == "queues" else record

    def _row(self, name: str, rng: random.Random, key: str, at: datetime, owner: Record) -> Record:
        """A row of a table, named `key`, that belongs to a record of another ({}: not known)."""
        visit = "service" in owner
        known: dict[str, Any] = {
            "name": key,
            "at": _second(at),
            "oid": lambda dice: _oid(dice, at),
            "owner": owner,
            "call": None if visit else owner.get("id") or _oid(rng, at),
            "appointment": owner["id"] if visit else None,
            "agent": owner.get("agent", "ana@example.com"),
            "type": "agent"
            if owner.get("agent_form") == key
            else "pre-call"
            if owner
            else "contact",
        }
        definitions = self._definitions(f"videsk_{name}")
        if definitions is not None:
            choices = list(definitions) or [""]
            if name == "forms" and owner:
                choices = choices[owner.get("agent_form") == key :: 2] or choices
            known["definition"] = pick(rng, choices) if owner else choices[0]
        blank = dict.fromkeys(STREAMS[f"videsk_{name}"].columns)
        record = {**blank, **_TABLES.columns(name, rng, **known)}
        if name == "queues" and owner:
            record.update(_TABLES.columns("queues assigned", rng, **known))
        if name == "tags" and owner:
            record["end_time"] = owner["end_time"]
        if definitions is not None:
            record["answers"] = _answers(rng, definitions.get(known["definition"], ()))
        return record

    def _definitions(self, stream: str) -> Mapping[str, Sequence[str]] | None:
        """The labels of the questions of each form or survey, for the stream that has them."""
        return {"videsk_forms": self.options.forms, "videsk_surveys": self.options.surveys}.get(
            stream
        )

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        definitions = self._definitions(stream)
        if definitions is None:
            return dict(row.canonical)
        questions = definitions.get(row.canonical[self.keys[stream][0]])
        if questions is None:
            return None
        return {**row.canonical, "answers": _in_order(row.canonical, questions)}

    @override
    def _defaults(self, stream: str, columns: Record) -> Record:
        definitions, asked = self._definitions(stream), columns.get(self.keys[stream][0])
        if definitions is None or asked is None:
            return {}
        return {"answers": _answers(self.table_of(stream).rng, definitions.get(asked, ()))}

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
        definitions = self._definitions(stream)
        if definitions is not None:
            if definition not in definitions:
                why = f"No record found for id '{definition}'"
                raise RefusalError(options.unknown_definition, why, endpoint.definition)
            questions = tuple(definitions[definition])
        rows = self._ordered(stream, body)
        if definition:
            rows = [row for row in rows if row.canonical[endpoint.keys[0]] == definition]
        labels = self._labels(endpoint, body.get("keys") or {})
        zone = body["timezone"] if options.zone == "honoured" else "UTC"
        day_first = endpoint.name.startswith("ai/") or options.dates == "day_first"
        form = (labels, questions, zone, day_first)
        encode = _encoder(endpoint, *form)
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
        moment: Callable[[Row], datetime] = lambda row: row.sort_at  # noqa: E731
        if stream == "videsk_appointments" and options.appointments_filter == "created":
            moment = _booked
            low, high = options.range_ends
            start += MILLISECOND * (low == "(")
            rows = [row for row in table.rows if row.visible and start <= _booked(row) <= end]
            rows = [row for row in rows if high == "]" or _booked(row) < end]
            rows.sort(key=lambda row: (_booked(row), row.key))
        else:
            clock: Clock = "sort_at" if options.filter_field == "start_time" else "at"
            rows = table.between(start, end, options.range_ends, clock)
        if options.order == "shuffled":
            return sorted(rows, key=lambda row: zlib.crc32(row.key.encode()))
        if options.order == "honest" and body["$sort"] == 1:
            return rows
        return sorted(rows, key=moment, reverse=True) if options.ties == "stable" else rows[::-1]

    # -- records that depend on the account -------------------------------------------------

    def _call(self, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        """A call, for which nobody waits since before the records begin."""
        waited = int(rng.expovariate(1 / 20_000)) * MILLISECOND
        queued = max(at - waited, min(self._plan.start, at))
        ids = {"oid": lambda dice: _oid(dice, at), "queued": lambda dice: _oid(dice, queued)}
        record = {**_BLANK["calls"], **_TABLES.columns("calls", rng, at=_second(at), **ids)}
        return {**record, **_over("calls", rng, at, end, 40_000 if rng.random() < 0.1 else 420_000)}

    def _appointment(self, rng: random.Random, slot: datetime, end: datetime | None) -> Record:
        """An appointment that was booked days before, but while there was anybody to book it."""
        made = slot - timedelta(hours=1) - min(_AHEAD, timedelta(days=rng.expovariate(1 / 6)))
        low, high = self._plan.start, slot
        if end is not None:
            low, high = self.now if end > self.now else low, min(end, slot)
        if high > low and not low <= made < high:
            made = low + rng.random() * (high - low)
        over = slot + (1 + below(rng, 3)) * _QUARTER
        record = {**_BLANK["appointments"], **_columns("appointments", rng, made), "tags": []}
        record |= {"start_time": _second(slot), "end_time": _second(over)}
        if end is None or over <= end:
            return {**record, **_decided(rng, record)}
        off = min(end, made + timedelta(minutes=5))
        canceled = _columns("appointments canceled", rng, off) if rng.random() < 0.1 else {}
        return {**record, **canceled}

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
        for row in sorted(
            rows["videsk_recordings"], key=lambda row: (row["created_at"], row["id"])
        ):
            recorded[row["call"]].append(row["id"])
        same = "call_id=id started_at=start_time ended_at=end_time"
        for row in rows["videsk_calls"]:
            yield call(
                "videsk_calls",
                row,
                f"{same} agent",
                direction="inbound" if row["queue"] else None,
                duration_seconds=times(row["duration"], 60),
                waited_seconds=times(waits.get(row["queue"], Sparse())["duration"], 60),
                status="answered" if row["end_time"] else "ongoing",
                disconnection_reason="customer_leave" if row["customer_leave"] else None,
                raw_sentiment=felt.get(row["id"]),
                recording=", ".join(recorded[row["id"]]) or None,
            )
        taken = {row["queue"] for row in rows["videsk_calls"]}
        for row in waits.values():
            if not row["assigned"] and row["id"] not in taken:
                raw = "canceled" if row["canceled"] else "dismissed" if row["dismissed"] else None
                words = {"canceled": "abandoned", "dismissed": "no_answer"}
                status = words.get(raw or "", "other" if row["end_time"] else "ongoing")
                yield call(
                    "videsk_queues",
                    row,
                    f"{same} disconnection_reason=canceled_reason",
                    direction="inbound",
                    waited_seconds=times(row["duration"], 60),
                    status=status,
                    raw_status=raw,
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


def _encoder(
    endpoint: Endpoint,
    labels: tuple[str, ...],
    questions: tuple[str, ...],
    zone: str,
    day_first: bool,  # noqa: FBT001 - one part of a row's form
) -> Callable[[Row], bytes]:
    """How a row is written: under these labels, its times in this zone, its answers last.

    Labels may repeat, among the questions or with a column's: the later value stays.
    """
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

_BLANK: dict[str, Record] = {
    stream.removeprefix("videsk_"): dict.fromkeys(each.columns) for stream, each in STREAMS.items()
}


def _columns(table: str, rng: random.Random, at: datetime) -> Record:
    """The columns of a table at an instant."""
    return _TABLES.columns(table, rng, at=_second(at), oid=lambda dice: _oid(dice, at))


def _oid(rng: random.Random, at: datetime) -> str:
    """An id whose first four bytes are the second it was made in."""
    return f"{int(at.timestamp()):08x}{rng.getrandbits(64):016x}"


def _made_at(name: str, otherwise: str) -> datetime:
    """The second an id was made in; for what is no such id, the instant given as text."""
    if re.fullmatch(r"[0-9a-f]{24}", name):
        return datetime.fromtimestamp(int(name[:8], 16), UTC)
    return parse(otherwise)


def _booked(row: Row) -> datetime:
    return _made_at(row.canonical["id"], row.canonical["start_time"])


def _second(at: datetime) -> str:
    """An instant as a record shows it: Videsk knows whole seconds."""
    return text(floor(at, SECOND))


def _key(stream: str, record: Record) -> str:
    names = [name for name in STREAMS[stream].keys if name not in ("form_id", "survey_id")]
    return ":".join(str(record[name]) for name in names)


def _over(
    table: str, rng: random.Random, at: datetime, end: datetime | None, mean: int, least: int = 500
) -> Record:
    """How a call or a wait ends that lasts so many milliseconds; nothing if it ends later."""
    millis = least + int(rng.expovariate(1 / mean))
    over = at + millis * MILLISECOND
    if end is not None and over > end:
        return {}
    ended = {**_columns(f"{table} over", rng, over), "duration": round(millis / 60_000, 3)}
    exact = {"effective_duration": millis / 60_000 + 0.0001} if table == "calls" else {}
    return {**ended, **exact}


def _later(name: str, rng: random.Random, record: Record, until: datetime) -> Record:
    """What changes in a row that is over."""
    if "answers" not in record:
        return _columns(f"{name} later", rng, parse(record.get("end_time") or text(until)))
    place = below(rng, len(record["answers"])) if record["answers"] else 0
    given = [dict(answer) for answer in record["answers"]]
    given[place : place + 1] = [
        {**answer, "value": "corregido"} for answer in given[place : place + 1]
    ]
    return {"answers": given}


def _mature_call(rng: random.Random, record: Record, until: datetime) -> Record:
    """A call that goes on ends; later come after-call work, a comment, a tag, survey and form."""
    if record["end_time"] is None:
        return _over("calls", rng, parse(record["start_time"]), None, 420_000, 60_000)
    later = _later("calls", rng, record, until)
    later |= {name: record[name] for name in ("survey_id", "agent_form") if record[name]}
    tags = [*(record["tags"] or []), f"6266b4a541ba0181{below(rng, 12):08x}"]
    return {**later, "tags": list(dict.fromkeys(tags))}


def _mature_queue(rng: random.Random, record: Record, until: datetime) -> Record:
    """Who waits gives up; later the other system's data arrive."""
    if record["end_time"] is None:
        return _over("queues", rng, parse(record["start_time"]), None, 60_000)
    return _later("queues", rng, record, until)


def _decided(rng: random.Random, record: Record) -> Record:
    slot, over = parse(record["start_time"]), parse(record["end_time"])
    if rng.random() < 0.25:
        return _columns("appointments canceled", rng, slot)
    left = slot + rng.random() * (over - slot)
    duration = round((left - slot) / timedelta(minutes=1), 4)
    return {**_columns("appointments over", rng, left), "duration": duration}


def _mature_appointment(rng: random.Random, record: Record, until: datetime) -> Record:
    """A pending one is decided, or called off before its time; then somebody comments on it."""
    if record["status"] != "pending":
        return _later("appointments", rng, record, until)
    if parse(record["start_time"]) < until:
        return _decided(rng, record)
    return _columns("appointments canceled", rng, until)


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
