"""Acme's endpoints."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema
from tap_callexports.providers.acme import schemas
from tap_callexports.providers.acme.client import AcmeStream

SCHEMAS = SchemaDirectory(schemas)


class Calls(AcmeStream):
    """Calls, https://docs.acme.example/calls"""

    name = "acme_calls"
    path = "/calls"
    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    schema = StreamSchema(SCHEMAS)


STREAMS = (Calls,)
