"""Twin24's endpoints: what each declares. How they are asked is said in client.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.providers.twin24 import schemas
from tap_callexports.providers.twin24.client import Twin24Stream

if TYPE_CHECKING:
    from singer_sdk.streams.rest import HTTPRequest, PageContext

    from tap_callexports.providers.twin24.paginator import ListToken

SCHEMAS = SchemaDirectory(schemas)


class IncomingCalls(Twin24Stream):
    """Incoming call sessions, https://developers.twin24.ai/reference/sessionincominglist"""

    name = "twin24_incoming_calls"
    path_setting = "incoming_calls_path"
    primary_keys = ("call_id",)
    replication_key = "started_at"
    key_field = "callId"
    sort = "startedAt"
    schema = StreamSchema(SCHEMAS)

    @override
    def get_http_request(self, *, page: PageContext[ListToken]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        settings = self.account.settings
        # Without the parameter's name the server's default, createdAt, holds.
        if name := settings.get("date_field_param"):
            request.params[name] = settings["date_field"]
        return request


class Calls(Twin24Stream):
    """Call statistics, https://confluence.twin24.ai/x/BwLLBg"""

    name = "twin24_calls"
    path = "/search/cis/calls"
    primary_keys = ("id",)
    replication_key = "created_at"
    filter_field = "created_at"
    key_field = "id"
    sort = "createdAt"
    schema = StreamSchema(SCHEMAS)


STREAMS = (IncomingCalls, Calls)
