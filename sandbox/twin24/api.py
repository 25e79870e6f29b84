"""Twin24's login and its list of incoming call sessions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ..api import Api, Key, Plan, joined
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import SECOND, parse, text, zoneless
from ..table import Clock, Ends, Record, Row, Table
from . import sessions
from .tokens import Tokens, jwt

if TYPE_CHECKING:
    from collections.abc import Callable

EMAIL = "exports@example.com"
CREDENTIAL = "twin24-canary-password-e41a90"
INCOMING = "/statistics/cis/sessions/incoming"
_DATE_FIELDS: dict[str, Clock] = {"createdAt": "at", "startedAt": "sort_at"}
_SORTS = ("startedAt", "-startedAt", "+startedAt", "duration", "-duration", "+duration")


@dataclass
class Twin24Options:
    """The ways in which the real server may behave."""

    path: str = INCOMING
    token_ttl: float = 3600
    tokens_valid_requests: int | None = None
    limit_max: int = 1000
    count: Literal["int", "text", "absent"] = "int"
    ceiling: int = 50_000
    repeat_page: bool = False
    range_ends: Ends = "[]"
    times: Literal["offset", "naive", "z"] = "offset"
    numbers_as_text: bool = False
    #: How many rows appear at the head of the list before each following page.
    shift: int = 0
    #: How often that happens; None is every time.
    shift_times: int | None = None
    #: The name of the parameter that chooses the filtered date, if this server has one.
    date_field_param: str = ""
    companies: list[int] = field(default_factory=lambda: [1])
    email: str = EMAIL
    password: str = CREDENTIAL


class Twin24Api(Api):
    """Twin24 on localhost."""

    name = "twin24"
    prefixes = ("twin24", "twin24-iam")
    streams = ("twin24_incoming_calls",)

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = Twin24Options()
        self._tokens = Tokens()
        #: A token that is always good.
        self.static_token = jwt({"iat": 0, "exp": 4_102_444_800, "sub": "42", "company_id": 1})
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `twin24` object."""
        config = {
            "api_url": f"{self.base_url}/twin24/api/v1",
            "auth_url": f"{self.base_url}/twin24-iam/api/v1",
            "email": self.options.email,
            "password": self.options.password,
        }
        if self.options.path != INCOMING:
            config["incoming_calls_path"] = self.options.path
        return config

    @override
    def truth(self, stream: str) -> dict[Key, Record]:
        """The sessions by call id."""
        if stream not in self.streams:
            raise KeyError(stream)
        with self.lock:
            return {
                (row.canonical["call_id"],): dict(row.canonical) for row in self.rows if row.visible
            }

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of the vendor's SDK."""
        body: Record = {"error": message or f"Error {status}."}
        return Reply.of_json(status, body if detail is None else {**body, "details": detail})

    @override
    def _table(self) -> Table:
        return Table(
            "started_at",
            sessions.maker(lambda: self.options.companies),
            sessions.mature,
            key=lambda record: str(record["call_id"]),
            step=SECOND,
            lag=lambda rng: timedelta(seconds=int(rng.random() * 8), milliseconds=250),
        )

    @override
    def _open(self, row: Row) -> bool:
        return sessions.is_open(row.canonical)

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _handle(self, request: Request) -> Reply:
        if request.path == "/twin24-iam/api/v1/auth/login" and request.method == "POST":
            return self._login(request.body)
        company = self._authorise(request)
        if request.path != f"/twin24/api/v1{self.options.path}":
            raise RefusalError(404, "Not found.")
        if request.method != "GET":
            raise RefusalError(405, "Method not allowed.")
        return self._list(request.query, company)

    def _login(self, body: Json) -> Reply:
        options = self.options
        if not isinstance(body, dict):
            raise RefusalError(400, "Invalid request body.")
        if (body.get("email"), body.get("password")) != (options.email, options.password):
            raise RefusalError(401, "Invalid email or password.")
        asked, company = body.get("ttl"), body.get("companyId")
        if company is not None and company not in options.companies:
            raise RefusalError(403, "The company is not yours.")
        ttl = min(asked, options.token_ttl) if isinstance(asked, int) else options.token_ttl
        token = self._tokens.issue(
            ttl, options.tokens_valid_requests, company, options.companies[0]
        )
        return Reply.of_json(200, {"token": token, "refreshToken": token[::-1][:64]})

    def _authorise(self, request: Request) -> int | None:
        """The company a token was made for, if it was made for one."""
        kind, _, token = request.header("Authorization").partition(" ")
        if token == self.static_token:
            return None
        try:
            return self._tokens.use(token if kind == "Bearer" else "")
        except PermissionError as why:
            raise RefusalError(401, str(why)) from None

    def _list(self, query: dict[str, str], company: int | None) -> Reply:
        options = self.options
        fields = _fields(query)
        limit = min(_integer(query, "limit", 10, 1), options.limit_max)
        offset = self._offset(query, limit)
        if offset and options.shift and options.shift_times != 0:
            self._insert_at_head(query, company)
        rows = self._selected(query, company)[: options.ceiling]
        start = 0 if options.repeat_page else offset
        encode = self._encoder(fields)
        form = (fields, options.times, options.numbers_as_text)
        items = joined([row.encoded(form, encode) for row in rows[start : start + limit]])
        count = {
            "int": b'{"count": %d, ' % len(rows),
            "text": b'{"count": "%d", ' % len(rows),
            "absent": b"{",
        }[options.count]
        return Reply(200, count + b'"items": ' + items + b"}")

    def _offset(self, query: dict[str, str], limit: int) -> int:
        if "offset" in query and "page" in query:
            raise RefusalError(400, "offset and page cannot be used together.")
        return _integer(query, "offset", 0, 0) or _integer(query, "page", 0, 0) * limit

    def _selected(self, query: dict[str, str], company: int | None) -> list[Row]:
        """The rows in the period, of the companies asked for, sorted."""
        clock: Clock = "at"
        if self.options.date_field_param:
            name = query.get(self.options.date_field_param, "createdAt")
            if name not in _DATE_FIELDS:
                raise RefusalError(400, f"{name} is not a date field here.")
            clock = _DATE_FIELDS[name]
        low, high = _instant(query, "from"), _instant(query, "to")
        rows = self._main.between(low, high, self.options.range_ends, clock)
        companies = _companies(query) or ({company} if company else set())
        if companies:
            rows = [row for row in rows if row.canonical["company_id"] in companies]
        return _sorted(rows, query.get("sort", "-startedAt"))

    def _insert_at_head(self, query: dict[str, str], company: int | None) -> None:
        """Rows that appear where the list begins while somebody is paging through it."""
        rows = self._selected(query, company)
        if not rows:
            return
        if self.options.shift_times is not None:
            self.options.shift_times -= 1
        newest_first = query.get("sort", "-startedAt").startswith("-")
        started = rows[0].sort_at + (SECOND if newest_first else -SECOND)
        created = [rows[0].at] * self.options.shift
        columns: Record = {"started_at": text(started)}
        if company:
            columns["company_id"] = company
        self._main.add_at(self._rng, created, columns)

    def _encoder(self, fields: tuple[str, ...]) -> Callable[[Row], bytes]:
        columns = [(name, sessions.COLUMNS[name]) for name in fields]
        times, as_text = self.options.times, self.options.numbers_as_text

        def encode(row: Row) -> bytes:
            wire = {name: _wire(row.canonical[column], column) for name, column in columns}
            if "startedAt" in wire and wire["startedAt"] is not None:
                mark = {"offset": "+00:00", "naive": "", "z": "Z"}[times]
                wire["startedAt"] = zoneless(wire["startedAt"]) + mark
            if as_text:
                wire = {name: _as_text(value) for name, value in wire.items()}
            wire.update(row.extra_wire)
            return json.dumps(wire, ensure_ascii=False).encode()

        return encode


def _wire(value: Json, column: str) -> Json:
    """A value as the server shows it: open shapes decoded, a missing external id as ""."""
    if column in sessions.OPEN_SHAPES and value and value[0] in "[{":
        return json.loads(value)
    if column == "external_id" and value is None:
        return ""
    return value


def _as_text(value: Json) -> Json:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    """Rows in (startedAt, call id) order, put into the order asked for."""
    if sort.strip() not in _SORTS:
        raise RefusalError(400, "The available sort fields: startedAt, duration.")
    if "duration" in sort:
        rows = sorted(rows, key=lambda row: (row.canonical["duration"] or 0, row.key))
    return rows[::-1] if sort.startswith("-") else rows


def _fields(query: dict[str, str]) -> tuple[str, ...]:
    names = tuple(query.get("fields", "").split(","))
    unknown = [name for name in names if name not in sessions.COLUMNS]
    if unknown:
        raise RefusalError(400, "Invalid input parameters.", {"fields": unknown})
    return names


def _integer(query: dict[str, str], name: str, default: int, least: int) -> int:
    value = query.get(name, str(default))
    if not re.fullmatch(r"\d+", value) or int(value) < least:
        raise RefusalError(400, "Invalid input parameters.", {name: value})
    return int(value)


def _instant(query: dict[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        return parse(query[name])
    except ValueError:
        raise RefusalError(400, "Invalid input parameters.", {name: query[name]}) from None


def _companies(query: dict[str, str]) -> set[int]:
    """`companyIds` in any of the usual spellings: brackets, repeated, comma-separated."""
    given = query.get("companyIds") or query.get("companyIds[]") or ""
    if not re.fullmatch(r"(\d+(,\d+)*)?", given):
        raise RefusalError(400, "Invalid input parameters.", {"companyIds": given})
    return {int(number) for number in given.split(",") if number}
