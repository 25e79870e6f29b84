"""Burki: voice AI, hosted or self-hosted. https://docs.burki.dev/api-reference/calls/export"""

from __future__ import annotations

from functools import cached_property

from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import common_settings, details_lookback, integer, secret, text
from tap_callexports.http.client import Auth
from tap_callexports.provider import Provider, streams_in
from tap_callexports.providers.burki import streams as endpoints

SETTINGS = (
    secret(
        "api_key",
        "API key",
        "API key from the dashboard, or a JWT; it reads the calls of its user's organisation.",
    ),
    *common_settings(api_url="https://api.burki.dev", lookback_hours=24, max_concurrency=1),
    text(
        "format",
        "Export format",
        "Kind of file to download; both give the same rows.",
        default="json",
        choices=["json", "csv"],
    ),
    text("status", "Status", "Only calls with this status, spelled exactly as at the provider."),
    integer("assistant_id", "Assistant id", "Only calls of this assistant.", minimum=1),
    details_lookback(24),
)


class Burki(Provider):
    """An organisation at Burki."""

    name = "burki"
    title = "Burki"
    credentials = (("api_key",),)
    streams = streams_in(endpoints)
    properties = SETTINGS
    # A database outage leads to a 401, too, so it is retried.
    unauthorised_waits = ((1.0,), (2.0, 8.0))

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
