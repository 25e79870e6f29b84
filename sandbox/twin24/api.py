"""Twin24's login and its two lists: incoming call sessions, and the calls its bots make."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..api import Api, joined
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import MILLISECOND, SECOND, text
from ..store import Plan, Store
from ..table import Clock, Ends, Record, Row, Table
from . import calls, listing, sessions
from .tokens import Tokens, jwt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .listing import Listing, Times

EMAIL = "exports@example.com"
CREDENTIAL = "twin24-canary-password-e41a90"
INCOMING = "/statistics/cis/sessions/incoming"
CALLS = "/search/cis/calls"
_DATE_FIELDS: dict[str, Clock] = {"createdAt": "at", "startedAt": "sort_at"}


@dataclass
class Twin24Options:
    """The ways in which the real server may behave."""

    path: str = INCOMING
    token_ttl: float = 3600
    #: How far a token's `exp` is off the time it really expires.
    token_exp_shift: float = 0
    tokens_valid_requests: int | None = None
    limit_max: int = 1000
    count: Literal["int", "text", "absent"] = "int"
    ceiling: int = 50_000
    repeat_page: bool = False
    range_ends: Ends = "[]"
    times: Times = "offset"
    numbers_as_text: bool = False
    #: How many rows appear at the head of the list before each following page.
    shift: int = 0
    #: How often that happens; None is every time.
    shift_times: int | None = None
    #: The name of the parameter that chooses the date incoming calls are filtered by, if this
    #: server has one.
    date_field_param: str = ""
    companies: list[int] = field(default_factory=lambda: [1])
    email: str = EMAIL
    password: str = CREDENTIAL


class Twin24Api(Api):
    """Twin24 on localhost."""

    name = "twin24"
    prefixes = ("twin24", "twin24-iam")
    keys: ClassVar = {"twin24_incoming_calls": ("call_id",), "twin24_calls": ("id",)}

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
    def _record(self, stream: str, row: Row) -> Record | None:
        record = dict(row.canonical)
        if stream == listing.CALLS.stream:
            del record["company_id"]
        return record

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of the vendor's SDK."""
        body: Record = {"error": message or f"Error {status}."}
        return Reply.of_json(status, body if detail is None else {**body, "details": detail})

    @override
    def _make_stores(self) -> dict[str, Store]:
        incoming = Table(
            "started_at",
            sessions.maker(lambda: self.options.companies),
            sessions.mature,
            key=lambda record: str(record["call_id"]),
            step=SECOND,
            lag=lambda rng: timedelta(seconds=int(rng.random() * 8), milliseconds=250),
        )
        outgoing = Table(
            "created_at",
            calls.maker(lambda: self.options.companies),
            calls.mature,
            key=lambda record: str(record["id"]),
            step=MILLISECOND,
            filters_time_column=True,
        )
        return {
            "twin24_incoming_calls": Store(
                incoming, self._plan, self.name, is_open=sessions.is_open
            ),
            "twin24_calls": Store(
                outgoing, self._plan, f"{self.name}:calls", is_open=calls.is_open
            ),
        }

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        if request.path == "/twin24-iam/api/v1/auth/login" and request.method == "POST":
            return self._login(request.body)
        company = self._authorise(request)
        lists = {CALLS: listing.CALLS, self.options.path: listing.INCOMING}
        asked = lists.get(request.path.removeprefix("/twin24/api/v1"))
        if asked is None:
            raise RefusalError(404, "Not found.")
        if request.method != "GET":
            raise RefusalError(405, "Method not allowed.")
        return self._list(asked, request.query, company)

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
            ttl,
            options.tokens_valid_requests,
            company,
            options.companies[0],
            exp_shift=options.token_exp_shift,
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

    def _list(self, asked: Listing, query: Mapping[str, str], company: int | None) -> Reply:
        options = self.options
        fields = asked.fields(query)
        limit = min(listing.integer(query, "limit", 10, 1), options.limit_max)
        offset = listing.offset(query, limit)
        if offset and options.shift and options.shift_times != 0:
            self._insert_at_head(asked, query, company)
        rows = self._selected(asked, query, company)[: options.ceiling]
        start = 0 if options.repeat_page else offset
        encode = asked.encoder(fields, options.times, as_text=options.numbers_as_text)
        form = (fields, options.times, options.numbers_as_text)
        items = joined([row.encoded(form, encode) for row in rows[start : start + limit]])
        count = {
            "int": b'{"count": %d, ' % len(rows),
            "text": b'{"count": "%d", ' % len(rows),
            "absent": b"{",
        }[options.count]
        return Reply(200, count + b'"items": ' + items + b"}")

    def _selected(self, asked: Listing, query: Mapping[str, str], company: int | None) -> list[Row]:
        """The rows in the period, of the companies asked for, sorted."""
        clock: Clock = "at"
        if self.options.date_field_param and asked is listing.INCOMING:
            name = query.get(self.options.date_field_param, "createdAt")
            if name not in _DATE_FIELDS:
                raise RefusalError(400, f"{name} is not a date field here.")
            clock = _DATE_FIELDS[name]
        low, high = listing.instant(query, "from"), listing.instant(query, "to")
        table = self._stores[asked.stream].ready()
        rows = table.between(low, high, self.options.range_ends, clock)
        companies = listing.companies(query) or ({company} if company else set())
        if companies:
            rows = [row for row in rows if row.canonical["company_id"] in companies]
        return asked.in_order(rows, query.get("sort", asked.default_sort))

    def _insert_at_head(
        self, asked: Listing, query: Mapping[str, str], company: int | None
    ) -> None:
        """Rows that appear where the list begins while somebody is paging through it."""
        rows = self._selected(asked, query, company)
        if not rows:
            return
        if self.options.shift_times is not None:
            self.options.shift_times -= 1
        newest_first = query.get("sort", asked.default_sort).startswith("-")
        columns: Record = {"company_id": company} if company else {}
        if asked is listing.INCOMING:
            started = rows[0].sort_at + (SECOND if newest_first else -SECOND)
            created, columns["started_at"] = rows[0].at, text(started)
        else:
            created = rows[0].at + (MILLISECOND if newest_first else -MILLISECOND)
        store = self._stores[asked.stream]
        store.table.add_at(store.rng, [created] * self.options.shift, columns)
