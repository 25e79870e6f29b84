"""Retell: calls by POST with typed filters and an opaque cursor. Anunzi has the same API."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from .api import Api
from .calls import best, call, statuses, times
from .compat import override
from .filters import INSTANTS, Dialect, Language, WrongDialectError
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, parse, text, to_ms
from .invent import Tables, hex_text, pick, words
from .query import Place, behind, cursor, cursor_value
from .table import Kind, Plan, Record, Row, Table
from .voice import ANALYSES, COSTS, LATENCIES, METADATA, TOKENS, VARIABLES, transcripts

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from .calls import Call, Rows

_TABLES = Tables("retell")
_ONE = "/v2/get-call/{call_id}"
_KNOWN = {"filter_criteria", "sort_order", "limit", "skip", "pagination_key", "include_total"}
#: The columns the list does not have.
_DETAILS = ("transcript", "transcript_object", "transcript_with_tool_calls")
#: Calls without a start are found by these statuses, or by a reason that only such calls have.
_FAILED = ("not_connected", "error")
_BROKEN = words(
    "dial_failed invalid_destination telephony_provider_permission_denied sip_routing_error "
    "telephony_provider_unavailable marked_as_spam network_blocked scam_detected budget_reached "
    "concurrency_limit_reached no_concurrency_fallback no_valid_payment credit_exhausted"
)
_NEVER_STARTED = _BROKEN + words(
    "dial_busy dial_no_answer user_declined error_user_not_joined registered_call_timeout"
)


@dataclass
class RetellOptions:
    """The ways in which the real server may behave; the defaults are the documented ones."""

    dialect: Dialect = "retell"
    wrong_dialect: Literal["refuse", "ignore"] = "refuse"
    page_max: int = 1000
    cursor: Literal["good", "repeat", "missing"] = "good"
    #: How the envelope says that there is more, or that there is not.
    has_more: Literal["boolean", "text", "number", "null", "absent", "hasMore"] = "boolean"
    cursor_ttl_pages: int | None = None
    cursor_refusal_status: int = 400
    empty_pages: int = 0
    bt_inclusive: bool = True
    #: Values of `disconnection_reason` that this server does not know, and refuses.
    unknown_reasons: set[str] = field(default_factory=set)
    #: Fields that may be in a filter, and are not looked at.
    unfiltered: set[str] = field(default_factory=set)
    sort: Literal["honoured", "ignored"] = "honoured"
    #: Where one call is found.
    details_path: str = _ONE
    #: Calls that are listed and yet not found there.
    vanished: set[str] = field(default_factory=set)
    api_key: str = "retell_canary_key_3c90d5"


class RetellApi(Api):
    """Retell on localhost."""

    name = "retell"
    keys: ClassVar = {
        "retell_calls": ("call_id",),
        "retell_unstarted_calls": ("call_id",),
        "retell_call_details": ("call_id",),
    }
    call_streams = ("retell_calls", "retell_call_details", "retell_unstarted_calls")
    #: Makes the options of an honest server.
    new_options: ClassVar[type[RetellOptions]] = RetellOptions

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = self.new_options()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's settings object."""
        config = {"api_url": f"{self.base_url}/{self.name}", "api_key": self.options.api_key}
        if self.options.details_path != _ONE:
            config["call_details_path"] = self.options.details_path
        return config

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object both documents show."""
        shown = message or {429: "account rate limited, please throttle your requests"}.get(status)
        return Reply.of_json(status, {"status": "error", "message": shown or f"error {status}"})

    @override
    def _tables(self) -> dict[str, Table]:
        kind = Kind(
            make=_make,
            mature=_mature,
            key="call_id",
            time="start_timestamp",
            by_time=True,
            is_open=lambda record: bool(record["call_status"] == "ongoing"),
        )
        return dict.fromkeys(self.keys, self.table(kind))

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        record, status = row.canonical, row.canonical["call_status"]
        started = record["start_timestamp"] is not None
        if stream == self.streams[2]:
            over = status not in ("registered", "ongoing") and row.key not in self.options.vanished
            return _detailed(record) if started and over else None
        never = status in _FAILED or record.get("disconnection_reason") in _NEVER_STARTED
        there = started if stream == self.streams[0] else never and not started
        return _listed(record) if there else None

    @override
    def _defaults(self, stream: str, columns: Record) -> Record:
        unstarted = _columns("call unstarted", self.table_of(stream).rng)
        return {"end_timestamp": None, **unstarted} if stream == self.streams[1] else {}

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = self.path(request)
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, "API Key is missing or invalid.")
        if (request.method, path) == ("POST", "/v3/list-calls"):
            return self._list(_checked(request))
        before, _, after = self.options.details_path.partition("{call_id}")
        one = re.fullmatch(f"{re.escape(before)}([^/]+){re.escape(after)}", path)
        if not one or request.method != "GET":
            raise RefusalError(404, f"Cannot {request.method} {path}")
        row = self.table_of(self.streams[0]).find(unquote(one[1]))
        if row is None or row.key in self.options.vanished:
            raise RefusalError(422, "cannot find requested asset under given api key")
        return Reply(200, row.encoded("detail", _encode_details))

    def _list(self, body: Record) -> Reply:
        """One page and what it says about the next, honestly or not."""
        options = self.options
        criteria = body.get("filter_criteria") or {}
        descending = body.get("sort_order") != "ascending" or options.sort == "ignored"
        question = json.dumps([criteria, descending], sort_keys=True)
        scan = hashlib.sha256(question.encode()).hexdigest()[:16]
        after, number, empties = self._position(body, scan)
        rows = self._matching(criteria)
        head: Record = {"total": len(rows)} if body.get("include_total") else {}
        rows = rows[::-1] if descending else rows
        first = behind(rows, after, _place, descending=descending) + body.get("skip", 0)
        last = first + min(body.get("limit", 50), options.page_max)
        items, more = rows[first:last], len(rows) > last
        if not more and empties < options.empty_pages:
            items, more, empties = [], True, empties + 1
        after = _place(items[-1]) if items else after
        key = cursor([scan, after, number + 1, empties]) if more else None
        if options.cursor == "missing":
            key = None
        elif options.cursor == "repeat":
            key = body.get("pagination_key") or key
            more = key is not None
        if options.has_more != "absent":
            forms = {"text": str(more).lower(), "number": int(more), "null": None}
            name = "hasMore" if options.has_more == "hasMore" else "has_more"
            head[name] = forms.get(options.has_more, more)
        shown = [row.encoded("item", _encode) for row in items]
        return Reply.of_rows(200, {"pagination_key": key, **head}, "items", shown)

    def _position(self, body: Record, scan: str) -> tuple[Place | None, int, int]:
        """Where a page begins: behind this place, after so many pages and so many empty ones."""
        if body.get("pagination_key") is None:
            return None, 0, 0
        limit = self.options.cursor_ttl_pages
        try:
            of_scan, after, number, empties = cursor_value(body["pagination_key"])
            if of_scan == scan and (limit is None or number < limit):
                return tuple(after) if after else None, number, empties
        except (TypeError, ValueError):
            pass
        raise RefusalError(self.options.cursor_refusal_status, "pagination_key is not valid")

    def _matching(self, criteria: Record) -> list[Row]:
        """The rows the filter lets through, by (start, call_id), unstarted ones first."""
        options = self.options
        criteria = {name: each for name, each in criteria.items() if name not in options.unfiltered}
        question = json.dumps(criteria, sort_keys=True)
        if any(f'"{reason}"' in question for reason in options.unknown_reasons):
            raise RefusalError(400, "filter_criteria.disconnection_reason has an unknown value")
        spoken = options.dialect, options.wrong_dialect, options.bt_inclusive
        return self.table_of(self.streams[0]).remembered(
            (question, *spoken), lambda: sorted(self._search(criteria), key=_place)
        )

    def _search(self, criteria: Record) -> list[Row]:
        options = self.options
        language = Language(options.dialect, options.bt_inclusive)
        try:
            tests, bounds = language.compile(criteria), language.bounds(criteria, "start_timestamp")
        except WrongDialectError as wrong:
            if options.wrong_dialect == "refuse":
                why = f"filter_criteria.{wrong} has an invalid format"
                raise RefusalError(400, why) from None
            tests, bounds = [], (None, None)
        table = self.table_of(self.streams[0])
        rows = table.between(*bounds, hidden=True)
        return [row for row in rows if all(test(row.canonical) for test in tests)]

    # -- what tests and the demo need -------------------------------------------------------

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run of these streams must survive."""
        options = self.options = self.new_options()
        _TABLES.vary(options, dice)
        settings: dict[str, Any] = {"page_size": dice.choice([3, 50, 1000])}
        kind = dice.random()
        if kind < 0.2 and self.streams[1] not in streams:
            # A list without a time cannot be opened again in its middle; and in the others one
            # cursor has to last for the calls of one instant.
            options.cursor_ttl_pages = 3
            options.page_max, settings["page_size"] = 1000, 5
        elif kind < 0.4:
            options.sort = "ignored"
        elif kind < 0.6:
            options.empty_pages = 2
        if dice.random() < 0.2:
            options.details_path = settings["call_details_path"] = "/v2/calls/{call_id}/all"
        return settings

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """One of each call, also of those that never started."""
        listed, unstarted, details = cls.keys
        said = {row["call_id"] for row in rows[details] if row["transcript"]}
        status_of = statuses(answered="ended", failed="error", ongoing="registered ongoing")
        streams, open_words = (listed, details, unstarted), ("registered", "ongoing")
        for stream, row in best(rows, streams, "call_id", "call_status", open_words):
            word, reason = row["call_status"], row["disconnection_reason"] or ""
            status = status_of.get(word, "other")
            if word == "not_connected" or (stream == unstarted and word != "error"):
                broken = reason.startswith("error") or reason in _BROKEN
                status = "failed" if broken else "no_answer"
            ours = {"inbound": "from_number", "outbound": "to_number"}.get(row["direction"], "")
            yield call(
                stream,
                row,
                "call_id direction started_at=start_timestamp ended_at=end_timestamp from_number "
                "to_number raw_status=call_status disconnection_reason recording=recording_url",
                duration_seconds=times(row["duration_ms"], "0.001"),
                status=status,
                agent=row["agent_name"] or row["agent_id"],
                customer_number=row[ours],
                raw_sentiment=(row["call_analysis"] or {}).get("user_sentiment"),
                cost=times((row["call_cost"] or {}).get("combined_cost"), "0.01"),
                transcript_table=details if row["call_id"] in said else None,
            )


def _checked(request: Request) -> Record:
    """The body, or a RefusalError where its form is wrong."""
    body = request.body if request.raw else {}
    if not isinstance(body, dict) or not set(body) <= _KNOWN:
        raise RefusalError(400, "request body is malformed")
    if "skip" in body and "pagination_key" in body:
        raise RefusalError(400, "skip and pagination_key cannot be used together")
    limit, skip = body.get("limit", 50), body.get("skip", 0)
    if type(limit) is not int or type(skip) is not int or not (0 < limit <= 1000 and skip >= 0):
        raise RefusalError(400, "limit must be from 1 to 1000, and skip at least 0")
    if body.get("sort_order", "descending") not in ("ascending", "descending"):
        raise RefusalError(400, "sort_order must be ascending or descending")
    if not isinstance(body.get("filter_criteria", {}), dict):
        raise RefusalError(400, "filter_criteria must be an object")
    return body


# -- records ----------------------------------------------------------------------------------

#: The agents, and what they are called.
AGENTS = ("agent_6f1c2d9e40", "agent_0b7a35c8d1", "agent_e92d4471fa", "agent_51c8aa03be")
_AGENT_NAMES = ("Reactivación", "Cobranza", "Agenda médica", "Encuesta de salida")
_UNSTARTED = tuple(_TABLES.plain("unstarted").items())
#: The parts of a call that are picked from a pool.
_PARTS = {
    name: partial(pick, choices=pool)
    for name, pool in (
        ("metadata", METADATA),
        ("variables", VARIABLES),
        ("latency", LATENCIES),
        ("tokens", TOKENS),
        ("cost", COSTS),
        ("analysis", ANALYSES),
    )
}


def _columns(table: str, rng: random.Random, **known: Any) -> Record:  # noqa: ANN401 - any value
    return _TABLES.columns(table, rng, **_PARTS, **known)


def _make(rng: random.Random, at: datetime, end: datetime | None) -> Record:
    """A call of `at`; beyond `end` it is still going on, and shortly before not yet analysed."""
    agent_id, agent_name = pick(rng, tuple(zip(AGENTS, _AGENT_NAMES, strict=True)))
    known = {"call_id": f"call_{hex_text(rng, 27)}", "agent_id": agent_id, "agent_name": agent_name}
    record = _columns("call", rng, at=text(at), **known)
    if rng.random() < 0.8:
        telephony = {"twilio_call_sid": "CA" + hex_text(rng, 32)}
        record.update(_columns("phone call", rng, telephony=telephony))
    if end is not None and rng.random() < 0.08:
        reason, status = pick(rng, _UNSTARTED)
        unstarted = {"disconnection_reason": reason, "call_status": status}
        return {**record, **_columns("call unstarted", rng), **unstarted}
    millis = 2_000 + int(rng.expovariate(1 / 150_000))
    over = at + millis * MILLISECOND
    if end is None or over <= end:
        record.update(_ended(rng, at, millis))
        if end is None or over + timedelta(minutes=10) <= end:
            record.update(_columns("call analysed", rng))
    return record


def _mature(rng: random.Random, record: Record, _until: datetime) -> Record:
    """What comes later: the end, then cost and analysis, then an edit of the metadata."""
    analysed = _columns("call analysed", rng)
    if record["call_status"] == "ongoing":
        millis = 30_000 + int(rng.expovariate(1 / 150_000))
        return {**_ended(rng, parse(record["start_timestamp"]), millis), **analysed}
    if record["call_status"] == "ended" and record.get("call_analysis") is None:
        return analysed
    return {"metadata": {"customer_id": f"c-{hex_text(rng, 6)}", "reviewed": True}}


def _ended(rng: random.Random, at: datetime, millis: int) -> Record:
    over = at + millis * MILLISECOND
    recording = f"https://recordings.example.com/{hex_text(rng, 16)}.wav"
    ended = _columns("call ended", rng, at=text(over), millis=millis, recording=recording)
    if rng.random() < 0.02:
        return {**ended, "call_status": "error", "disconnection_reason": "error_llm_websocket_open"}
    later = text(over + timedelta(seconds=40))
    return {**ended, **(_columns("call transferred", rng, at=later) if rng.random() < 0.2 else {})}


def _listed(record: Record) -> Record:
    """A record as the list has it."""
    return {name: value for name, value in record.items() if name not in _DETAILS}


def _detailed(record: Record) -> Record:
    """A record with its transcripts: those it was given, else made from the call id alone."""
    return {**transcripts(record), **record}


def _place(row: Row) -> Place:
    """The place of a row in the list; a call without a start comes before all others."""
    started = row.canonical["start_timestamp"]
    return (to_ms(row.sort_at) if started is not None else -1, row.key)


def _wire(row: Row, record: Record) -> Record:
    """A record as the server shows it: absent instead of null, instants in milliseconds."""
    wire: Record = {}
    for name, value in record.items():
        if value is not None:
            wire[name] = to_ms(parse(value)) if name in INSTANTS else value
    if wire["call_type"] == "web_call":
        wire["access_token"] = f"canary-access-token-{wire['call_id']}"
    return {**wire, **row.extra_wire}


def _encode(row: Row) -> bytes:
    return json.dumps(_wire(row, _listed(row.canonical)), ensure_ascii=False).encode()


def _encode_details(row: Row) -> bytes:
    return json.dumps(_wire(row, _detailed(row.canonical)), ensure_ascii=False).encode()
