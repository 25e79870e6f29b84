"""Retell AI, https://docs.retellai.com/api-references/list-calls"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import (
    Setting,
    array,
    common_settings,
    details_lookback,
    integer,
    open_object,
    secret,
    text,
)
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.retell import streams as endpoints


def settings_of(title: str, api_url: str, *more: Setting) -> tuple[Setting, ...]:
    """The settings of a provider with this API, `more` among them."""
    return (
        secret("api_key", "API key", f"API key of {title}."),
        *common_settings(api_url=api_url, lookback_hours=24, max_concurrency=4),
        *more,
        open_object(
            "filter_criteria",
            "Filter criteria",
            "Additional conditions, in the provider's form, combined with the time range by AND. "
            "start_timestamp is not allowed, and agent is not allowed together with agent_ids.",
        ),
        array("agent_ids", th.StringType, "Agent ids", "Only calls of these agents."),
        integer(
            "page_size", "Page size", "Calls per request.", default=500, minimum=1, maximum=1000
        ),
        text(
            "call_details_path",
            "Path of one call",
            "Where a single call with its transcript is read.",
            default="/v2/get-call/{call_id}",
        ),
        details_lookback(3),
    )


class Retell(Provider):
    """A workspace at Retell AI."""

    name = "retell"
    title = "Retell AI"
    credentials = (("api_key",),)
    streams = streams_in(endpoints)
    properties = settings_of(title, "https://api.retellai.com")

    @classmethod
    @override
    def settings_errors(cls, settings: Mapping[str, Any]) -> Iterator[str]:
        criteria = settings.get("filter_criteria", {})
        if "start_timestamp" in criteria:
            yield "filter_criteria: may not hold start_timestamp; use start_date and end_date"
        if "agent" in criteria and settings["agent_ids"]:
            yield "filter_criteria: may not hold agent beside agent_ids; use one of them"
        if "{call_id}" not in settings["call_details_path"]:
            yield "call_details_path: must hold {call_id}"

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
