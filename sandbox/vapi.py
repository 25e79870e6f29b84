"""Vapi: calls by GET, in ranges of when they were made or changed, without a cursor."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .api import Api
from .calls import call, statuses, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, SECOND, floor, parse, text
from .invent import Tables, below, hex_text, pick
from .query import Query
from .table import Kind, Plan, Record, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from .calls import Call, Rows

_TABLES = Tables("vapi")
API_KEY = "vapi_canary_key_5c1d88"
#: The filters of time: a column of the rows, and on which side of it the ends are.
_RANGES = {
    f"{name}At{end}": (f"{name}_at", end)
    for name in ("created", "updated")
    for end in ("Ge", "Gt", "Le", "Lt")
}
_EXACT = {"id": "id", "assistantId": "assistant_id", "phoneNumberId": "phone_number_id"}
_INSTANTS = ("created_at", "updated_at", "started_at", "ended_at")
_NOT_ANSWERED = ("customer-did-not-answer", "customer-busy")
_DIRECTIONS = {"inboundPhoneCall": "inbound", "outboundPhoneCall": "outbound"}
_STATUSES = statuses(
    answered="ended deletion-failed",
    ongoing="scheduled queued ringing in-progress forwarding",
    failed="not-found",
)
_REASONS = statuses(
    no_answer=" ".join(_NOT_ANSWERED),
    abandoned="call.ringing.sip-inbound-caller-hungup-before-call-connect",
    failed="assistant-not-found assistant-not-valid assistant-request-returned-no-assistant "
    "twilio-reported-customer-misdialed vonage-rejected scheduled-call-deleted "
    "phone-call-provider-bypass-enabled-but-no-call-received",
)
#: Stands in encoded rows for what differs in each response.
_FRESH = b"@fresh@"


@dataclass
class VapiOptions:
    """The ways in which the real server may behave; the defaults are the documented ones."""

    order: Literal["newest", "ascending", "shuffled"] = "newest"
    #: Whether `updatedAt` moves when a call that has ended is analysed, billed or changed.
    late_changes_move: bool = True
    #: The most rows of a response, whatever limit is asked for.
    clamp: int | None = None
    unknown_names: Literal["ignore", "refuse"] = "ignore"
    message_as_list: bool = False
    transcript_as_list: bool = False
    #: How old a call gets before it is gone.
    retention_days: int | None = None
    api_key: str = API_KEY


class VapiApi(Api):
    """Vapi on localhost."""

    name = "vapi"
    keys: ClassVar = {"vapi_calls": ("id",)}
    call_streams = ("vapi_calls",)
    largest_bursts = (60, 180)

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = VapiOptions()
        self._answers = count()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `vapi` object."""
        return {"api_url": f"{self.base_url}/vapi", "api_key": self.options.api_key}

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object, whose message may be a list."""
        said = message or f"error {status}"
        shown = [said] if self.options.message_as_list else said
        return Reply.of_json(status, {"statusCode": status, "message": shown, "error": "Refused"})

    @override
    def _tables(self) -> dict[str, Table]:
        kind = Kind(
            make=_make,
            mature=self._mature,
            key="id",
            time="updated_at",
            by_time=True,
            is_open=lambda record: bool(record["status"] == "in-progress"),
        )
        return {"vapi_calls": self.table(kind)}

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        return None if self._is_gone(row) else self._shown(row.canonical)

    def _is_gone(self, row: Row) -> bool:
        days = self.options.retention_days
        return days is not None and parse(row.canonical["created_at"]) < self.now - timedelta(days)

    def _shown(self, record: Record) -> Record:
        """A record with its transcript as this server has it."""
        artifact = record.get("artifact")
        if not artifact or not self.options.transcript_as_list:
            return dict(record)
        return {**record, "artifact": {**artifact, "transcript": _spoken(artifact["messages"])}}

    # -- the endpoint -----------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, "Invalid Key. Hot tip, you may be using the public key.")
        path = self.path(request)
        if request.method == "GET" and path == "/call":
            return self._list(request.query)
        one = re.fullmatch(r"/call/([^/]+)", path)
        row = self.table_of("vapi_calls").find(one[1]) if one else None
        if request.method != "GET" or row is None or self._is_gone(row):
            raise RefusalError(404, f"Cannot {request.method} {path}")
        return Reply(200, self._encoded(row))

    def _list(self, given: Mapping[str, str]) -> Reply:
        options = self.options
        known = {*_RANGES, *_EXACT, "limit"}
        if options.unknown_names == "refuse" and not known.issuperset(given):
            raise RefusalError(400, f"property {min(given.keys() - known)} should not exist")
        query = Query(given)
        rows = self._in_range(query)
        for name, column in _EXACT.items():
            if name in given:
                rows = [row for row in rows if row.canonical[column] == given[name]]
        rows = [row for row in rows if not self._is_gone(row)]
        rows.sort(key=lambda row: row.canonical["created_at"], reverse=options.order == "newest")
        if options.order == "shuffled":
            random.Random(next(self._answers)).shuffle(rows)
        limit = min(query.integer("limit", 100, most=1000), options.clamp or 1000)
        return Reply(200, b"[" + b",".join(map(self._encoded, rows[:limit])) + b"]")

    def _in_range(self, query: Query) -> list[Row]:
        """The rows between all the given ends."""
        ends: dict[str, datetime] = {}
        for name in _RANGES:
            if (at := query.instant(name)) is not None:
                ends[name] = floor(at, MILLISECOND)
        low, high = ends.get("updatedAtGe"), ends.get("updatedAtLt")
        rows = self.table_of("vapi_calls").between(low, high, "[)")
        for name in ends.keys() - {"updatedAtGe", "updatedAtLt"}:
            column, end = _RANGES[name]
            rows = [row for row in rows if _meets(row.canonical[column], end, text(ends[name]))]
        return rows

    def _encoded(self, row: Row) -> bytes:
        form = "call", self.options.transcript_as_list
        body = row.encoded(form, lambda row: _encode(self._shown(row.canonical), row.extra_wire))
        return body.replace(_FRESH, str(next(self._answers)).encode())

    # -- what tests and the demo need -------------------------------------------------------

    def _mature(self, rng: random.Random, record: Record, until: datetime) -> Record:
        """What comes later: the end, then costs and analysis, then structured outputs."""
        moved = max(parse(record["updated_at"]), until - below(rng, 60_000) * MILLISECOND)
        moved = floor(moved, MILLISECOND)
        if record["status"] == "in-progress":
            ended = _columns("call ended", rng, at=text(moved), **_said(rng, moved - 30 * SECOND))
            return {**ended, "updated_at": text(moved)}
        moves = {"updated_at": text(moved)} if self.options.late_changes_move else {}
        if record.get("analysis") is None and record["ended_reason"] not in _NOT_ANSWERED:
            return {**_analysed(rng), **moves}
        artifact = {**(record.get("artifact") or {"messages": []})}
        artifact["structuredOutputs"] = {"run": {"result": below(rng, 10**6)}}
        return {"artifact": artifact, **moves}

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run of these streams must survive."""
        options = self.options = VapiOptions()
        _TABLES.vary(options, dice)
        options.retention_days = dice.choice([None, None, 14])
        return {"page_size": 1000 if options.clamp else dice.choice([10, 50, 200, 1000])}

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """One of each call."""
        for row in rows["vapi_calls"]:
            started, ended = (row[name] and parse(row[name]) for name in ("started_at", "ended_at"))
            length = (ended - started) / MILLISECOND if started and ended else None
            number = (row["customer"] or {}).get("number")
            own = (row["phone_number"] or {}).get("twilioPhoneNumber")
            direction = _DIRECTIONS.get(row["type"] or "", "")
            artifact = row["artifact"] or {}
            yield call(
                "vapi_calls",
                row,
                "call_id=id started_at ended_at raw_status=status "
                "disconnection_reason=ended_reason",
                direction=direction or None,
                duration_seconds=times(length, "0.001"),
                status=_status(row["status"], row["ended_reason"] or ""),
                agent=(row["assistant"] or {}).get("name") or row["assistant_id"],
                customer_number=number,
                from_number={"inbound": number, "outbound": own}.get(direction),
                to_number={"inbound": own, "outbound": number}.get(direction),
                cost=times(row["cost"]),
                currency="USD",
                recording=artifact.get("recordingUrl"),
                transcript_table="vapi_calls" if artifact.get("transcript") else None,
            )


def _status(status: str | None, reason: str) -> str:
    """The status in the table of all calls."""
    found = _STATUSES.get(status or "", "other")
    if found != "answered":
        return found
    broken = "error" in reason or "failed" in reason
    return _REASONS.get(reason, "failed" if broken else "answered")


def _meets(value: str, end: str, bound: str) -> bool:
    """Whether an instant is on the right side of a bound, all as record text."""
    if value == bound:
        return end in ("Ge", "Le")
    return (value > bound) == end.startswith("G")


# -- records ----------------------------------------------------------------------------------

ASSISTANTS = tuple(f"{digit * 8}-0a1b-4c2d-8e3f-405060708090" for digit in "1234")
_SAID = ("Hola, ¿en qué puedo ayudar?", "Quiero cambiar mi cita.", "Claro, ¿para cuándo?")


def _columns(table: str, rng: random.Random, **known: Any) -> Record:  # noqa: ANN401 - any value
    return _TABLES.columns(table, rng, **known)


def _make(rng: random.Random, at: datetime, end: datetime | None) -> Record:
    """A call that last changed at `at`: when it ended, or, if it goes on at `end`, was answered."""
    length = (2_000 + int(rng.expovariate(1 / 150_000))) * MILLISECOND
    ongoing = end is not None and at + length > end
    started = at if ongoing else at - length
    made = _columns(
        "call",
        rng,
        at=text(at),
        started=text(started),
        created=text(started - below(rng, 5_000) * MILLISECOND),
        provider_id=f"CA{hex_text(rng, 32)}",
        phone_number={"twilioPhoneNumber": "+12025550100", "twilioAccountSid": "AC0123"},
        customer=partial(_columns, "customer"),
        assistant_id=pick(rng, ASSISTANTS),
    )
    if rng.random() < 0.2:
        made |= _columns("web call", rng)
    if ongoing:
        return made
    if rng.random() < 0.1:
        return {**made, **_columns("call not answered", rng, at=text(at))}
    made |= _columns("call ended", rng, at=text(at), **_said(rng, started))
    return made | (_analysed(rng) if rng.random() < 0.8 else {})


def _said(rng: random.Random, started: datetime) -> dict[str, Any]:
    """The artifact of a call, and its messages at their older place."""
    messages: list[Record] = [{"role": "system", "message": "Eres Ana."}]
    messages += [
        {"role": "user" if turn % 2 else "bot", "message": _SAID[turn % 3], "endTime": 0}
        for turn in range(2 + below(rng, 6))
    ]
    if rng.random() < 0.3:
        arguments = json.dumps({"día": "jueves"})
        called = {"id": "t1", "type": "function", "function": {"name": "h", "arguments": arguments}}
        messages.append({"role": "tool_calls", "toolCalls": [called], "message": ""})
        result = {"toolCallId": "t1", "name": "h", "result": '{"libre": true}'}
        messages.append({"role": "tool_call_result", **result})
    for turn, message in enumerate(messages):
        milliseconds = (started - parse("1970-01-01")) // MILLISECOND + 2500 * turn
        message |= {"time": milliseconds, "secondsFromStart": 2.5 * turn}
        if "endTime" in message:
            message |= {"endTime": milliseconds + 2000.5, "duration": 2000.5}
    spoken = [f"{each['role']}: {each['message']}\n" for each in _spoken(messages)]
    recording = f"https://storage.vapi.example/{hex_text(rng, 16)}.wav"
    artifact = {
        "messages": messages,
        "transcript": "".join(spoken),
        "recordingUrl": recording,
        "recording": {"stereoUrl": recording, "mono": {"combinedUrl": recording}},
        "variableValues": {"password": "what the customer said"},
        "performanceMetrics": {"turnLatencyAverage": 812.25, "numUserInterrupted": 1},
    }
    return {"artifact": artifact, "messages": messages}


def _spoken(messages: Sequence[Record]) -> list[Record]:
    """What was said, without times."""
    said = (each for each in messages if each["role"] in ("user", "bot"))
    return [{"role": each["role"], "message": each["message"]} for each in said]


def _analysed(rng: random.Random) -> Record:
    return _columns("call analysed", rng, analysis=partial(_columns, "analysis"))


def _encode(record: Record, more: Record) -> bytes:
    """A record as the server sends it: absent instead of null, and with what is a secret."""
    wire: Record = {}
    for name, value in record.items():
        if value is not None:
            field = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
            wire[field] = f"{value[:23]}Z" if name in _INSTANTS else value
    fresh = "https://storage.vapi.example/canary-@fresh@"
    if "artifact" in wire:
        signed = {"presignedMonoUrl": fresh, "presignedUrlsExpiresAt": "@fresh@"}
        wire["artifact"] = {**wire["artifact"], **signed}
        if recording := wire["artifact"].get("recording"):
            wire["artifact"]["recording"] = {**recording, "presignedStereoUrl": fresh}
    if "monitor" in wire:
        wire["monitor"] = {**wire["monitor"], "listenUrl": fresh, "controlUrl": fresh}
    for place in ("assistant", "phoneNumber", "transport", "assistantOverrides"):
        if place in wire:
            secrets = {"twilioAuthToken": "canary", "headers": {"x": "canary"}}
            wire[place] = {**wire[place], **secrets}
    return json.dumps({**wire, **more}, ensure_ascii=False).encode()
