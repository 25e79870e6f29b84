"""Anunzi's endpoints: what each declares. How they are asked is said in client.py."""

from __future__ import annotations

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.providers.anunzi import schemas
from tap_callexports.providers.anunzi.client import OneCallStream, WindowedCalls
from tap_callexports.providers.anunzi.unstarted import UnstartedCallStream

SCHEMAS = SchemaDirectory(schemas)


class Calls(WindowedCalls):
    """Calls that started, https://doc.anunzi.net/api-calls/listar-llamadas"""

    name = "anunzi_calls"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    schema = StreamSchema(SCHEMAS)


class UnstartedCalls(UnstartedCallStream):
    """Calls that never started, https://doc.anunzi.net/api-calls/listar-llamadas"""

    name = "anunzi_unstarted_calls"
    primary_keys = ("call_id",)
    replication_key = None
    schema = StreamSchema(SCHEMAS)


class CallDetails(OneCallStream):
    """Calls with their transcripts, https://docs.retellai.com/api-references/get-call"""

    name = "anunzi_call_details"
    path_setting = "call_details_path"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    schema = StreamSchema(SCHEMAS)
    calls = Calls
    status_column = "call_status"
    unfinished = frozenset({"registered", "ongoing"})


STREAMS = (Calls, UnstartedCalls, CallDetails)
