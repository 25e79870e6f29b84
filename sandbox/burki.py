"""Burki: one file per request, CSV or JSON, with times in UTC that do not say so."""

from __future__ import annotations

import gzip
import random
import re
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from . import files
from .api import Api
from .calls import best, call, statuses, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MICROSECOND, SECOND, floor, parse, text, zoneless
from .invent import Tables, below, opened, words
from .query import Query
from .table import Kind, Plan, Record, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .calls import Call, Rows

API_KEY = "burki_canary_key_9d2b41"
_CALLS = "/api/v1/calls/"
_TRANSCRIPTS = re.compile(_CALLS + r"(\d+)/transcripts")
#: Paths that exist only with or only without the slash at their end.
_REDIRECTS = {f"{_CALLS}export/": f"{_CALLS}export", _CALLS[:-1]: _CALLS}
_UNAUTHENTICATED = "Authentication required. Please provide a valid API key or token."
#: Assistants by id; the names are what CSV readers get wrong.
ASSISTANTS = {1: "Support Bot", 2: "Ventas, región sur", 3: 'The "Concierge"', 5: "=Cobranza"}
ASSISTANTS |= {4: "Recepción\nturno noche", 6: "Ñandú; soporte"}
_TABLES = Tables("burki")
#: JSON names and CSV headers of the export.
_EXPORTED = _TABLES.plain("exported")
#: The columns the list has besides those, and which of them its older shape has not.
_COSTS = words("total_cost llm_cost tts_cost stt_cost telephony_cost cost_currency")
_ONLY_LISTED = ("assistant_id", "to_phone_number", "call_meta", "flow_name", *_COSTS)
_NEW = ("assistant_name", "flow_name", *_COSTS)
_PRICES = {name: float(price) for name, price in _TABLES.plain("prices").items()}
#: Ids of segments are their call's times this, plus their number; some are left for `add_at`.
_SEGMENTS = 10


@dataclass
class BurkiOptions:
    """The ways in which the real server may behave."""

    gzip: bool = True
    count: Literal["right", "missing", "wrong_high", "error"] = "right"
    cut_rows: int = 0
    envelope: Literal["array", "items"] = "array"
    bom: bool = False
    delimiter: Literal[",", ";"] = ","
    ninth_column: bool = False
    filter_ignored: bool = False
    #: What the list looks like: with an envelope and costs, or as it was before.
    list_shape: Literal["array", "items"] = "items"
    #: The most calls a page of the list really has.
    list_limit_max: int = 1000
    list_total: Literal["right", "high", "low"] = "right"
    #: Calls that are listed and yet have no transcripts, not even none.
    vanished: set[int] = field(default_factory=set)
    api_key: str = API_KEY


class BurkiApi(Api):
    """Burki on localhost."""

    name = "burki"
    keys: ClassVar = {
        "burki_calls": ("id",),
        "burki_call_list": ("id",),
        "burki_call_transcripts": ("id",),
    }
    call_streams = ("burki_calls", "burki_call_list", "burki_call_transcripts")

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = BurkiOptions()
        self._ids = count(1)
        #: Calls that were made for a segment, and have no others.
        self._alone: set[int] = set()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `burki` object."""
        return {"api_url": f"{self.base_url}/burki", "api_key": self.options.api_key}

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """FastAPI's error object; a 500 is plain text."""
        if status == 500:
            return Reply(500, b"Internal Server Error", "text/plain; charset=utf-8")
        reply = Reply.of_json(status, {"detail": detail or message or f"Error {status}"})
        if status == 405:
            reply.headers["Allow"] = "GET"
        return reply

    @override
    def _tables(self) -> dict[str, Table]:
        calls = Kind(
            make=self._make,
            mature=_mature,
            key=lambda record: _key(record["id"]),
            time="started_at",
            is_open=lambda record: bool(record["status"] == "ongoing"),
            by_time=True,
            step=MICROSECOND,
        )
        listed = self.table(calls)
        segments = Kind(
            make=self._make_segment,
            mature=lambda _, record, __: {"content": f"{record['content']} (revisado)"},
            key=lambda record: str(record["id"]).zfill(12),
            time="call_started_at",
            share=0,
            sources=[(listed, self._segments_of)],
            by_time=True,
            step=MICROSECOND,
        )
        said = self.table(segments, "transcripts")
        return {"burki_calls": listed, "burki_call_list": listed, "burki_call_transcripts": said}

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        record = row.canonical
        if stream == "burki_call_transcripts":
            call = self.table_of("burki_calls").find(_key(record["call_id"]))
            if call is None or call.canonical["id"] in self.options.vanished:
                return None
            started = call.canonical["started_at"]
            over = call.canonical["status"] != "ongoing" and started is not None
            return {**record, "call_started_at": started} if over else None
        if record["started_at"] is None:  # out of reach of any date filter
            return None
        if stream == "burki_call_list":
            return self._listed(record)
        ninth = self.options.ninth_column
        given = {"conversation_type": record["conversation_type"]} if ninth else {}
        return {**exported(record), **given}

    def _listed(self, record: Record) -> Record:
        """A record as the list has it, with its costs once it is over."""
        costs: Record = dict.fromkeys(_COSTS)
        if record["status"] != "ongoing":
            seconds = record["duration"] if isinstance(record["duration"], int) else 0
            parts = {name: round(seconds * price, 5) for name, price in _PRICES.items()}
            costs = {"total_cost": round(sum(parts.values()), 5), **parts, "cost_currency": "USD"}
        old = self.options.list_shape == "array"
        return _without({**costs, **record}, "conversation_type", *(_NEW if old else ()))

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = self.path(request)
        if path in _REDIRECTS:
            return Reply(307, headers={"Location": f"{self.base_url}/burki{_REDIRECTS[path]}"})
        handlers = {"export": self._export, "count": self._count, "": self._list}
        handler = handlers.get(path.removeprefix(_CALLS)) if path.startswith(_CALLS) else None
        if handler is None and not _TRANSCRIPTS.fullmatch(path):
            raise RefusalError(404, "Not Found")
        if request.method != "GET":
            raise RefusalError(405, "Method Not Allowed")
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, _UNAUTHENTICATED)
        query = Query(request.query, _invalid)
        return handler(request, query) if handler else self._said(int(path.split("/")[-2]))

    def _export(self, request: Request, query: Query) -> Reply:
        options, form = self.options, request.query.get("format", "csv")
        if form not in ("csv", "json"):
            raise _invalid("format", form, "String should match pattern '^(csv|json)$'")
        rows = self._selected(request, query)
        rows, ninth = rows[: len(rows) - options.cut_rows], options.ninth_column
        if form == "csv":
            file = csv_file(rows, options.delimiter, ninth=ninth, bom=options.bom)
            reply = Reply(200, file, "text/csv; charset=utf-8")
        else:
            file = files.json_file(rows, _titles(ninth=ninth), lambda row: _shown(row.canonical))
            reply = Reply(200, b'{"items": ' + file + b"}" if options.envelope == "items" else file)
        reply.headers["Content-Disposition"] = f"attachment; filename=calls_export.{form}"
        if options.gzip and "gzip" in request.header("Accept-Encoding"):
            reply.body = gzip.compress(reply.body, 5, mtime=0)
            reply.headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return reply

    def _count(self, request: Request, query: Query) -> Reply:
        option = self.options.count
        if option in ("missing", "error"):
            raise RefusalError(404 if option == "missing" else 500, "Not Found")
        _fail_on_unknown_assistant(query)
        count = len(self._selected(request, query))
        count += 1 + count // 10 if option == "wrong_high" else 0
        return Reply.of_json(200, {"count": count})

    def _list(self, request: Request, query: Query) -> Reply:
        """A page; calls of one instant come in another order on each."""
        options = self.options
        limit, skip = query.integer("limit", 100, 1, 1000), query.integer("skip", 0)
        _fail_on_unknown_assistant(query)
        found = self._selected(request, query)
        found.sort(key=lambda row: _shuffled(row, skip), reverse=True)
        rows = found[skip : skip + min(limit, options.list_limit_max)]
        items = [{**_shown(self._listed(row.canonical)), **row.extra_wire} for row in rows]
        if options.list_shape == "array":
            return Reply.of_json(200, items)
        total = len(found)
        wrong = 1 + total // 10
        total += {"right": 0, "high": wrong, "low": -wrong}[options.list_total]
        body = {"items": items, "total": max(0, total), "skip": skip, "limit": limit}
        return Reply.of_json(200, body)

    def _said(self, call_id: int) -> Reply:
        """The segments of a call in order."""
        call = self.table_of("burki_calls").find(_key(call_id))
        if call is None or call_id in self.options.vanished:
            raise RefusalError(404, f"Call with ID {call_id} not found in your organization")
        items = []
        for row in self.table_of("burki_call_transcripts").by("call_id").get(call_id, ()):
            shown = {**row.canonical, "created_at": _naive(row.canonical["created_at"])}
            shown["stt_timestamps"] = opened(shown["stt_timestamps"])
            if row.visible:
                items.append({**_without(shown, "call_started_at"), **row.extra_wire})
        items.sort(key=lambda item: (item["created_at"] or "", item["id"]))
        return Reply.of_json(200, items)

    def _selected(self, request: Request, query: Query) -> list[Row]:
        """The rows a query asks for, newest first, those without a start before all others."""
        low, high = query.instant("date_from", epoch=True), query.instant("date_to", epoch=True)
        assistant, status = query.integer("assistant_id", 0, -(10**9)), request.query.get("status")
        if self.options.filter_ignored:
            low, high, assistant, status = None, None, 0, None

        def wanted(record: Record) -> bool:
            return (
                (record["started_at"] is not None or (low is None and high is None))
                and (not status or record["status"] == status)
                and (not assistant or record["assistant_id"] == assistant)
            )

        rows = self.table_of("burki_calls").between(low, high)[::-1]
        rows = [row for row in rows if wanted(row.canonical)]
        return sorted(rows, key=lambda row: row.canonical["started_at"] is not None)

    # -- records ----------------------------------------------------------------------------

    def _make(self, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        if end is not None and rng.random() < 0.3:
            at = floor(at, SECOND)
        assistant = 1 + below(rng, len(ASSISTANTS))
        ids = {"id": next(self._ids), "assistant_id": assistant, "assistant": ASSISTANTS[assistant]}
        record = _TABLES.columns("call", rng, at=text(at), **ids)
        seconds = int(rng.expovariate(1 / 240))
        if end is None or at + (seconds + 1) * SECOND <= end:
            record.update(_ended(rng, at, seconds))
        return record

    def _make_segment(self, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        """A segment of a call that is made for it."""
        columns = {"status": "completed", "duration": 9, "ended_at": text(at)}
        record = self.table_of("burki_calls").add_at(at, columns).canonical
        self._alone.add(record["id"])
        return _segment(rng, record, _SEGMENTS - 1)

    def _segments_of(self, record: Record) -> Iterator[Record]:
        if record["started_at"] is not None and record["id"] not in self._alone:
            rng = random.Random(f"transcript:{record['id']}")
            amount = below(rng, 7)
            made = [_segment(rng, record, number) for number in range(amount)]
            yield from made[: amount // 2] if record["status"] == "ongoing" else made

    # -- what tests and the demo need -------------------------------------------------------

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run must survive."""
        options = self.options = BurkiOptions()
        _TABLES.vary(options, dice)
        if options.count == "right":
            options.list_limit_max = dice.choice([50, 1000])
            options.list_total = dice.choice(["right", "high", "low"])
        return {"format": dice.choice(["json", "csv"])}

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """One of each call, from the list where it has it."""
        said = {row["call_id"] for row in rows["burki_call_transcripts"]}
        unfinished = words(_TABLES.plain("statuses")["ongoing"])
        status_of = statuses(**_TABLES.plain("statuses"))
        streams = ("burki_call_list", "burki_calls")
        for stream, row in best(rows, streams, "id", "status", unfinished):
            agent = row["assistant_name"] or row["assistant_id"]
            yield call(
                stream,
                row,
                "started_at ended_at raw_status=status customer_number=customer_phone_number "
                "to_number=to_phone_number currency=cost_currency",
                call_id=str(row["id"]),
                duration_seconds=times(row["duration"]),
                status=status_of.get(row["status"], "other"),
                agent=None if agent is None else str(agent),
                cost=times(row["total_cost"]),
                transcript_table="burki_call_transcripts" if row["id"] in said else None,
            )


def exported(record: Record) -> Record:
    """A record as the export has it."""
    return _without(record, *_ONLY_LISTED, "conversation_type")


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def csv_file(rows: Sequence[Row], delimiter: str, *, ninth: bool, bom: bool) -> bytes:
    """The export as a table; unknown durations are zeros in it."""

    def wire(row: Row) -> Record:
        return {**_shown(row.canonical), "duration": row.canonical["duration"] or 0}

    return files.csv_file(rows, _titles(ninth=ninth), wire, delimiter, bom=bom)


def _titles(*, ninth: bool) -> dict[str, str]:
    return _EXPORTED if ninth else _without(_EXPORTED, "conversation_type")


def _shown(record: Record) -> Record:
    return {**record, **{name: _naive(record[name]) for name in ("started_at", "ended_at")}}


def _naive(value: str | None) -> str | None:
    return None if value is None else zoneless(value)


def _key(number: Json) -> str:
    """The order of calls that started at the same instant: as good as random, but fixed."""
    return f"{zlib.crc32(str(number).encode()):08x}:{number}"


def _mature(rng: random.Random, record: Record, _until: datetime) -> Record:
    """A call that goes on ends; one that has ended gets its assistant's new name."""
    if record["status"] == "ongoing" and record["started_at"]:
        return _ended(rng, parse(record["started_at"]), 30 + int(rng.expovariate(1 / 240)))
    return {"assistant_name": f"{record['assistant_name']} v2"}


def _ended(rng: random.Random, at: datetime, seconds: int) -> Record:
    """The duration is that of the media, so it may differ a little from end minus start."""
    if rng.random() < 0.08:
        return {"status": "failed", "duration": None, "ended_at": None}
    ended = at + timedelta(seconds=seconds, microseconds=below(rng, 900_000))
    return {"status": "completed", "duration": seconds, "ended_at": text(ended)}


def _segment(rng: random.Random, record: Record, number: int) -> Record:
    begun = round(3.5 * number + 2 * rng.random(), 3)
    over = round(begun + 0.4 + rng.random(), 3)
    return _TABLES.columns(
        "segment",
        rng,
        id=record["id"] * _SEGMENTS + number,
        call=record,
        speaker="user" if number % 2 else "assistant",
        start=begun,
        end=over,
        at=text(parse(record["started_at"]) + timedelta(seconds=over, milliseconds=40)),
    )


def _invalid(name: str, value: str, message: str) -> RefusalError:
    """A 422 in the form of pydantic."""
    problem = {"type": "value_error", "loc": ["query", name], "msg": message, "input": value}
    url = "https://errors.pydantic.dev/2.5/v/value_error"
    return RefusalError(422, message, [{**problem, "ctx": {}, "url": url}])


def _fail_on_unknown_assistant(query: Query) -> None:
    """The list and the count break when they are asked for an assistant that there is not."""
    assistant = query.integer("assistant_id", 0, -(10**9))
    if assistant and assistant not in ASSISTANTS:
        raise RefusalError(500, "")


def _shuffled(row: Row, skip: int) -> tuple[bool, datetime, int]:
    """Where a row is in the list; ties are as they fall on the page at `skip`."""
    tie = zlib.crc32(f"{skip}:{row.canonical['id']}".encode())
    return row.canonical["started_at"] is None, row.sort_at, tie
