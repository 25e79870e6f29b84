"""The tap's settings: their JSON schema and defaults. config_check.py validates values."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_callexports.records.timestamps import UTC, read_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_callexports.provider import Provider

START_DATE = "2015-01-01T00:00:00Z"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
#: Twenty years, more than any provider keeps.
MAX_LOOKBACK_HOURS = 20 * 366 * 24
#: A month.
MAX_SETTLE_MINUTES = 31 * 24 * 60


def common_settings(
    *, api_url: str, lookback_hours: int, max_concurrency: int
) -> tuple[th.Property[Any], ...]:
    """The settings every provider has, with this provider's defaults."""
    return (
        th.Property(
            "api_url",
            th.StringType,
            default=api_url,
            title="API URL",
            description="Address of the API; another one for self-hosted servers and tests.",
        ),
        th.Property(
            "lookback_hours",
            th.IntegerType(minimum=0, maximum=MAX_LOOKBACK_HOURS),
            default=lookback_hours,
            title="Lookback (hours)",
            description="How far before the last run each run reads again, for calls that came "
            "late or changed.",
        ),
        th.Property(
            "settle_minutes",
            th.IntegerType(minimum=0, maximum=MAX_SETTLE_MINUTES),
            default=5,
            title="Settle time (minutes)",
            description="How old a call must be before a run reads it, so that the provider has "
            "filed it.",
        ),
        th.Property(
            "max_concurrency",
            th.IntegerType(minimum=1, maximum=32),
            default=max_concurrency,
            title="Requests at once",
            description="How many requests may be under way at the same time.",
        ),
        th.Property(
            "requests_per_minute",
            th.IntegerType(minimum=1, maximum=60_000),
            title="Requests per minute",
            description="Upper bound on requests started per minute; unset for none.",
        ),
    )


def settings_schema(providers: Sequence[type[Provider]]) -> dict[str, Any]:
    """JSON schema of the config: the top-level settings, and one closed object per provider."""
    return th.PropertiesList(
        th.Property(
            "start_date",
            th.DateTimeType,
            default=START_DATE,
            title="Start date",
            description="First instant to export, inclusive. Without a zone it is UTC; a date "
            "means its midnight UTC.",
        ),
        th.Property(
            "end_date",
            th.DateTimeType,
            title="End date",
            description="First instant not to export; unset for all there is.",
        ),
        th.Property(
            "request_timeout",
            th.IntegerType(minimum=1, maximum=86_400),
            default=300,
            title="Request timeout (seconds)",
            description="How long a request may go without a byte; connecting may take 10 s.",
        ),
        th.Property(
            "max_retry_wait",
            th.IntegerType(minimum=0, maximum=86_400),
            default=300,
            title="Longest retry wait (seconds)",
            description="Longest wait, in seconds, a server may ask for before the stream fails.",
        ),
        th.Property(
            "skip_forbidden_streams",
            th.BooleanType,
            default=False,
            title="Skip forbidden streams",
            description="Make a 403 on one stream a warning instead of a failure.",
        ),
        th.Property(
            "on_unreadable",
            th.StringType(allowed_values=["fail", "skip"]),
            default="fail",
            title="On unreadable",
            description="What happens to the smallest window, or single call, that the provider "
            "cannot return although it returns others: fail the stream, or skip it with a warning.",
        ),
        th.Property(
            "allow_insecure_url",
            th.BooleanType,
            default=False,
            title="Allow insecure URLs",
            description="Allow http:// to a host other than this machine.",
        ),
        th.Property(
            "user_agent",
            th.StringType,
            title="User agent",
            description="Sent with every request; tap-callexports/<version> if unset.",
        ),
        *(
            th.Property(
                provider.name,
                th.ObjectType(*provider.properties, additional_properties=False),
                title=provider.title,
                description=f"{provider.title}: on when {provider.credential_names()} is given.",
            )
            for provider in providers
        ),
        additional_properties=False,
    ).to_dict()


def provider_settings(provider: type[Provider], values: Mapping[str, Any] | None) -> dict[str, Any]:
    """A provider's settings with defaults filled in, whether it is on or not.

    Args:
        provider: Declares the defaults.
        values: Its object from the config; anything but an object counts as an empty one.
    """
    schema = th.ObjectType(*provider.properties).to_dict()
    return with_defaults(schema, values if isinstance(values, dict) else {})


def secrets_in(config: Mapping[str, Any], providers: Sequence[type[Provider]]) -> Iterator[str]:
    """The values of all secret settings in a config."""
    for provider in providers:
        values = config.get(provider.name)
        for setting in provider.properties:
            value = values.get(setting.name) if isinstance(values, dict) else None
            if setting.secret and isinstance(value, str):
                yield value


def read_date(text: str) -> datetime:
    """Parse a date or date-time from the config; UTC where it has no zone.

    Raises:
        ValueError: It is neither. "now", weeks and the like are not accepted.
    """
    moment = read_iso(f"{text}T00:00:00" if _DATE.fullmatch(text.strip()) else text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def with_defaults(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an object with its schema's defaults filled in, also in nested closed objects."""
    filled = dict(values)
    for name, part in schema.get("properties", {}).items():
        if name in filled and "properties" in part and isinstance(filled[name], dict):
            filled[name] = with_defaults(part, filled[name])
        elif name not in filled and part.get("default") is not None:
            filled[name] = copy.deepcopy(part["default"])
    return filled
