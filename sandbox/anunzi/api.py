"""The list-calls endpoint of Anunzi and Retell, and their one-call endpoint."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote

from ..api import Api, joined
from ..compat import override
from ..handle import Handle
from ..http import Json, RefusalError, Reply, Request
from ..instants import parse, to_ms
from ..store import Plan, Store
from ..table import Record, Row, Table
from . import calls, details
from .cursor import Position, first_behind, place
from .filters import INSTANTS, Dialect, Language, WrongDialectError

if TYPE_CHECKING:
    from collections.abc import Hashable

API_KEY = "anunzi_canary_key_77b0e3"
_LIST = "/v3/list-calls"
_MEMO_SIZE = 32
_ONE = "/v2/get-call/{call_id}"
_UNSTARTED: Record = {
    "call_status": "not_connected",
    "start_timestamp": None,
    "end_timestamp": None,
    "duration_ms": 0,
    "disconnection_reason": "dial_no_answer",
}
#: Calls without a start are found by these statuses.
_FAILED = ("not_connected", "error")
_KNOWN = {"filter_criteria", "sort_order", "limit", "skip", "pagination_key", "include_total"}


@dataclass
class AnunziOptions:
    """The ways in which the real server may behave; the defaults are the documented ones."""

    dialect: Dialect = "anunzi"
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
    #: Calls that are listed and yet not found there, and what is said of them.
    vanished: set[str] = field(default_factory=set)
    vanished_status: int = 422
    api_key: str = API_KEY


class AnunziApi(Api):
    """Anunzi on localhost."""

    name = "anunzi"
    prefixes = ("anunzi",)
    keys: ClassVar = {
        "anunzi_calls": ("call_id",),
        "anunzi_unstarted_calls": ("call_id",),
        "anunzi_call_details": ("call_id",),
    }

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
        if self.options.details_path != _ONE:
            config["call_details_path"] = self.options.details_path
        return config

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        record = row.canonical
        started, status = record["start_timestamp"] is not None, record["call_status"]
        if stream == "anunzi_unstarted_calls":
            reason = record.get("disconnection_reason")
            there = not started and (status in _FAILED or reason in calls.NEVER_STARTED)
        elif stream == "anunzi_calls":
            there = started
        else:
            gone = row.key in self.options.vanished
            there = started and status not in details.UNFINISHED and not gone
        if not there:
            return None
        one = stream == "anunzi_call_details"
        return details.detailed(record) if one else details.listed(record)

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object both documents show."""
        shown = message or {429: "account rate limited, please throttle your requests"}.get(status)
        body: Record = {"status": "error", "message": shown or f"error {status}"}
        return Reply.of_json(status, body if detail is None else {**body, "details": detail})

    @override
    def _make_stores(self) -> dict[str, Store]:
        table = Table(
            "start_timestamp",
            calls.make,
            calls.mature,
            key=lambda record: str(record["call_id"]),
            filters_time_column=True,
        )
        store = Store(
            table, self._plan, self.name, is_open=lambda one: bool(one["call_status"] == "ongoing")
        )
        return dict.fromkeys(self.keys, store)

    @override
    def _make_handle(self, stream: str) -> Handle:
        defaults = _UNSTARTED if stream == "anunzi_unstarted_calls" else None
        truth = partial(self.truth, stream)
        return Handle(self._stores[stream], self.lock, truth, defaults)

    @property
    def _table(self) -> Table:
        return self._stores["anunzi_calls"].ready()

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/anunzi")
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, "API Key is missing or invalid.")
        if path == _LIST and request.method == "POST":
            return self._list(_checked(request))
        before, _, after = self.options.details_path.partition("{call_id}")
        one = re.fullmatch(f"{re.escape(before)}([^/]+){re.escape(after)}", path)
        if one and request.method == "GET":
            return self._one(unquote(one[1]))
        raise RefusalError(404, f"Cannot {request.method} {path}")

    def _one(self, call_id: str) -> Reply:
        row = self._table.find(call_id)
        if row is None or not row.visible:
            raise RefusalError(422, "cannot find requested asset under given api key")
        if call_id in self.options.vanished:
            raise RefusalError(self.options.vanished_status, "cannot find requested asset")
        return Reply.of_json(200, _wire(row, details.detailed(row.canonical)))

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
        rows = rows[
            first_behind(rows, position.after, descending=descending) + body.get("skip", 0) :
        ]
        limit = min(body.get("limit", 50), options.page_max)
        envelope = self._page(rows[:limit], position, body, more=len(rows) > limit)
        if body.get("include_total"):
            envelope["total"] = total
        items = envelope.pop("items")
        opening = json.dumps(envelope)[:-1].encode()
        data = joined([row.encoded("item", _encode) for row in items])
        return Reply(200, opening + b', "items": ' + data + b"}")

    def _page(self, rows: list[Row], position: Position, body: Record, *, more: bool) -> Record:
        """One page and what it says about the next, honestly or not."""
        page = position.page + 1
        if not more and position.empties < self.options.empty_pages:
            rows, more = [], True
            following = Position(position.scan, position.after, page, position.empties + 1)
        else:
            after = place(rows[-1]) if rows else position.after
            following = Position(position.scan, after, page, position.empties)
        key: str | None = following.cursor() if more else None
        if more and self.options.cursor == "missing":
            key = None
        elif self.options.cursor == "repeat":
            key = body.get("pagination_key") or key
            more = key is not None
        return {"pagination_key": key, "items": rows, **self._has_more(more=more)}

    def _has_more(self, *, more: bool) -> Record:
        form = self.options.has_more
        if form == "absent":
            return {}
        shown: Json = {"text": str(more).lower(), "number": int(more), "null": None}.get(form, more)
        return {"hasMore" if form == "hasMore" else "has_more": shown}

    def _position(self, body: Record, scan: str) -> Position:
        cursor = body.get("pagination_key")
        if cursor is None:
            return Position(scan)
        refusal = RefusalError(self.options.cursor_refusal_status, "pagination_key is not valid")
        try:
            position = Position.read(cursor)
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
            frozenset(self.options.unfiltered),
            self._table.version,
        )
        rows = self._memo.get(question)
        if rows is None:
            rows = self._search(criteria, language)
            if len(self._memo) >= _MEMO_SIZE:
                self._memo.clear()
            self._memo[question] = rows
        return [row for row in rows if row.visible]

    def _search(self, criteria: Record, language: Language) -> list[Row]:
        unfiltered, unknown = self.options.unfiltered, self.options.unknown_reasons
        criteria = {name: each for name, each in criteria.items() if name not in unfiltered}
        reason = criteria.get("disconnection_reason", {}).get("value")
        if unknown.intersection(reason if isinstance(reason, list) else [reason]):
            raise RefusalError(400, "filter_criteria.disconnection_reason has an unknown value")
        try:
            tests = language.compile(criteria)
            low, high = language.bounds(criteria)
        except WrongDialectError as wrong:
            if self.options.wrong_dialect == "refuse":
                raise RefusalError(400, f"filter_criteria.{wrong} has an invalid format") from None
            tests, low, high = [], None, None
        rows = self._table.between(low, high, hidden=True)
        rows = [row for row in rows if all(test(row.canonical) for test in tests)]
        return sorted(rows, key=place)


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


def _wire(row: Row, record: Record) -> Record:
    """A record as the server shows it: absent instead of null, instants in milliseconds."""
    wire: Record = {}
    for name, value in record.items():
        if value is not None:
            wire[name] = to_ms(parse(value)) if name in INSTANTS else value
    if wire["call_type"] == "web_call":
        wire["access_token"] = f"canary-access-token-{wire['call_id']}"
    wire.update(row.extra_wire)
    return wire


def _encode(row: Row) -> bytes:
    return json.dumps(_wire(row, details.listed(row.canonical)), ensure_ascii=False).encode()
