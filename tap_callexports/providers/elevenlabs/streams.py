"""Conversations, as a list and one by one.

https://elevenlabs.io/docs/api-reference/conversations/list
https://elevenlabs.io/docs/api-reference/conversations/get
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import TransientFailure
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.elevenlabs import schemas
from tap_callexports.records.batch import Record
from tap_callexports.records.rows import Row
from tap_callexports.records.timestamps import EPOCH_TIMES, MICROSECOND, epoch_seconds
from tap_callexports.records.values import plain
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)


class Conversations(CallStream["str | None"]):
    """Conversations with summary and costs, https://elevenlabs.io/docs/api-reference/conversations/list"""

    name = "elevenlabs_conversations"
    path = "/v1/convai/conversations"
    primary_keys = ("conversation_id",)
    replication_key = "start_time"
    filter_field = "start_time"
    strict_filter = True
    ids_setting = "agent_ids"
    ids_column = "agent_id"
    rows_field = "conversations"
    page_fields = {"cursor": "next_cursor", "has_more": "has_more"}
    schema = StreamSchema(SCHEMAS)
    times = EPOCH_TIMES

    @override
    def build_request(self, window: Window, token: str | None) -> Request:
        return self.get(
            self.path,
            # 1 s wider than the window: whether the ends belong to it is not documented.
            call_start_after_unix=epoch_seconds(window.start) - 1,
            call_start_before_unix=epoch_seconds(window.end - MICROSECOND) + 1,
            agent_id=window.only.get("agent_id"),
            summary_mode="include",
            sort_direction="asc",
            page_size=self.provider.settings["page_size"],
            cursor=token,
        )

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        return _too_many_at_once(response)


class ConversationDetails(DetailStream):
    """Conversations with their transcripts, https://elevenlabs.io/docs/api-reference/conversations/get"""

    name = "elevenlabs_conversation_details"
    path = "/v1/convai/conversations/{conversation_id}"
    primary_keys = ("conversation_id",)
    replication_key = "start_time"
    filter_field = "start_time"
    calls = Conversations
    status_column = "status"
    unfinished = frozenset({"initiated", "in-progress", "processing"})
    # Links to files need no key. Variables of that name are secrets by the provider's documents.
    excluded_fields = frozenset(
        {
            "transcript.**.file_url",
            "conversation_initiation_client_data.dynamic_variables.secret__*",
        }
    )
    secrets_inside = frozenset({"transcript", "conversation_initiation_client_data"})
    schema = StreamSchema(SCHEMAS)
    times = EPOCH_TIMES

    @override
    def parse_call(self, response: Response, call: Record) -> Collection[Row]:
        (row,) = super().parse_call(response, call)
        metadata = plain(row.get("metadata"))
        started = metadata.get("start_time_unix_secs") if isinstance(metadata, dict) else None
        return [{**row, "start_time_unix_secs": started}]

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        return _too_many_at_once(response) or super().error_for(response, request)


def _too_many_at_once(response: Response) -> TransientFailure | None:
    """The failure for the 429 that is about concurrent requests; the other kind is waited out."""
    if response.status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    if b'"too_many_concurrent_requests"' not in response.body:
        return None
    text = f"{response.status}{response.error_message}"
    return TransientFailure(text, wait=response.retry_after or None, fewer_at_once=True)
