"""Videsk's export API: one answer per request, cut at a cap, and nothing to page with."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from ..api import Api, Key, Plan, joined
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import MILLISECOND, UTC, floor, parse
from ..table import Clock, Ends, Record, Row, Table
from . import calls
from .endpoints import ENDPOINTS, Endpoint, KeysOption

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

CREDENTIAL = "videsk-canary-token-5f1c7e"
_ERROR_NAMES = {
    400: ("BadRequest", "bad-request"),
    401: ("NotAuthenticated", "not-authenticated"),
    402: ("PaymentError", "payment-error"),
    403: ("Forbidden", "forbidden"),
    404: ("NotFound", "not-found"),
    405: ("MethodNotAllowed", "method-not-allowed"),
    408: ("Timeout", "timeout"),
    422: ("Unprocessable", "unprocessable"),
    429: ("TooManyRequests", "too-many-requests"),
    502: ("BadGateway", "bad-gateway"),
    503: ("Unavailable", "unavailable"),
}


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
    status: int = 201
    token: str = CREDENTIAL


@dataclass(frozen=True)
class _Question:
    """A checked request body."""

    descending: bool
    start: datetime
    end: datetime
    zone: str
    keys: dict[str, str]


class VideskApi(Api):
    """Videsk on localhost."""

    name = "videsk"
    prefixes = ("videsk",)
    streams = ("videsk_calls",)

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = VideskOptions()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `videsk` object."""
        return {"api_url": f"{self.base_url}/videsk", "api_token": self.options.token}

    @override
    def truth(self, stream: str) -> dict[Key, Record]:
        """The calls by id."""
        if stream not in self.streams:
            raise KeyError(stream)
        with self.lock:
            return {(row.canonical["id"],): dict(row.canonical) for row in self.rows if row.visible}

    def separate_filter_field(self, max_shift: timedelta) -> None:
        """From now on the range acts on a time that is up to `max_shift` before or after start.

        Concerns the rows there are; rows made later are filtered by their start.
        """
        rng = random.Random(f"{self._plan.seed}:{self.name}:shift")
        with self.lock:
            self.options.filter_field = "other"
            for row in self.rows:
                row.at = floor(row.sort_at + (2 * rng.random() - 1) * max_shift, MILLISECOND)
            self._main.reindex()

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of FeathersJS."""
        name, css_class = _ERROR_NAMES.get(status, ("GeneralError", "general-error"))
        body = {"name": name, "message": message or name, "code": status, "className": css_class}
        if detail is not None:
            body["data"] = detail
        return Reply.of_json(status, {**body, "errors": {}})

    @override
    def _table(self) -> Table:
        return Table("start_time", calls.make, calls.mature, key=lambda record: str(record["id"]))

    @override
    def _open(self, row: Row) -> bool:
        return row.canonical["end_time"] is None

    @override
    def _handle(self, request: Request) -> Reply:
        self._authorise(request)
        endpoint = ENDPOINTS.get(request.path.removeprefix("/videsk"))
        if endpoint is None:
            raise RefusalError(404, "Page not found")
        if request.method != "POST":
            raise RefusalError(405, f"Method {request.method} is not supported by this endpoint")
        return self._export(endpoint, _question(request.body))

    def _authorise(self, request: Request) -> None:
        given = request.header("X-API-Token")
        if not given:
            raise RefusalError(401, "Missing authentication")
        if given != f"Bearer {self.options.token}":
            raise RefusalError(401, "jwt malformed")

    def _export(self, endpoint: Endpoint, question: _Question) -> Reply:
        options = self.options
        rows = self._ordered(question)[: options.cap]
        labels = endpoint.labels(question.keys, options.keys, options.labels)
        zone = question.zone if options.zone == "honoured" else "UTC"
        form = (endpoint.path, labels, zone, options.dates)
        encode = _encoder(endpoint, labels, zone, options.dates)
        data = joined([row.encoded(form, encode) for row in rows])
        head: Record = {"columns": labels}
        declared = {"yes": options.cap, "text": str(options.cap), "lying": 100_000}
        if options.cap_declared != "no":
            head = {"$limit": declared[options.cap_declared], **head}
        opening = json.dumps(head, ensure_ascii=False)[:-1].encode()
        return Reply(options.status, opening + b', "data": ' + data + b"}")

    def _ordered(self, question: _Question) -> list[Row]:
        """The rows in range, in the order this server is pleased to use."""
        options = self.options
        clock: Clock = "sort_at" if options.filter_field == "start_time" else "at"
        rows = self._main.between(question.start, question.end, options.range_ends, clock)
        if options.order == "shuffled":
            return sorted(rows, key=lambda row: zlib.crc32(row.key.encode()))
        if options.order == "honest" and not question.descending:
            return rows
        if options.ties == "stable":
            return sorted(rows, key=lambda row: row.sort_at, reverse=True)
        return rows[::-1]


def _question(body: Json) -> _Question:
    """Check a request body the way the documented errors suggest."""
    if not isinstance(body, dict):
        raise RefusalError(400, "Invalid body")
    if body.get("$sort") not in (1, -1):
        raise RefusalError(400, 'The "$sort" must be 1 or -1', "$sort")
    keys = body.get("keys") or {}
    if not isinstance(keys, dict) or not all(isinstance(label, str) for label in keys.values()):
        raise RefusalError(400, 'The "keys" must be an object of labels', "keys")
    return _Question(
        descending=body["$sort"] == -1,
        start=_instant(body.get("start")),
        end=_instant(body.get("end")),
        zone=_zone(body.get("timezone")),
        keys=keys,
    )


def _instant(value: Json) -> datetime:
    try:
        return floor(parse(value), MILLISECOND)
    except (TypeError, ValueError):
        raise RefusalError(400, "Invalid date", "date") from None


def _zone(value: Json) -> str:
    try:
        return ZoneInfo(value).key
    except (TypeError, ValueError, KeyError, OSError, AttributeError):
        raise RefusalError(400, 'A valid "timezone" is required', "timezone") from None


def _encoder(
    endpoint: Endpoint, labels: tuple[str, ...], zone: str, dates: str
) -> Callable[[Row], bytes]:
    """How one row is written: under these labels, its times in this zone."""
    columns = tuple(zip(endpoint.columns, labels, strict=True))
    place = UTC if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)

    def shown(value: str) -> str:
        local = value if place is UTC else parse(value).astimezone(place).isoformat()
        if dates == "day_first":
            return f"{local[8:10]}/{local[5:7]}/{local[:4]}, {local[11:19]}"
        return f"{local[:10]} {local[11:19]}"

    def encode(row: Row) -> bytes:
        wire: Record = {}
        for column, label in columns:
            value = row.canonical.get(column.name)
            if value is None:
                continue
            if column.is_time:
                value = shown(value)
            wire[label] = "" if value == [] else value
        wire.update(row.extra_wire)
        return json.dumps(wire, ensure_ascii=False).encode()

    return encode
