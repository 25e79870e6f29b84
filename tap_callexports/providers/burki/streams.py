"""Burki's endpoints."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.providers.burki import schemas
from tap_callexports.providers.burki.client import BurkiStream

SCHEMAS = SchemaDirectory(schemas)


class Calls(BurkiStream):
    """Calls, https://docs.burki.dev/api-reference/calls/export"""

    name = "burki_calls"
    path = "/api/v1/calls/export"
    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    schema = StreamSchema(SCHEMAS)


STREAMS = (Calls,)
