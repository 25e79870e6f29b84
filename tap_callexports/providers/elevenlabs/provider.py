"""ElevenLabs Agents: voice agents. https://elevenlabs.io/docs/api-reference/conversations/list"""

from __future__ import annotations

from functools import cached_property

from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import array, common_settings, details_lookback, integer, secret
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.elevenlabs import streams as endpoints


class ElevenLabs(Provider):
    """A workspace at ElevenLabs."""

    name = "elevenlabs"
    title = "ElevenLabs Agents"
    credentials = (("api_key",),)
    streams = streams_in(endpoints)
    properties = (
        secret("api_key", "API key", "API key of the workspace."),
        *common_settings(api_url="https://api.elevenlabs.io", lookback_hours=72, max_concurrency=2),
        array("agent_ids", th.StringType, "Agent ids", "Only conversations of these agents."),
        integer(
            "page_size",
            "Page size",
            "Conversations per request.",
            default=100,
            minimum=1,
            maximum=100,
        ),
        details_lookback(6),
    )

    @cached_property
    @override
    def auth(self) -> Auth:
        return APIKeyAuthenticator(key="xi-api-key", value=self.settings["api_key"])
