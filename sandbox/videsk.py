"""Videsk: capped exports by POST, columns under labels, times in the zone that was asked for."""

from __future__ import annotations

import json
import random
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from .calls import Sparse, call, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, UTC, floor, parse
from .invent import opened, words
from .table import Clock, Ends, Plan, Record, Row, inside
from .videsk_rows import STREAMS, TABLES, Endpoint, VideskRows, booked, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .calls import Call, Rows

KeysOption = Literal["honoured", "ignored", "partial"]
TagColumn = Literal["tag", "tagName"]
CREDENTIAL = "videsk-canary-token-5f1c7e"
_LABELS, _ALONE = TABLES.plain("labels"), TABLES.plain("labels alone")
_TIMES = words("start_time end_time created_at requested_at customer_leave cancellation_date")


def _definitions(table: str) -> dict[str, list[str]]:
    return {name: json.loads(labels) for name, labels in TABLES.plain(table).items()}


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


class VideskApi(VideskRows):
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
        name = TABLES.plain("errors").get(str(status), "GeneralError")
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
    def _definitions(self, stream: str) -> Mapping[str, Sequence[str]]:
        of = {"videsk_forms": self.options.forms, "videsk_surveys": self.options.surveys}
        return of.get(stream, {})

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
            moment = booked
            rows = [row for row in table.rows if row.visible]
            rows = [row for row in rows if inside(booked(row), start, end, options.range_ends)]
            rows.sort(key=lambda row: (booked(row), row.key))
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
        TABLES.vary(options, dice)
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
        for answer in in_order(row.canonical, questions) if questions else ():
            wire[answer["label"]] = answer["value"]
        return json.dumps({**wire, **row.extra_wire}, ensure_ascii=False).encode()

    return encode
