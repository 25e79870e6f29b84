"""Anunzi, and Retell AI, which has the same API. https://doc.anunzi.net/api-calls/listar-llamadas"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import (
    MAX_LOOKBACK_HOURS,
    array,
    common_settings,
    integer,
    open_object,
    secret,
    text,
)
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider
from tap_callexports.providers.anunzi.streams import CallDetails, Calls
from tap_callexports.providers.anunzi.unstarted import UnstartedCalls

SETTINGS = (
    secret("api_key", "API key", "API key of Anunzi, or of Retell AI."),
    *common_settings(api_url="https://calls.anunzi.net", lookback_hours=24, max_concurrency=4),
    text(
        "filter_dialect",
        "Filter dialect",
        "How filters are written: as Anunzi documents them, or as Retell AI does.",
        default="anunzi",
        choices=["anunzi", "retell"],
    ),
    open_object(
        "filter_criteria",
        "Filter criteria",
        "Additional conditions, in the provider's form, combined with the time range by AND. "
        "start_timestamp is not allowed, and agent is not allowed together with agent_ids.",
    ),
    array("agent_ids", th.StringType, "Agent ids", "Only calls of these agents."),
    integer("page_size", "Page size", "Calls per request.", default=500, minimum=1, maximum=1000),
    text(
        "call_details_path",
        "Path of one call",
        "Where a single call with its transcript is read; Anunzi does not document it.",
        default="/v2/get-call/{call_id}",
    ),
    integer(
        "details_lookback_hours",
        "Details lookback (hours)",
        "As lookback_hours, for the stream with one request per call.",
        default=3,
        minimum=0,
        maximum=MAX_LOOKBACK_HOURS,
    ),
)


class Anunzi(Provider):
    """A workspace at Anunzi or Retell AI."""

    name = "anunzi"
    title = "Anunzi"
    credentials = (("api_key",),)
    streams = (Calls, UnstartedCalls, CallDetails)
    properties = SETTINGS

    @classmethod
    @override
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
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
