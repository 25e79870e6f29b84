"""Settings of the `anunzi` object. What the schema cannot say is checked by `Anunzi.errors`."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_callexports.provider import MAX_LOOKBACK_HOURS, common_settings

PROPERTIES = (
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        title="API key",
        description="API key of Anunzi, or of Retell AI.",
    ),
    *common_settings(api_url="https://calls.anunzi.net", lookback_hours=24, max_concurrency=4),
    th.Property(
        "filter_dialect",
        th.StringType(allowed_values=["anunzi", "retell"]),
        default="anunzi",
        title="Filter dialect",
        description="How filters are written: as Anunzi documents them, or as Retell AI does.",
    ),
    th.Property(
        "filter_criteria",
        th.ObjectType(additional_properties=True),
        title="Filter criteria",
        description="More conditions, in the provider's own form, ANDed with the time range. May "
        "not hold start_timestamp, nor agent beside agent_ids.",
    ),
    th.Property(
        "agent_ids",
        th.ArrayType(th.StringType),
        default=[],
        title="Agent ids",
        description="Only calls of these agents.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=500,
        title="Page size",
        description="Calls per request.",
    ),
    th.Property(
        "call_details_path",
        th.StringType,
        default="/v2/get-call/{call_id}",
        title="Path of one call",
        description="Where a single call with its transcript is read; Anunzi does not document it.",
    ),
    th.Property(
        "details_lookback_hours",
        th.IntegerType(minimum=0, maximum=MAX_LOOKBACK_HOURS),
        default=3,
        title="Details lookback (hours)",
        description="As lookback_hours, for the stream that asks call by call.",
    ),
)
