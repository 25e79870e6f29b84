"""The list-calls endpoint of Anunzi and Retell, and the one-call endpoint of Retell."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..api import Api, Key, Plan, joined
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import parse, to_ms
from ..table import Record, Row, Table
from . import calls
from .filters import INSTANTS, Dialect, Language, WrongDialectError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

API_KEY = "anunzi_canary_key_77b0e3"
_LIST = "/v3/list-calls"
_MEMO_SIZE = 32
_ONE = "/v2/get-call/"
_KNOWN = {"filter_criteria", "sort_order", "limit", "skip", "pagination_key", "include_total"}


@dataclass
class AnunziOptions:
    """The ways in which the real server may behave; the defaults are the documented ones."""

    dialect: Dialect = "anunzi"
    wrong_dialect: Literal["refuse", "ignore"] = "refuse"
    page_max: int = 1000
    cursor: Literal["good", "repeat", "missing"] = "good"
    cursor_ttl_pages: int | None = None
    cursor_refusal_status: int = 400
    empty_pages: int = 0
    bt_inclusive: bool = True
    sort: Literal["honoured", "ignored"] = "honoured"
    api_key: str = API_KEY


@dataclass(frozen=True)
class _Position:
    """Where a page starts: after the call (start, call_id). Travels inside the cursor."""

    scan: str
    after: tuple[int, str] | None = None
    page: int = 0
    empties: int = 0

    def cursor(self) -> str:
        """The opaque text a client gets."""
        inside = json.dumps([self.scan, self.after, self.page, self.empties])
        return base64.urlsafe_b64encode(inside.encode()).decode()

    @classmethod
    def read(cls, cursor: str) -> _Position:
        """The position inside a cursor; ValueError when it is none of ours."""
        scan, after, page, empties = json.loads(base64.urlsafe_b64decode(cursor))
        return cls(scan, tuple(after) if after else None, page, empties)


class AnunziApi(Api):
    """Anunzi on localhost."""

    name = "anunzi"
    prefixes = ("anunzi",)
    streams = ("anunzi_calls", "anunzi_unstarted_calls")

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = AnunziOptions()
        self._memo: dict[Hashable, list[Row]] = {}
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `anunzi` object."""
        config = {"api_url": f"{self.base_url}/anunzi", "api_key": self.options.api_key}
        if self.options.dialect == "retell":
            config["filter_dialect"] = "retell"
        return config

    @override
    def truth(self, stream: str) -> dict[Key, Record]:
        """Started calls, or those that never connected, by call id."""
        if stream not in self.streams:
            raise KeyError(stream)
        started = stream == "anunzi_calls"
        with self.lock:
            return {
                (row.canonical["call_id"],): dict(row.canonical)
                for row in self.rows
                if row.visible
                and (row.canonical["start_timestamp"] is not None) is started
                and (started or row.canonical["call_status"] == "not_connected")
            }

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object both documents show."""
        shown = message or {429: "account rate limited, please throttle your requests"}.get(status)
        body: Record = {"status": "error", "message": shown or f"error {status}"}
        return Reply.of_json(status, body if detail is None else {**body, "details": detail})

    @override
    def _table(self) -> Table:
        return Table(
            "start_timestamp",
            calls.make,
            calls.mature,
            key=lambda record: str(record["call_id"]),
            filters_time_column=True,
        )

    @override
    def _open(self, row: Row) -> bool:
        return bool(row.canonical["call_status"] == "ongoing")

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _handle(self, request: Request) -> Reply:
        path = request.path.removeprefix("/anunzi")
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, "API Key is missing or invalid.")
        if path == _LIST and request.method == "POST":
            return self._list(_checked(request))
        if path.startswith(_ONE) and request.method == "GET":
            return self._one(path.removeprefix(_ONE))
        raise RefusalError(404, f"Cannot {request.method} {path}")

    def _one(self, call_id: str) -> Reply:
        for row in self._main.rows:
            if row.key == call_id and row.visible:
                said = calls.utterances(row.canonical)
                lines = "".join(f"{item['role'].title()}: {item['content']}\n" for item in said)
                more = {"transcript": lines, "transcript_object": said}
                return Reply.of_json(200, {**_wire(row), **more})
        raise RefusalError(422, "cannot find requested asset under given api key")

    def _list(self, body: Record) -> Reply:
        options = self.options
        descending = body.get("sort_order") != "ascending" or options.sort == "ignored"
        scan = hashlib.sha256(
            json.dumps([body.get("filter_criteria"), descending], sort_keys=True).encode()
        ).hexdigest()[:16]
        position = self._position(body, scan)
        rows = self._matching(body.get("filter_criteria") or {})
        total = len(rows)
        rows = rows[::-1] if descending else rows
        rows = rows[_first(rows, position.after, descending=descending) + body.get("skip", 0) :]
        limit = min(body.get("limit", 50), options.page_max)
        envelope = self._page(rows[:limit], position, body, more=len(rows) > limit)
        if body.get("include_total"):
            envelope["total"] = total
        items = envelope.pop("items")
        opening = json.dumps(envelope)[:-1].encode()
        data = joined([row.encoded("item", _encode) for row in items])
        return Reply(200, opening + b', "items": ' + data + b"}")

    def _page(self, rows: list[Row], position: _Position, body: Record, *, more: bool) -> Record:
        """One page and what it says about the next, honestly or not."""
        page = position.page + 1
        if not more and position.empties < self.options.empty_pages:
            rows, more = [], True
            following = _Position(position.scan, position.after, page, position.empties + 1)
        else:
            after = _place(rows[-1]) if rows else position.after
            following = _Position(position.scan, after, page, position.empties)
        key: str | None = following.cursor() if more else None
        if more and self.options.cursor == "missing":
            key = None
        elif self.options.cursor == "repeat":
            key = body.get("pagination_key") or key
            more = key is not None
        return {"pagination_key": key, "has_more": more, "items": rows}

    def _position(self, body: Record, scan: str) -> _Position:
        cursor = body.get("pagination_key")
        if cursor is None:
            return _Position(scan)
        refusal = RefusalError(self.options.cursor_refusal_status, "pagination_key is not valid")
        try:
            position = _Position.read(cursor)
        except (TypeError, ValueError):
            raise refusal from None
        limit = self.options.cursor_ttl_pages
        if position.scan != scan or (limit is not None and position.page >= limit):
            raise refusal
        return position

    def _matching(self, criteria: Record) -> list[Row]:
        """The rows the filter lets through, by (start, call_id), unstarted ones first."""
        language = Language(self.options.dialect, self.options.bt_inclusive)
        question = (
            json.dumps(criteria, sort_keys=True),
            language,
            self.options.wrong_dialect,
            self._main.version,
        )
        rows = self._memo.get(question)
        if rows is None:
            rows = self._search(criteria, language)
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[question] = rows
        return [row for row in rows if row.visible]

    def _search(self, criteria: Record, language: Language) -> list[Row]:
        try:
            tests = language.compile(criteria)
            low, high = language.bounds(criteria)
        except WrongDialectError as wrong:
            if self.options.wrong_dialect == "refuse":
                raise RefusalError(400, f"filter_criteria.{wrong} has an invalid format") from None
            tests, low, high = [], None, None
        rows = self._main.between(low, high, hidden=True)
        rows = [row for row in rows if all(test(row.canonical) for test in tests)]
        return sorted(rows, key=_place)


def _checked(request: Request) -> Record:
    """The body, or a RefusalError where its form is wrong."""
    body = request.body if request.raw else {}
    if not isinstance(body, dict) or not set(body) <= _KNOWN:
        raise RefusalError(400, "request body is malformed")
    if "skip" in body and "pagination_key" in body:
        raise RefusalError(400, "skip and pagination_key cannot be used together")
    for name, least in (("limit", 1), ("skip", 0)):
        value = body.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise RefusalError(400, f"{name} must be an integer of at least {least}")
    if body.get("sort_order", "descending") not in ("ascending", "descending"):
        raise RefusalError(400, "sort_order must be ascending or descending")
    if not isinstance(body.get("filter_criteria", {}), dict):
        raise RefusalError(400, "filter_criteria must be an object")
    return body


def _place(row: Row) -> tuple[int, str]:
    """The position of a row; a call without a start comes before all others."""
    started = row.canonical["start_timestamp"]
    return (to_ms(row.sort_at) if started is not None else -1, row.key)


def _first(rows: Sequence[Row], after: tuple[int, str] | None, *, descending: bool) -> int:
    """The index of the first row behind a position."""
    if after is None:
        return 0
    if not descending:
        return bisect_right(rows, after, key=_place)
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if _place(rows[middle]) >= after else (low, middle)
    return low


def _wire(row: Row) -> Record:
    """A record as the server shows it: absent instead of null, instants in milliseconds."""
    wire: Record = {}
    for name, value in row.canonical.items():
        if value is not None:
            wire[name] = to_ms(parse(value)) if name in INSTANTS else value
    if wire["call_type"] == "web_call":
        wire["access_token"] = f"canary-access-token-{wire['call_id']}"
    wire.update(row.extra_wire)
    return wire


def _encode(row: Row) -> bytes:
    return json.dumps(_wire(row), ensure_ascii=False).encode()
