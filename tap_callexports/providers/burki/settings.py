"""Settings of the `burki` object."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_callexports.provider import MAX_LOOKBACK_HOURS, common_settings

PROPERTIES = (
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
        description="As lookback_hours, for streams that ask call by call.",
    ),
)
