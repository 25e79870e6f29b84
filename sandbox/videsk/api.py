"""Videsk's export API: one answer per request, cut at a cap, and nothing to page with."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..api import Api, joined
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import MILLISECOND, floor
from . import submissions
from .appointments import booked
from .endpoints import (
    APPOINTMENTS,
    ENDPOINTS,
    FORMS,
    STREAMS,
    SURVEYS,
    Endpoint,
    KeysOption,
    TagColumn,
)
from .question import Question, read_question
from .stores import make_stores
from .wire import encoder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from ..handle import Handle
    from ..store import Plan, Store
    from ..table import Clock, Ends, Record, Row, Table

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
    #: What the range and the order of appointments act on.
    appointments_filter: Literal["start_time", "created"] = "start_time"
    #: The id of the column that holds a tag's id.
    tag_column: TagColumn = "tag"
    #: The labels of the questions of each form and each survey.
    forms: dict[str, list[str]] = field(default_factory=submissions.default_forms)
    surveys: dict[str, list[str]] = field(default_factory=submissions.default_surveys)
    #: The answer to a form or survey that there is not.
    unknown_definition: int = 404
    status: int = 201
    token: str = CREDENTIAL


class VideskApi(Api):
    """Videsk on localhost."""

    name = "videsk"
    prefixes = ("videsk",)
    keys: ClassVar = {endpoint.stream: endpoint.keys for endpoint in ENDPOINTS.values()}

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = VideskOptions()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `videsk` object."""
        return {
            "api_url": f"{self.base_url}/videsk",
            "api_token": self.options.token,
            "form_ids": list(self.options.forms),
            "survey_ids": list(self.options.surveys),
        }

    def separate_filter_field(self, max_shift: timedelta) -> None:
        """From now on the range acts on a time that is up to `max_shift` before or after start.

        Concerns the rows there are; rows made later are filtered by their start.
        """
        with self.lock:
            self.options.filter_field = "other"
            for stream, store in self._stores.items():
                name = self.name if stream == self.streams[0] else stream
                rng = random.Random(f"{self._plan.seed}:{name}:shift")
                store.when_filled(partial(_shift, rng, max_shift))

    @override
    def error(self, status: int, message: str = "", detail: Json = None) -> Reply:
        """The error object of FeathersJS."""
        name, css_class = _ERROR_NAMES.get(status, ("GeneralError", "general-error"))
        body = {"name": name, "message": message or name, "code": status, "className": css_class}
        if detail is not None:
            body["data"] = detail
        return Reply.of_json(status, {**body, "errors": {}})

    @override
    def _make_stores(self) -> dict[str, Store]:
        return make_stores(
            self._plan,
            lambda: self.now,
            lambda: self.options.forms,
            lambda: self.options.surveys,
        )

    @override
    def _make_handle(self, stream: str) -> Handle:
        definitions = self._definitions(STREAMS[stream])
        if definitions is None:
            return super()._make_handle(stream)
        column = STREAMS[stream].keys[0]
        return submissions.SubmissionsHandle(
            self._stores[stream], self.lock, partial(self.truth, stream), column, definitions
        )

    def _definitions(self, endpoint: Endpoint) -> submissions.Ask | None:
        """The forms or the surveys, for the endpoint that has them."""
        return {
            FORMS.stream: lambda: self.options.forms,
            SURVEYS.stream: lambda: self.options.surveys,
        }.get(endpoint.stream)

    @override
    def _record(self, stream: str, row: Row) -> Record | None:
        definitions = self._definitions(STREAMS[stream])
        record = dict(row.canonical)
        if definitions is not None:
            questions = definitions().get(record[STREAMS[stream].keys[0]])
            if questions is None:
                return None
            record["answers"] = submissions.in_order(submissions.by_label(record), questions)
        return record

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _answer(self, request: Request) -> Reply:
        self._authorise(request)
        endpoint = ENDPOINTS.get(request.path.removeprefix("/videsk"))
        if endpoint is None:
            raise RefusalError(404, "Page not found")
        if request.method != "POST":
            raise RefusalError(405, f"Method {request.method} is not supported by this endpoint")
        return self._export(endpoint, read_question(request.body, endpoint))

    def _authorise(self, request: Request) -> None:
        given = request.header("X-API-Token")
        if not given:
            raise RefusalError(401, "Missing authentication")
        if given != f"Bearer {self.options.token}":
            raise RefusalError(401, "jwt malformed")

    def _export(self, endpoint: Endpoint, question: Question) -> Reply:
        options = self.options
        questions = self._questions(endpoint, question)
        rows = self._ordered(endpoint, question)
        labels = endpoint.labels(question.keys, options.keys, options.labels, options.tag_column)
        zone = question.zone if options.zone == "honoured" else "UTC"
        day_first = endpoint.day_first or options.dates == "day_first"
        form = (endpoint.path, labels, questions, zone, day_first)
        encode = encoder(endpoint, labels, questions, zone, day_first=day_first)
        data = joined([row.encoded(form, encode) for row in rows[: options.cap]])
        head: Record = {"columns": labels + questions}
        declared = {"yes": options.cap, "text": str(options.cap), "lying": 100_000}
        if options.cap_declared != "no":
            head = {"$limit": declared[options.cap_declared], **head}
        opening = json.dumps(head, ensure_ascii=False)[:-1].encode()
        return Reply(options.status, opening + b', "data": ' + data + b"}")

    def _questions(self, endpoint: Endpoint, question: Question) -> tuple[str, ...]:
        """The labels of the form or survey that was asked for."""
        definitions = self._definitions(endpoint)
        if definitions is None:
            return ()
        labels = definitions().get(question.definition or "")
        if labels is None:
            raise RefusalError(
                self.options.unknown_definition,
                f"No record found for id '{question.definition}'",
                endpoint.definition,
            )
        return tuple(labels)

    def _ordered(self, endpoint: Endpoint, question: Question) -> list[Row]:
        """The rows in range, in the order this server is pleased to use."""
        options = self.options
        rows, moment = self._in_range(endpoint, question)
        if question.definition is not None:
            column = endpoint.keys[0]
            rows = [row for row in rows if row.canonical[column] == question.definition]
        if options.order == "shuffled":
            return sorted(rows, key=lambda row: zlib.crc32(row.key.encode()))
        if options.order == "honest" and not question.descending:
            return rows
        if options.ties == "stable":
            return sorted(rows, key=moment, reverse=True)
        return rows[::-1]

    def _in_range(
        self, endpoint: Endpoint, question: Question
    ) -> tuple[list[Row], Callable[[Row], datetime]]:
        """The rows in range, oldest first, and the time their order goes by."""
        options = self.options
        table = self._stores[endpoint.stream].ready()
        start, end = question.start, question.end
        if endpoint is APPOINTMENTS and options.appointments_filter == "created":
            rows = [
                row
                for row in table.rows
                if row.visible and _inside(booked(row), start, end, options.range_ends)
            ]
            return sorted(rows, key=lambda row: (booked(row), row.key)), booked
        clock: Clock = "sort_at" if options.filter_field == "start_time" else "at"
        return table.between(start, end, options.range_ends, clock), lambda row: row.sort_at


def _inside(at: datetime, low: datetime, high: datetime, ends: Ends) -> bool:
    after = low <= at if ends[0] == "[" else low < at
    before = at <= high if ends[1] == "]" else at < high
    return after and before


def _shift(rng: random.Random, max_shift: timedelta, table: Table) -> None:
    """Move the filtered time of every row away from the time it is ordered by."""
    for row in table.rows:
        row.at = floor(row.sort_at + (2 * rng.random() - 1) * max_shift, MILLISECOND)
    table.reindex()
