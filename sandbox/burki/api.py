"""Burki's export and count, as its open-source server answers them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ..api import Api, Key, Plan
from ..compat import override
from ..http import Json, RefusalError, Reply, Request
from ..instants import EPOCH, MICROSECOND, parse, zoneless
from ..table import Record, Row, Table
from . import calls

if TYPE_CHECKING:
    from collections.abc import Sequence

API_KEY = "burki_canary_key_9d2b41"
_EXPORT = "/api/v1/calls/export"
_COUNT = "/api/v1/calls/count"
_UNAUTHENTICATED = "Authentication required. Please provide a valid API key or token."
#: CSV header and JSON name of each column.
_COLUMNS = (
    ("Call ID", "id"),
    ("Call SID", "call_sid"),
    ("Assistant Name", "assistant_name"),
    ("Customer Phone", "customer_phone_number"),
    ("Status", "status"),
    ("Duration (seconds)", "duration"),
    ("Started At", "started_at"),
    ("Ended At", "ended_at"),
)
_NINTH = ("Conversation Type", "conversation_type")
_TIMES = ("started_at", "ended_at")


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
    api_key: str = API_KEY


class BurkiApi(Api):
    """Burki on localhost."""

    name = "burki"
    prefixes = ("burki",)
    streams = ("burki_calls",)

    def __init__(self, plan: Plan) -> None:
        """Set up the provider with default behaviour."""
        self.options = BurkiOptions()
        super().__init__(plan)

    @override
    def config(self) -> dict[str, Any]:
        """The tap's `burki` object."""
        return {"api_url": f"{self.base_url}/burki", "api_key": self.options.api_key}

    @override
    def truth(self, stream: str) -> dict[Key, Record]:
        """The calls by id; one without a start is out of reach of any date filter."""
        if stream not in self.streams:
            raise KeyError(stream)
        with self.lock:
            return {
                (row.canonical["id"],): self._shown(row)
                for row in self.rows
                if row.visible and row.canonical["started_at"] is not None
            }

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
    def _table(self) -> Table:
        return Table(
            "started_at",
            calls.make,
            calls.mature,
            key=calls.tie_key,
            step=MICROSECOND,
            filters_time_column=True,
        )

    @override
    def _open(self, row: Row) -> bool:
        return bool(row.canonical["status"] == "ongoing")

    def _shown(self, row: Row) -> Record:
        record = dict(row.canonical)
        record.pop("conversation_type", None)
        if self.options.ninth_column:
            record["conversation_type"] = calls.conversation_type(row.canonical)
        return record

    # -- endpoints --------------------------------------------------------------------------

    @override
    def _handle(self, request: Request) -> Reply:
        path = request.path.removeprefix("/burki")
        if path == f"{_EXPORT}/":
            return Reply(307, headers={"Location": f"{self.base_url}/burki{_EXPORT}"})
        handlers = {_EXPORT: self._export, _COUNT: self._count}
        if path not in handlers:
            raise RefusalError(404, "Not Found")
        if request.method != "GET":
            raise RefusalError(405, "Method Not Allowed")
        if request.header("Authorization") != f"Bearer {self.options.api_key}":
            raise RefusalError(401, _UNAUTHENTICATED)
        return handlers[path](request)

    def _export(self, request: Request) -> Reply:
        form = request.query.get("format", "csv")
        if form not in ("csv", "json"):
            raise _invalid("format", form, "String should match pattern '^(csv|json)$'")
        rows = self._selected(request)
        rows = rows[: len(rows) - self.options.cut_rows] if self.options.cut_rows else rows
        body, kind = self._csv(rows) if form == "csv" else self._json(rows)
        reply = Reply(200, body, kind)
        reply.headers["Content-Disposition"] = f"attachment; filename=calls_export.{form}"
        if self.options.gzip and "gzip" in request.header("Accept-Encoding"):
            reply.body = gzip.compress(body, 5, mtime=0)
            reply.headers["Content-Encoding"] = "gzip"
            reply.headers["Vary"] = "Accept-Encoding"
        return reply

    def _count(self, request: Request) -> Reply:
        option = self.options.count
        if option == "missing":
            raise RefusalError(404, "Not Found")
        assistant = _integer(request, "assistant_id")
        if option == "error" or (assistant and assistant not in calls.ASSISTANTS):
            raise RefusalError(500, "")
        count = len(self._selected(request))
        if option == "wrong_high":
            count += 1 + count // 10
        return Reply.of_json(200, {"count": count})

    def _selected(self, request: Request) -> list[Row]:
        """The rows a query asks for, newest first, those without a start before all others."""
        low, high = _instant(request, "date_from"), _instant(request, "date_to")
        assistant = _integer(request, "assistant_id")
        status = request.query.get("status")
        if self.options.filter_ignored:
            low = high = assistant = status = None
        rows = self._main.between(low, high)[::-1]
        without_start = [row for row in rows if row.canonical["started_at"] is None]
        if without_start:
            rows = [row for row in rows if row.canonical["started_at"] is not None]
            if low is None and high is None:
                rows = without_start + rows
        if status:
            rows = [row for row in rows if row.canonical["status"] == status]
        if assistant:
            rows = [row for row in rows if calls.assistant_id(row.canonical) == assistant]
        return rows

    # -- files ------------------------------------------------------------------------------

    def _columns(self) -> tuple[tuple[str, str], ...]:
        if self.options.ninth_column:
            return (*_COLUMNS[:4], _NINTH, *_COLUMNS[4:])
        return _COLUMNS

    def _csv(self, rows: Sequence[Row]) -> tuple[bytes, str]:
        columns, delimiter = self._columns(), self.options.delimiter
        more = list(dict.fromkeys(name for row in rows for name in row.extra_wire))
        form = ("csv", delimiter, len(columns))

        def encode(row: Row) -> bytes:
            record = self._wire(row)
            record["duration"] = record["duration"] or 0
            values = [record.get(name) for _, name in columns]
            return _csv_line(values + [row.extra_wire.get(name) for name in more], delimiter)

        lines = [_csv_line([title for title, _ in columns] + more, delimiter)]
        lines += [encode(row) if more else row.encoded(form, encode) for row in rows]
        mark = b"\xef\xbb\xbf" if self.options.bom else b""
        return mark + b"".join(lines), "text/csv; charset=utf-8"

    def _json(self, rows: Sequence[Row]) -> tuple[bytes, str]:
        columns = self._columns()
        form = ("json", len(columns))

        def encode(row: Row) -> bytes:
            record = self._wire(row)
            shown = {name: record.get(name) for _, name in columns}
            shown.update(row.extra_wire)
            lines = ",\n    ".join(f'"{name}": {json.dumps(v)}' for name, v in shown.items())
            return f"  {{\n    {lines}\n  }}".encode()

        body = b"[\n" + b",\n".join(row.encoded(form, encode) for row in rows) + b"\n]"
        body = body if rows else b"[]"
        if self.options.envelope == "items":
            body = b'{"items": ' + body + b"}"
        return body, "application/json"

    def _wire(self, row: Row) -> Record:
        record = dict(row.canonical)
        for name in _TIMES:
            if record[name] is not None:
                record[name] = zoneless(record[name])
        record["conversation_type"] = calls.conversation_type(row.canonical)
        return record


def _csv_line(values: Sequence[Any], delimiter: str) -> bytes:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return line.getvalue().encode()


def _invalid(name: str, value: Json, message: str) -> RefusalError:
    """A 422 in the form of pydantic."""
    problem = {
        "type": "value_error",
        "loc": ["query", name],
        "msg": message,
        "input": value,
        "ctx": {},
        "url": "https://errors.pydantic.dev/2.5/v/value_error",
    }
    return RefusalError(422, message, [problem])


def _integer(request: Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[+-]?\d+", value):
        raise _invalid(name, value, "Input should be a valid integer")
    return int(value)


def _instant(request: Request, name: str) -> datetime | None:
    """A date filter: ISO text with or without a zone, or seconds or milliseconds since 1970."""
    value = request.query.get(name)
    if value is None:
        return None
    if re.fullmatch(r"\d+", value):
        number = int(value)
        return EPOCH + timedelta(milliseconds=number if number > 2 * 10**10 else number * 1000)
    try:
        return parse(value)
    except ValueError:
        raise _invalid(name, value, "Input should be a valid datetime") from None
