"""Videsk's endpoints."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.providers.videsk import schemas
from tap_callexports.providers.videsk.client import VideskStream

SCHEMAS = SchemaDirectory(schemas)


class Calls(VideskStream):
    """Calls, https://docs.videsk.io/es-developers/api-privada/exportacion/llamadas"""

    name = "videsk_calls"
    path = "/reports/exports/calls"
    primary_keys = ("id",)
    replication_key = "start_time"
    schema = StreamSchema(SCHEMAS)


STREAMS = (Calls,)
