"""The tap's settings: their JSON schema and defaults. config_check.py validates values."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from singer_sdk import typing as th

from tap_callexports.provider import Provider
from tap_callexports.records.timestamps import UTC, read_iso

Setting: TypeAlias = "th.Property[Any]"

START_DATE = "2015-01-01T00:00:00Z"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
#: Twenty years, more than any provider keeps.
MAX_LOOKBACK_HOURS = 20 * 366 * 24
#: A month.
MAX_SETTLE_MINUTES = 31 * 24 * 60


def text(
    name: str,
    title: str,
    description: str,
    *,
    default: str | None = None,
    choices: list[str] | None = None,
) -> Setting:
    """A text; with `choices` one of them."""
    kind = th.StringType(allowed_values=choices) if choices else th.StringType
    return th.Property(name, kind, default=default, title=title, description=description)


def secret(name: str, title: str, description: str) -> Setting:
    """A credential, which is never logged."""
    return th.Property(name, th.StringType, title=title, description=description, secret=True)


def integer(
    name: str,
    title: str,
    description: str,
    *,
    default: int | None = None,
    minimum: int | None = None,
    maximum: int | None = None,
) -> Setting:
    """An integer with optional bounds."""
    kind = th.IntegerType(minimum=minimum, maximum=maximum)
    return th.Property(name, kind, default=default, title=title, description=description)


def boolean(name: str, title: str, description: str) -> Setting:
    """A boolean, false by default."""
    return th.Property(name, th.BooleanType, default=False, title=title, description=description)


def array(name: str, items: type[Any], title: str, description: str) -> Setting:
    """A list, empty by default, of items of a type of `singer_sdk.typing`."""
    kind = th.ArrayType(items)
    return th.Property(name, kind, default=[], title=title, description=description)


def open_object(name: str, title: str, description: str) -> Setting:
    """An object with any keys."""
    kind = th.ObjectType(additional_properties=True)
    return th.Property(name, kind, title=title, description=description)


def common_settings(
    *, api_url: str, lookback_hours: int, max_concurrency: int
) -> tuple[Setting, ...]:
    """The settings every provider has, with this provider's defaults."""
    return (
        text(
            "api_url",
            "API URL",
            "Address of the API. Change it for self-hosted servers and tests.",
            default=api_url,
        ),
        integer(
            "lookback_hours",
            "Lookback (hours)",
            "How many hours before the previous run each run reads again, for calls that came "
            "late or changed.",
            default=lookback_hours,
            minimum=0,
            maximum=MAX_LOOKBACK_HOURS,
        ),
        integer(
            "settle_minutes",
            "Settle time (minutes)",
            "A run reads up to this many minutes before its start, so that the provider has stored "
            "all calls before that.",
            default=5,
            minimum=0,
            maximum=MAX_SETTLE_MINUTES,
        ),
        integer(
            "max_concurrency",
            "Requests at once",
            "Most requests at the same time.",
            default=max_concurrency,
            minimum=1,
            maximum=32,
        ),
        integer(
            "requests_per_minute",
            "Requests per minute",
            "Most requests that start in a minute; no limit if unset.",
            minimum=1,
            maximum=60_000,
        ),
    )


def details_lookback(hours: int) -> Setting:
    """The lookback of a provider's `DetailStream`."""
    return integer(
        "details_lookback_hours",
        "Details lookback (hours)",
        "As lookback_hours, for the stream with one request per call.",
        default=hours,
        minimum=0,
        maximum=MAX_LOOKBACK_HOURS,
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
            description="First instant that is not exported; no end if unset.",
        ),
        integer(
            "request_timeout",
            "Request timeout (seconds)",
            "Seconds without data from the server before a request fails. The limit for connecting "
            "is 10 s.",
            default=300,
            minimum=1,
            maximum=86_400,
        ),
        integer(
            "max_retry_wait",
            "Longest retry wait (seconds)",
            "Longest wait, in seconds, a server may ask for before the stream fails.",
            default=300,
            minimum=0,
            maximum=86_400,
        ),
        boolean(
            "skip_forbidden_streams",
            "Skip forbidden streams",
            "Make a 403 on one stream a warning instead of a failure.",
        ),
        text(
            "on_unreadable",
            "On unreadable",
            "What to do with one second (or millisecond), or one call, that the provider cannot "
            "return although it returns others: fail the stream, or skip it with a warning.",
            default="fail",
            choices=["fail", "skip"],
        ),
        boolean(
            "nested_mixed_as_text",
            "Mixed nested values as text",
            "Make text of values inside lists that may have several types: a text stays as it is, "
            "anything else becomes compact JSON. For loaders that want one type for each key.",
        ),
        boolean(
            "allow_insecure_url",
            "Allow insecure URLs",
            "Allow http:// to a host other than this machine.",
        ),
        text(
            "user_agent",
            "User agent",
            "Sent with every request; tap-callexports/<version> if unset.",
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
