"""Acme: an invented provider, as small as one can be. https://docs.acme.example/calls"""

from __future__ import annotations

from functools import cached_property

from singer_sdk.authenticators import BearerTokenAuthenticator
from tap_callexports.providers.acme import streams as endpoints

from tap_callexports.compat import override
from tap_callexports.config import common_settings, secret
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in


class Acme(Provider):
    """An account at Acme."""

    name = "acme"
    title = "Acme"
    credentials = (("api_key",),)
    streams = streams_in(endpoints)
    properties = (
        secret("api_key", "API key", "API key of the dashboard."),
        *common_settings(api_url="https://api.acme.example", lookback_hours=24, max_concurrency=2),
    )

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
