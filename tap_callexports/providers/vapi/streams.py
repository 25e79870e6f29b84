"""Vapi's calls, a list without a cursor. https://docs.vapi.ai/api-reference/calls/list"""

from __future__ import annotations

from functools import cached_property

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.http.capped_page import CappedPage
from tap_callexports.http.request import Request
from tap_callexports.providers.vapi import schemas
from tap_callexports.records.timestamps import MICROSECOND, MILLISECOND, format_milliseconds
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)
#: The highest `limit` of the API.
MAX_LIMIT = 1000


class Calls(CallStream[int]):
    """Calls with transcript, messages, analysis and costs; the page token is the limit.

    The range acts on `updatedAt`, so that changed calls are read again. A response is a bare array
    of at most `limit` calls, in no documented order.
    """

    name = "vapi_calls"
    path = "/call"
    primary_keys = ("id",)
    replication_key = "updated_at"
    filter_field = "updated_at"
    granularity = MILLISECOND
    rows_field = None
    sorts_rows = True
    ids_setting = "assistant_ids"
    ids_column = "assistant_id"
    schema = StreamSchema(SCHEMAS)
    # Links that need no key, made anew for each response.
    excluded_fields = frozenset(
        {"artifact.**.presigned*", "monitor.controlUrl", "monitor.listenUrl"}
    )
    # Copies of what the customer configured; a customer may have overrides, too.
    secrets_inside = frozenset({
        "assistant", "assistantOverrides", "squad", "squadOverrides", "workflow",
        "workflowOverrides", "customer.assistantOverrides", "customer.squadOverrides",
        "artifactPlan", "phoneNumber", "transport",
    })  # fmt: skip

    @cached_property
    @override
    def cap(self) -> Cap:
        return Cap(self.provider.settings["page_size"])

    @override
    def paginator(self, window: Window) -> CappedPage[int]:
        return CappedPage(
            self.provider.settings["page_size"],
            None if window.split() else MAX_LIMIT,
            last_limit=MAX_LIMIT,
            cap=self.cap_for(window),
            keys=self.declared_primary_keys,
        )

    @override
    def build_request(self, window: Window, token: int) -> Request:
        return self.get(
            self.path,
            updatedAtGe=format_milliseconds(window.start),
            # Rounded up: rows outside the window are dropped.
            updatedAtLt=format_milliseconds(window.end + MILLISECOND - MICROSECOND),
            assistantId=window.only.get(self.ids_column),
            limit=token,
        )
