"""The call list, `POST /v3/list-calls`, and single calls, `GET /v2/get-call/{call_id}`.

https://docs.retellai.com/api-references/list-calls, https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import Signal, TransientFailure, WindowTooLarge
from tap_callexports.http.paginators import CursorPaginator
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.retell import filters, schemas
from tap_callexports.records.batch import Batch, Record
from tap_callexports.records.rows import Row
from tap_callexports.records.timestamps import (
    EPOCH_MS_TIMES,
    MICROSECOND,
    MILLISECOND,
    TimeReader,
    epoch_ms,
)
from tap_callexports.records.values import plain
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)
#: How often a list that cannot be split is read again after its cursor was refused.
MAX_RESTARTS = 3
#: The key to a web call's room is not exported.
SECRETS = frozenset({"access_token"})
_CURSOR = "pagination_key"
_CURSOR_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class CursorRefused(Signal):
    """The server no longer accepts a cursor that it sent, for a list that cannot be split."""


class RetellStream(CallStream["str | None"]):
    """The call list, paginated by cursor, oldest first."""

    path = "/v3/list-calls"
    primary_keys = ("call_id",)
    page_fields = {"cursor": _CURSOR, "has_more": "has_more"}
    excluded_fields = SECRETS

    @property
    @override
    def times(self) -> TimeReader:
        return EPOCH_MS_TIMES

    @property
    def dialect(self) -> str:
        """The dialect of filters (`filters.py`)."""
        return str(self.provider.settings.get("filter_dialect", filters.RETELL))

    @property
    def dialect_advice(self) -> str:
        """The end of a message about filters; "" for a provider without `filter_dialect`."""
        if "filter_dialect" not in self.provider.settings:
            return ""
        return f"; try {self.provider.name}.filter_dialect: {filters.other(self.dialect)}"

    @override
    def paginator(self, window: Window) -> CursorPaginator:
        return CursorPaginator(_CURSOR, keys=self.declared_primary_keys)

    @override
    def build_request(self, window: Window, token: str | None) -> Request:
        body: dict[str, Any] = {
            "filter_criteria": self.filter_criteria(window),
            "sort_order": "ascending",
            "limit": self.provider.settings["page_size"],
        }
        if token is not None:
            body[_CURSOR] = token
        return self.post(self.path, body)

    def filter_criteria(self, window: Window) -> dict[str, Any]:
        """The user's conditions, the time range, and the restrictions of the window.

        The range is 1 ms wider than the window: whether `bt` includes its ends is not documented.
        """
        settings = self.provider.settings
        criteria = dict(settings.get("filter_criteria", {}))
        if settings["agent_ids"]:
            criteria["agent"] = [{"agent_id": agent} for agent in settings["agent_ids"]]
        if self.windowed:
            low, high = epoch_ms(window.start) - 1, epoch_ms(window.end - MICROSECOND) + 1
            criteria["start_timestamp"] = filters.between(self.dialect, low, high)
        for column, value in window.only.items():
            criteria[column] = filters.equals(self.dialect, value)
        return criteria

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        if _CURSOR in request.json and response.status in _CURSOR_REFUSED:
            text = f"{response.status}, the server refused its own {_CURSOR}"
            # Once more, and then in halves.
            splittable = request.splittable
            return TransientFailure(text, too_large=True) if splittable else CursorRefused(text)
        if response.status == HTTPStatus.BAD_REQUEST:
            check = ", and check" if self.dialect_advice else "; check"
            return self.fail(
                f"400, the filter was refused{response.error_message}{self.dialect_advice}{check} "
                f"{self.provider.name}.filter_criteria"
            )
        return None

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        """As in CallStream, but a list that cannot be split is read again if its cursor is refused.

        A second whose cursor is refused is read in milliseconds. `WindowReader` splits down to
        seconds only.
        """
        for restarts in range(MAX_RESTARTS + 1):
            read = False
            try:
                for batch in super().read_window(window):
                    yield batch
                    read = True
            except CursorRefused as failure:
                if restarts == MAX_RESTARTS:
                    raise self.fail(f"{failure}, {restarts + 1} times in a row") from None
            except WindowTooLarge:
                parts = replace(window, granule=MILLISECOND).split()
                # Smaller parts have fewer pages; they do not help where the first page fails.
                if not (read and self.windowed and parts) or window.length > self.granularity:
                    raise
                for part in parts:
                    yield from self.read_window(part)
                return
            else:
                return


class Calls(RetellStream):
    """Calls that started, https://docs.retellai.com/api-references/list-calls"""

    name = "retell_calls"
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    strict_filter = True
    schema = StreamSchema(SCHEMAS, key="retell_calls")

    @property
    @override
    def filter_ignored_text(self) -> str:
        return f"the server did not apply the time filter{self.dialect_advice}"


class CallDetails(DetailStream):
    """Calls with their transcripts, https://docs.retellai.com/api-references/get-call"""

    name = "retell_call_details"
    path_setting = "call_details_path"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    schema = StreamSchema(SCHEMAS, key="retell_call_details")
    excluded_fields = SECRETS
    calls = Calls
    status_column = "call_status"
    unfinished = frozenset({"registered", "ongoing"})

    @property
    @override
    def times(self) -> TimeReader:
        return EPOCH_MS_TIMES

    @override
    def build_call_request(self, call: Record) -> Request:
        return self.get(self.endpoint.replace("{call_id}", quote(call["call_id"], safe="")))

    @override
    def parse_call(self, response: Response, call: Record) -> Collection[Row]:
        body = response.row()
        if not isinstance(body, dict) or plain(body.get("call_id")) != call["call_id"]:
            raise TransientFailure(
                f"{response.status} without the call that was requested{response.error_message}"
            )
        return [body]
