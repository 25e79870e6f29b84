"""Burki's export, count, list and transcripts, as its open-source server answers them."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ..api import Api
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import MICROSECOND, zoneless
from ..store import Plan, Store
from ..table import Record, Row, Table
from . import calls, segments
from .files import TIMES, csv_file, json_file
from .query import bounded, instant, integer, invalid

API_KEY = "burki_canary_key_9d2b41"
_LIST = "/api/v1/calls/"
_EXPORT = "/api/v1/calls/export"
_COUNT = "/api/v1/calls/count"
_TRANSCRIPTS = re.compile(r"/api/v1/calls/(\d+)/transcripts")
#: Paths that exist only with or only without the slash at their end.
_REDIRECTS = {f"{_EXPORT}/": _EXPORT, _LIST[:-1]: _LIST}
_UNAUTHENTICATED = "Authentication required. Please provide a valid API key or token."
_LIST_MOST = 1000


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
    list_limit_max: int = _LIST_MOST
    list_total: Literal["right", "high", "low"] = "right"
    #: Calls that are listed and yet have no transcripts, not even none.
    vanished: set[int] = field(default_factory=set)
    api_key: str = API_KEY


class BurkiApi(Api):
    """Burki on localhost."""

    name = "burki"
    prefixes = ("burki",)
    keys: ClassVar = {
        "burki_calls": ("id",),
        "burki_call_list": ("id",),
        "burki_call_transcripts": ("id",),
    }

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = BurkiOptions()
        self._assistants: dict[int, int] = {}
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `burki` object."""
        return {"api_url": f"{self.base_url}/burki", "api_key": self.options.api_key}

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        if stream == "burki_call_transcripts":
            return self._segment(row)
        if row.canonical["started_at"] is None:  # out of reach of any date filter
            return None
        if stream == "burki_call_list":
            return self._listed(row)
        record = calls.exported(row.canonical)
        record.pop("conversation_type", None)
        if self.options.ninth_column:
            record["conversation_type"] = calls.conversation_type(row.canonical)
        return record

    def _listed(self, row: Row) -> Record:
        old = self.options.list_shape == "array"
        return calls.listed(row.canonical, self._assistants, old=old)

    def _segment(self, row: Row) -> Record | None:
        """What is exported of a segment: those of calls that are over and can be found."""
        call = self._table.find(calls.key_of(row.canonical["call_id"]))
        if call is None or not call.visible or call.canonical["id"] in self.options.vanished:
            return None
        if call.canonical["status"] == "ongoing" or call.canonical["started_at"] is None:
            return None
        return {**row.canonical, "call_started_at": call.canonical["started_at"]}

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
    def _make_stores(self) -> dict[str, Store]:
        table = Table(
            "started_at",
            calls.maker(self._assistants),
            calls.mature,
            key=calls.tie_key,
            step=MICROSECOND,
            filters_time_column=True,
        )
        store = Store(
            table, self._plan, self.name, is_open=lambda one: bool(one["status"] == "ongoing")
        )
        self._segments = segments.segment_store(self._plan, store, lambda: self.now)
        return {
            "burki_calls": store,
            "burki_call_list": store,
            "burki_call_transcripts": self._segments,
        }

    @property
    def _table(self) -> Table:
        return self._stores["burki_calls"].ready()

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/burki")
        if path in _REDIRECTS:
            return Reply(307, headers={"Location": f"{self.base_url}/burki{_REDIRECTS[path]}"})
        handlers = {_EXPORT: self._export, _COUNT: self._count, _LIST: self._list}
        transcripts = _TRANSCRIPTS.fullmatch(path)
        if path not in handlers and not transcripts:
            raise RefusalError(404, "Not Found")
        if request.method != "GET":
            raise RefusalError(405, "Method Not Allowed")
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, _UNAUTHENTICATED)
        return self._said(int(transcripts[1])) if transcripts else handlers[path](request)

    def _export(self, request: Request) -> Reply:
        form = request.query.get("format", "csv")
        if form not in ("csv", "json"):
            raise invalid("format", form, "String should match pattern '^(csv|json)$'")
        rows = self._selected(request)
        rows = rows[: len(rows) - self.options.cut_rows] if self.options.cut_rows else rows
        ninth, options = self.options.ninth_column, self.options
        if form == "csv":
            file = csv_file(rows, options.delimiter, ninth=ninth, bom=options.bom)
            reply = Reply(200, file, "text/csv; charset=utf-8")
        else:
            file = json_file(rows, ninth=ninth)
            reply = Reply(200, b'{"items": ' + file + b"}" if options.envelope == "items" else file)
        reply.headers["Content-Disposition"] = f"attachment; filename=calls_export.{form}"
        if self.options.gzip and "gzip" in request.header("Accept-Encoding"):
            reply.body = gzip.compress(reply.body, 5, mtime=0)
            reply.headers["Content-Encoding"] = "gzip"
            reply.headers["Vary"] = "Accept-Encoding"
        return reply

    def _count(self, request: Request) -> Reply:
        option = self.options.count
        if option == "missing":
            raise RefusalError(404, "Not Found")
        if option == "error":
            raise RefusalError(500, "")
        _fail_on_unknown_assistant(request)
        count = len(self._selected(request))
        if option == "wrong_high":
            count += 1 + count // 10
        return Reply.of_json(200, {"count": count})

    def _list(self, request: Request) -> Reply:
        """A page; calls of one instant come in another order on each."""
        options = self.options
        limit = bounded(request, "limit", 100, least=1, most=_LIST_MOST)
        skip = bounded(request, "skip", 0, least=0)
        _fail_on_unknown_assistant(request)
        found = self._selected(request)
        rows = _reshuffled(found, skip)[skip : skip + min(limit, options.list_limit_max)]
        items = [_shown(self._listed(row), row.extra_wire) for row in rows]
        if options.list_shape == "array":
            return Reply.of_json(200, items)
        total = len(found)
        wrong = 1 + total // 10
        total += {"right": 0, "high": wrong, "low": -wrong}[options.list_total]
        body = {"items": items, "total": max(0, total), "skip": skip, "limit": limit}
        return Reply.of_json(200, body)

    def _said(self, call_id: int) -> Reply:
        """The segments of a call in order."""
        call = self._table.find(calls.key_of(call_id))
        if call is None or not call.visible or call_id in self.options.vanished:
            raise RefusalError(404, f"Call with ID {call_id} not found in your organization")
        items = [
            {**segments.wire(row.canonical), **row.extra_wire}
            for row in self._segments.of_call(call_id)
        ]
        return Reply.of_json(200, items)

    def _selected(self, request: Request) -> list[Row]:
        """The rows a query asks for, newest first, those without a start before all others."""
        low, high = instant(request, "date_from"), instant(request, "date_to")
        assistant = integer(request, "assistant_id")
        status = request.query.get("status")
        if self.options.filter_ignored:
            low = high = assistant = status = None
        rows = self._table.between(low, high)[::-1]
        without_start = [row for row in rows if row.canonical["started_at"] is None]
        if without_start:
            rows = [row for row in rows if row.canonical["started_at"] is not None]
            if low is None and high is None:
                rows = without_start + rows
        if status:
            rows = [row for row in rows if row.canonical["status"] == status]
        if assistant:
            rows = [
                row
                for row in rows
                if calls.assistant_id(row.canonical, self._assistants) == assistant
            ]
        return rows


def _fail_on_unknown_assistant(request: Request) -> None:
    """The list and the count break when they are asked for an assistant that there is not."""
    assistant = integer(request, "assistant_id")
    if assistant and assistant not in calls.ASSISTANTS:
        raise RefusalError(500, "")


def _reshuffled(rows: list[Row], skip: int) -> list[Row]:
    """Rows in order of their start, newest first; ties as they fall on the page at `skip`."""

    def tie(row: Row) -> int:
        return zlib.crc32(f"{skip}:{row.canonical['id']}".encode())

    unstarted = [row for row in rows if row.canonical["started_at"] is None]
    started = [row for row in rows if row.canonical["started_at"] is not None]
    started.sort(key=lambda row: (row.sort_at, tie(row)), reverse=True)
    return unstarted + started


def _shown(record: Record, more: Record) -> Record:
    for name in TIMES:
        if record[name] is not None:
            record[name] = zoneless(record[name])
    return {**record, **more}
