"""Settings of the `videsk` object. What the schema cannot say is checked by `Videsk.errors`."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_callexports.provider import common_settings

PROPERTIES = (
    th.Property(
        "api_token",
        th.StringType,
        secret=True,
        title="API token",
        description="API token made in the dashboard.",
    ),
    *common_settings(api_url="https://api.videsk.io", lookback_hours=72, max_concurrency=2),
    th.Property(
        "timezone",
        th.StringType,
        default="UTC",
        title="Time zone",
        description="IANA zone the provider is asked to write its times in.",
    ),
    th.Property(
        "auth_header",
        th.StringType,
        default="X-API-Token",
        title="Header of the token",
        description="HTTP header that carries the token; older accounts may need Authorization.",
    ),
    th.Property(
        "max_records",
        th.IntegerType(minimum=1),
        default=5000,
        title="Most rows per answer",
        description="The cap of an answer, where the answer itself does not tell.",
    ),
    th.Property(
        "form_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Form ids",
        description="Definitions of the forms to export.",
    ),
    th.Property(
        "survey_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Survey ids",
        description="Definitions of the surveys to export.",
    ),
    th.Property(
        "appointments_ahead_days",
        th.IntegerType(minimum=0, maximum=3660),
        default=90,
        title="Appointments ahead (days)",
        description="How far into the future appointments are exported.",
    ),
)
