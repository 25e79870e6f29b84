"""Settings of the `acme` object."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_callexports.provider import common_settings

PROPERTIES = (
    th.Property("api_key", th.StringType, secret=True, title="API key", description="API key."),
    *common_settings(api_url="https://api.acme.example", lookback_hours=24, max_concurrency=2),
)
