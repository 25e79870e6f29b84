"""Burki's endpoints: what each declares. How they are asked is said in client.py."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.providers.burki import schemas
from tap_callexports.providers.burki.client import FileStream, ListStream, TranscriptStream

SCHEMAS = SchemaDirectory(schemas)


class Calls(FileStream):
    """Calls, https://docs.burki.dev/api-reference/calls/export"""

    name = "burki_calls"
    path = "/api/v1/calls/export"
    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    schema = StreamSchema(SCHEMAS)


class CallList(ListStream):
    """Calls with costs, numbers and metadata, https://docs.burki.dev/api-reference/calls/list"""

    name = "burki_call_list"
    path = "/api/v1/calls/"
    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    schema = StreamSchema(SCHEMAS)


class CallTranscripts(TranscriptStream):
    """What was said in each call, https://docs.burki.dev/api-reference/calls/data/transcripts"""

    name = "burki_call_transcripts"
    path = "/api/v1/calls/{id}/transcripts"
    primary_keys = ("id",)
    replication_key = "call_started_at"
    filter_field = "call_started_at"
    schema = StreamSchema(SCHEMAS)
    calls = CallList
    status_column = "status"
    unfinished = frozenset({"ongoing", "in-progress", "pending"})


STREAMS = (Calls, CallList, CallTranscripts)
