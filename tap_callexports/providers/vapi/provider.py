"""Vapi: voice agents. https://docs.vapi.ai/api-reference/calls/list"""

from __future__ import annotations

from functools import cached_property

from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import array, common_settings, integer, secret
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.vapi import streams as endpoints


class Vapi(Provider):
    """An organisation at Vapi."""

    name = "vapi"
    title = "Vapi"
    credentials = (("api_key",),)
    streams = streams_in(endpoints)
    properties = (
        secret("api_key", "API key", "Private API key of the organisation."),
        *common_settings(api_url="https://api.vapi.ai", lookback_hours=48, max_concurrency=2),
        integer(
            "page_size",
            "Page size",
            "Calls per request; one call can have 200 kB.",
            default=200,
            minimum=1,
            maximum=endpoints.MAX_LIMIT,
        ),
        array(
            "assistant_ids",
            th.StringType,
            "Assistant ids",
            "Only calls of these assistants, one request for each.",
        ),
    )

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
