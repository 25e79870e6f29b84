"""Twin24: a login, then two lists by offset with a count, and only the fields one asks for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from .api import Api
from .calls import call, statuses, times
from .compat import override
from .http import Json, RefusalError, Reply, Request
from .instants import MILLISECOND, SECOND, floor, parse, text, zoneless
from .invent import Tables, below, opened, pick, words
from .query import Query
from .table import Clock, Ends, Kind, Plan, Record, Row, Table
from .tokens import Tokens, jwt

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from .calls import Call, Rows

EMAIL = "exports@example.com"
CREDENTIAL = "twin24-canary-password-e41a90"
INCOMING_PATH = "/statistics/cis/sessions/incoming"
_TABLES = Tables("twin24")
_RECORDING = "https://records.example.com/{}.mp3"
_MARKS = {"offset": "+00:00", "naive": "", "z": "Z"}
_DATE_FIELDS: dict[str, Clock] = {"createdAt": "at", "startedAt": "sort_at"}
_OPEN_STATUSES = ("DIAL", "INPROGRESS")
_UNANSWERED = ("NOANSWER", "BUSY", "CANCEL", "FAILED")
_STATUSES = statuses(**_TABLES.plain("statuses"))
#: Columns that may hold an object or a list, as compact JSON; and those that hold an instant.
_OPEN_SHAPES = ("messages", "additional", "dialog_results", "markers", "all_results")
_TIMES = ("started_at", "created_at", "updated_at")


class List(NamedTuple):
    """One of the lists: our column of each field, and the fields it can be sorted by.

    Rows are kept in order of the first one.
    """

    stream: str
    columns: dict[str, str]
    sorts: tuple[str, ...]


def _columns(table: str) -> dict[str, str]:
    fields = words(_TABLES.plain("fields")[table])
    return {name: re.sub(r"([A-Z])", r"_\1", name).lower() for name in fields}


INCOMING = List("twin24_incoming_calls", _columns("incoming"), ("startedAt", "duration"))
OUTGOING = List(
    "twin24_calls", _columns("calls"), ("createdAt", "updatedAt", "startedAt", "duration")
)


@dataclass
class Twin24Options:
    """The ways in which the real server may behave."""

    path: str = INCOMING_PATH
    token_ttl: float = 3600
    #: How far a token's `exp` is off the time it really expires.
    token_exp_shift: float = 0
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
    #: The name of the parameter that chooses the date incoming calls are filtered by, if this
    #: server has one.
    date_field_param: str = ""
    companies: list[int] = field(default_factory=lambda: [1])
    email: str = EMAIL
    password: str = CREDENTIAL


class Twin24Api(Api):
    """Twin24 on localhost."""

    name = "twin24"
    more_prefixes = ("twin24-iam",)
    keys: ClassVar = {"twin24_incoming_calls": ("call_id",), "twin24_calls": ("id",)}
    call_streams = ("twin24_incoming_calls", "twin24_calls")

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
        changed = self.options.path != INCOMING_PATH
        return {**config, "incoming_calls_path": self.options.path} if changed else config

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of the vendor's SDK."""
        body: Record = {"error": message or f"Error {status}."}
        return Reply.of_json(status, body if detail is None else {**body, "details": detail})

    @override
    def _tables(self) -> dict[str, Table]:
        incoming = Kind(
            make=self._make_incoming,
            mature=_mature_incoming,
            key="call_id",
            time="started_at",
            step=SECOND,
            lag=lambda rng: timedelta(seconds=below(rng, 8), milliseconds=250),
            is_open=lambda record: record["current_status_name"] in _OPEN_STATUSES,
        )
        calls = Kind(
            make=self._make_call,
            mature=_mature_call,
            key="id",
            time="created_at",
            by_time=True,
            is_open=lambda record: record["status"] in _OPEN_STATUSES,
        )
        return {INCOMING.stream: self.table(incoming), OUTGOING.stream: self.table(calls, "calls")}

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        hidden = ("company_id",) if stream == OUTGOING.stream else ()
        return {name: value for name, value in row.canonical.items() if name not in hidden}

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        path = self.path(request)
        if (request.method, request.path) == ("POST", "/twin24-iam/api/v1/auth/login"):
            return self._login(request.body)
        static = request.header("Authorization").endswith(f" {self.static_token}")
        company = None if static else self._tokens.authorise(request)
        lists = {"/search/cis/calls": OUTGOING, self.options.path: INCOMING}
        asked = lists.get(path.removeprefix("/api/v1"))
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
        claims = {"version": 1, "sub": "42", "company_id": company or options.companies[0]}
        uses, shift = options.tokens_valid_requests, options.token_exp_shift
        token = self._tokens.issue(ttl, uses, company, claims, exp_shift=shift)
        return Reply.of_json(200, {"token": token, "refreshToken": token[::-1][:64]})

    def _list(self, asked: List, values: dict[str, str], company: int | None) -> Reply:
        options, query = self.options, Query(values, _invalid)
        fields = tuple(values.get("fields", "").split(","))
        if not set(fields) <= set(asked.columns):
            raise _invalid("fields", fields)
        limit = min(query.integer("limit", 10, 1), options.limit_max)
        offset = query.offset(limit)
        rows = self._selected(asked, query, company)
        if offset and rows and options.shift and options.shift_times != 0:
            self._insert_at_head(asked, query, company, rows[0])
            rows = self._selected(asked, query, company)
        rows = rows[: options.ceiling]
        first = 0 if options.repeat_page else offset
        form = (fields, options.times, options.numbers_as_text)
        columns = [(name, asked.columns[name]) for name in fields]
        encode = _encoder(columns, _MARKS[options.times], text=options.numbers_as_text)
        items = [row.encoded(form, encode) for row in rows[first : first + limit]]
        number = str(len(rows)) if options.count == "text" else len(rows)
        head = {} if options.count == "absent" else {"count": number}
        return Reply.of_rows(200, head, "items", items)

    def _selected(self, asked: List, query: Query, company: int | None) -> list[Row]:
        """The rows in the period, of the companies asked for, sorted."""
        clock: Clock = "at"
        if self.options.date_field_param and asked is INCOMING:
            name = query.get(self.options.date_field_param, "createdAt")
            if name not in _DATE_FIELDS:
                raise RefusalError(400, f"{name} is not a date field here.")
            clock = _DATE_FIELDS[name]
        period = query.instant("from"), query.instant("to")
        rows = self.table_of(asked.stream).between(*period, self.options.range_ends, clock)
        companies = query.integers("companyIds") or {company} - {None}
        if companies:
            rows = [row for row in rows if row.canonical["company_id"] in companies]
        name, descending = query.sort(asked.sorts, f"-{asked.sorts[0]}")
        if name != asked.sorts[0]:
            column, nothing = asked.columns[name], "" if asked.columns[name] in _TIMES else 0
            rows.sort(key=lambda row: (row.canonical[column] or nothing, row.key))
        return rows[::-1] if descending else rows

    def _insert_at_head(self, asked: List, query: Query, company: int | None, head: Row) -> None:
        """Rows that appear where the list begins while somebody is paging through it."""
        if self.options.shift_times is not None:
            self.options.shift_times -= 1
        newer = 1 if query.get("sort", "-").startswith("-") else -1
        columns: Record = {"company_id": company} if company else {}
        at = head.at
        if asked is INCOMING:
            columns["started_at"] = text(head.sort_at + newer * SECOND)
        else:
            at += newer * MILLISECOND
        for _ in range(self.options.shift):
            self.table_of(asked.stream).add_at(at, columns)

    # -- records ----------------------------------------------------------------------------

    def _make_incoming(self, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        known = {"started_at": text(at), "company_id": pick(rng, self.options.companies)}
        record = {**_BLANK, **_TABLES.columns("session", rng), **known}
        seconds = 1 + int(rng.expovariate(1 / 150))
        if rng.random() < 0.08:
            unanswered = {"duration": 0, "total_cost": 0}
            return {**record, **unanswered, "current_status_name": pick(rng, _UNANSWERED)}
        if end is None or at + seconds * SECOND <= end:
            record.update(_answered(rng, record, seconds))
        return record

    def _make_call(self, rng: random.Random, at: datetime, end: datetime | None) -> Record:
        record: Record = {**_BLANK_CALL, **_TABLES.columns("call", rng)}
        record["task_id"], record["task_name"] = pick(rng, _TASKS)
        record["bot_id"], record["bot_name"] = pick(rng, _BOTS)
        record["company_id"] = pick(rng, self.options.companies)
        record["created_at"] = record["updated_at"] = text(at)
        dialled = at + (2 + below(rng, 6)) * SECOND
        chance = rng.random()
        if chance < 0.05:  # never dialled
            status = pick(rng, ("BLACKLIST", "INVALID", "EXPIRED"))
            return {**record, "status": status, "is_finished": True, "price": 0}
        if end is None or dialled < end:
            record["started_at"] = text(floor(dialled, SECOND))
            seconds = 0 if chance < 0.2 else 1 + int(rng.expovariate(1 / 60))
            if end is None or dialled + seconds * SECOND <= end:
                record.update(_finished(rng, record, seconds))
        return record

    # -- what tests and the demo need -------------------------------------------------------

    @override
    def vary_once(self, dice: random.Random) -> dict[str, Any]:
        """Sometimes more companies than one."""
        if dice.random() < 0.2:
            self.options.companies = [1, 2]
            return {"company_ids": [1, 2]}
        return {}

    @override
    def vary(self, dice: random.Random, streams: Sequence[str]) -> dict[str, Any]:
        """Any server that a run must survive."""
        options = self.options = Twin24Options(companies=self.options.companies)
        _TABLES.vary(options, dice)
        settings: dict[str, Any] = {"page_size": dice.choice([7, 100, 1000])}
        kind = dice.random()
        if kind < 0.2:
            options.ceiling = settings["max_records"] = 70
        elif kind < 0.4:
            options.shift, options.shift_times = dice.choice([1, 2]), dice.choice([1, 2])
        elif kind < 0.6:
            # Workers may use a token up between them that one has just got.
            options.tokens_valid_requests = 9
            settings["max_concurrency"] = 1
        return settings

    @classmethod
    @override
    def calls(cls, rows: Rows) -> Iterator[Call]:
        """Incoming calls, and those that bots made and that are not among them."""
        incoming, outgoing = cls.call_streams
        sessions = {row["call_id"]: row for row in rows[incoming]}
        bots = [row for row in rows[outgoing] if row["id"] not in sessions]
        for row in [*sessions.values(), *bots]:
            stream = outgoing if row["id"] else incoming
            received = "inbound" if stream == incoming else None
            direction = "outbound" if row["task_id"] else received
            word = row["current_status_name"] or row["status"]
            yield call(
                stream,
                row,
                "call_id=call_id|id started_at raw_status=current_status_name|status "
                "disconnection_reason=hung_up_by agent=bot_name|bot_id from_number=calling_number "
                "customer_number=calling_number|phone raw_sentiment=emotion recording=record_path",
                direction=direction,
                duration_seconds=times(row["duration"]),
                status=_STATUSES.get(word, "other"),
                to_number=row["number" if received else "phone"] if direction else None,
                cost=times(row["total_cost"] if received else row["price"]),
                transcript_table=stream if row["messages_as_string"] else None,
            )


def _invalid(name: str, value: Json, _why: str = "") -> RefusalError:
    return RefusalError(400, "Invalid input parameters.", {name: value})


def _encoder(columns: list[tuple[str, str]], mark: str, *, text: bool) -> Callable[[Row], bytes]:
    """How a row is shown: open shapes decoded, a missing external id as "", times as they are."""

    def shown(column: str, value: Json) -> Json:
        if column in _OPEN_SHAPES:
            return opened(value)
        if column in _TIMES and value is not None:
            clock = zoneless(value)  # with milliseconds where it has any
            return clock[: 23 if clock.endswith("000") else None] + mark
        if column == "external_id":
            return "" if value is None else value
        if column == "region_id" and value is not None and value.isdigit():
            value = int(value)
        number = text and isinstance(value, int | float) and not isinstance(value, bool)
        return str(value) if number else value

    def encode(row: Row) -> bytes:
        wire = {name: shown(column, row.canonical[column]) for name, column in columns}
        return json.dumps({**wire, **row.extra_wire}, ensure_ascii=False).encode()

    return encode


# -- what rows are made of --------------------------------------------------------------------

_BLANK, _BLANK_CALL = (dict.fromkeys(each.columns.values()) for each in (INCOMING, OUTGOING))
_TASKS = (("7301", "Encuesta mayo"), ("7302", "Cobranza, 2º aviso"), ("7305", "Bienvenida"))
_BOTS = (("b-11", "Lucía"), ("b-12", "Martín (pruebas)"))


def _answered(rng: random.Random, record: Record, seconds: int) -> Record:
    robot = 1 + below(rng, seconds)
    durations = {"duration": seconds, "main_call_duration": seconds, "robot_call_duration": robot}
    durations |= {"ai_call_duration": robot, "transfer_call_duration": seconds - robot}
    return {
        **_TABLES.columns("session answered", rng),
        **durations,
        "record_path": _RECORDING.format(record["call_id"]),
    }


def _mature_incoming(rng: random.Random, record: Record, _until: datetime) -> Record:
    """What comes later: the end, and at last depersonalisation."""
    if record["current_status_name"] in _OPEN_STATUSES:
        return _answered(rng, record, 20 + int(rng.expovariate(1 / 150)))
    personal = ("record_path", "messages_as_string", "calling_number")
    return {"depersonalized": True, **dict.fromkeys(personal)}


def _mature_call(rng: random.Random, record: Record, _until: datetime) -> Record:
    """What comes later: the end of the call; then a correction of its price."""
    if record["status"] in _OPEN_STATUSES:
        started = record["started_at"] or text(parse(record["created_at"]) + 5 * SECOND)
        ended = _finished(rng, {**record, "started_at": started}, 15 + below(rng, 90))
        return {"started_at": started, **ended}
    corrected = {"price": round((record["price"] or 0) + 0.25, 4), "dialog_results": "revisado"}
    updated = parse(record["updated_at"]) + timedelta(minutes=1 + below(rng, 90))
    return {**corrected, "updated_at": text(updated)}


def _finished(rng: random.Random, record: Record, seconds: int) -> Record:
    over = max(parse(record["started_at"]) + seconds * SECOND, parse(record["created_at"]))
    updated = text(over + below(rng, 900) * MILLISECOND)
    ended = {"duration": seconds, "price": round(seconds * 0.035, 4), "is_finished": True}
    if not seconds:
        return {**ended, "updated_at": updated, "status": pick(rng, _UNANSWERED)}
    links = {
        "link_to_log": f"https://logs.example.com/{record['id']}",
        "record_path": _RECORDING.format(record["id"]),
    }
    talked = {**_TABLES.columns("call answered", rng), "bot_duration": seconds}
    return {**talked, **ended, **links, "updated_at": updated}
