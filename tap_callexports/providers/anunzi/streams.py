"""Anunzi's endpoints: what each declares. How they are asked is said in client.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.core.compat import override
from tap_callexports.providers.anunzi import filters, schemas
from tap_callexports.providers.anunzi.client import AnunziStream, OneCallStream, WindowedCalls
from tap_callexports.providers.anunzi.paginator import ListToken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.rows.batch import Batch
    from tap_callexports.core.time.window import Window

SCHEMAS = SchemaDirectory(schemas)
#: Status of calls that never began.
NOT_CONNECTED = "not_connected"


class Calls(WindowedCalls):
    """Calls that started, https://doc.anunzi.net/api-calls/listar-llamadas"""

    name = "anunzi_calls"
    primary_keys = ("call_id",)
    replication_key = "start_timestamp"
    filter_field = "start_timestamp"
    schema = StreamSchema(SCHEMAS)


class UnstartedCalls(AnunziStream):
    """Calls that never connected, https://doc.anunzi.net/api-calls/listar-llamadas

    They have no start, so no time filter finds them.
    """

    name = "anunzi_unstarted_calls"
    primary_keys = ("call_id",)
    replication_key = None
    windowed = False
    watched = ("call_status", "start_timestamp")
    schema = StreamSchema(SCHEMAS)

    @override
    def criteria(self, token: ListToken) -> dict[str, Any]:
        # A user's own condition on the status stays; the rows are checked below all the same.
        return {
            "call_status": filters.equals(self.dialect, NOT_CONNECTED),
            **super().criteria(token),
        }

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        for batch in self.follow(ListToken(None, None), context):
            states = zip(batch["start_timestamp"], batch["call_status"], strict=True)
            yield batch.select(
                [
                    row
                    for row, (start, status) in enumerate(states)
                    if start is None and status in {None, NOT_CONNECTED}
                ]
            )


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
