"""Burki: voice AI, hosted or self-hosted. https://docs.burki.dev/api-reference/calls/export"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_callexports.compat import override
from tap_callexports.config import MAX_LOOKBACK_HOURS, common_settings
from tap_callexports.provider import Provider
from tap_callexports.providers.burki.streams import CallList, Calls, CallTranscripts

if TYPE_CHECKING:
    from tap_callexports.http.client import Auth

SETTINGS = (
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        title="API key",
        description="API key of the dashboard, or a JWT; it reads its user's organisation.",
    ),
    *common_settings(api_url="https://api.burki.dev", lookback_hours=24, max_concurrency=1),
    th.Property(
        "format",
        th.StringType(allowed_values=["json", "csv"]),
        default="json",
        title="Export format",
        description="Kind of file to download; both give the same rows.",
    ),
    th.Property(
        "status",
        th.StringType,
        title="Status",
        description="Only calls of this status, spelled exactly as the provider does.",
    ),
    th.Property(
        "assistant_id",
        th.IntegerType(minimum=1),
        title="Assistant id",
        description="Only calls of this assistant.",
    ),
    th.Property(
        "details_lookback_hours",
        th.IntegerType(minimum=0, maximum=MAX_LOOKBACK_HOURS),
        default=24,
        title="Details lookback (hours)",
        description="As lookback_hours, for streams with one request per call.",
    ),
)


class Burki(Provider):
    """An organisation at Burki."""

    name = "burki"
    title = "Burki"
    credentials = (("api_key",),)
    streams = (Calls, CallList, CallTranscripts)
    properties = SETTINGS
    # A database outage leads to a 401, too, so it is retried.
    unauthorised_waits = ((1.0,), (2.0, 8.0))

    @cached_property
    @override
    def auth(self) -> Auth:
        return BearerTokenAuthenticator(token=self.settings["api_key"])
