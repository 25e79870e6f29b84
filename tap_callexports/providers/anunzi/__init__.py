"""Anunzi, and Retell AI, whose API it is. https://doc.anunzi.net/api-calls/listar-llamadas

Says what an account there is; how it is asked is said in client.py.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.provider import Provider
from tap_callexports.providers.anunzi.settings import PROPERTIES
from tap_callexports.providers.anunzi.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_callexports.http.client import Auth


class Anunzi(Provider):
    """A workspace at Anunzi or Retell AI."""

    name = "anunzi"
    title = "Anunzi"
    credentials = (("api_key",),)
    streams = STREAMS
    properties = PROPERTIES

    @classmethod
    @override
    def errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        criteria = settings.get("filter_criteria", {})
        if "start_timestamp" in criteria:
            yield "filter_criteria: may not hold start_timestamp; use start_date and end_date"
        if "agent" in criteria and settings["agent_ids"]:
            yield "filter_criteria: may not hold agent beside agent_ids; use one of them"
        if not settings["call_details_path"].startswith("/"):
            yield "call_details_path: must start with /"
        elif "{call_id}" not in settings["call_details_path"]:
            yield "call_details_path: must hold {call_id}"

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
