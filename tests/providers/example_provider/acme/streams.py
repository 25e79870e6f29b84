"""Acme's endpoints."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema
from tap_callexports.providers.acme import schemas

from tap_callexports.compat import override
from tap_callexports.http.request import Request
from tap_callexports.records.timestamps import format_instant
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)


class Calls(CallStream["str | None"]):
    """Calls, page by page: `{"calls": […], "next": …}`. https://docs.acme.example/calls"""

    name = "acme_calls"
    path = "/calls"
    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    schema = StreamSchema(SCHEMAS)
    rows_field = "calls"
    page_fields = {"cursor": "next"}

    @override
    def build_request(self, window: Window, token: str | None) -> Request:
        start, end = format_instant(window.start), format_instant(window.end)
        return self.get(self.path, **{"from": start, "to": end, "cursor": token})
