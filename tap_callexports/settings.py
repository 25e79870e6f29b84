"""The tap's settings: their schema, their defaults, and what is said when they are wrong."""

from __future__ import annotations

import copy
import difflib
import re
from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator
from singer_sdk import typing as th

from tap_callexports.core.instants import UTC, read_iso
from tap_callexports.core.provider import Provider, url_mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from jsonschema.exceptions import ValidationError

START_DATE = "2015-01-01T00:00:00Z"

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


def settings_schema(providers: Sequence[type[Provider]]) -> dict[str, Any]:
    """JSON schema of the config: shared settings, and one closed object per provider."""
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
            th.IntegerType(minimum=1),
            default=300,
            title="Request timeout (seconds)",
            description="How long a request may go without a byte; connecting may take 10 s.",
        ),
        th.Property(
            "max_retry_wait",
            th.IntegerType(minimum=0),
            default=300,
            title="Longest retry wait (seconds)",
            description="Longest wait a server may ask for before the run fails.",
        ),
        th.Property(
            "skip_forbidden_streams",
            th.BooleanType,
            default=False,
            title="Skip forbidden streams",
            description="Make a 403 on one stream a warning instead of a failure.",
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


def check_settings(
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    providers: Sequence[type[Provider]],
    now: datetime,
) -> tuple[dict[str, Any], list[str]]:
    """A config with absent values removed and defaults filled in, and its mistakes.

    Args:
        config: As the user, Meltano or the environment gave it. Not changed.
        schema: `settings_schema` plus the SDK's built-in settings.
        providers: All known providers.
        now: Start of the run.

    Returns:
        The config to use, and one line per mistake: setting, what is wrong, what to do. A line
        never shows a value, which may be a secret in the wrong place.
    """
    names = {provider.name for provider in providers}
    given = {key: value for key, value in copy.deepcopy(dict(config)).items() if _given(value)}
    mistakes: list[str] = []
    for provider in providers:
        values = given.get(provider.name)
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if _given(value)}
            mistakes += _tidy_credentials(provider, values)
            given[provider.name] = values
    mistakes += [
        line
        for error in Draft202012Validator(dict(schema)).iter_errors(given)
        for line in _sentences(error)
    ]
    filled = _with_defaults(schema, given)
    if not mistakes:
        mistakes += _date_mistakes(filled, now)
        for provider in providers:
            if provider.name in given:
                mistakes += _provider_mistakes(provider, filled)
    # An absent provider is off; its defaults must not make it look configured.
    return {
        key: value for key, value in filled.items() if key in given or key not in names
    }, mistakes


def provider_settings(provider: type[Provider], values: Mapping[str, Any] | None) -> dict[str, Any]:
    """One provider's settings with its defaults, whether it is on or not."""
    schema = th.ObjectType(*provider.properties).to_dict()
    return _with_defaults(schema, values if isinstance(values, dict) else {})


def read_date(text: str) -> datetime:
    """A date or date-time from the config, in UTC.

    Raises:
        ValueError: It is neither ("now", weeks and the like included).
    """
    moment = read_iso(f"{text}T00:00:00" if _DATE.fullmatch(text.strip()) else text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _given(value: object) -> bool:
    """Meltano passes what is not set as null or as an empty text."""
    return value is not None and value != ""


def _with_defaults(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(values)
    for name, part in schema.get("properties", {}).items():
        if name in filled and "properties" in part and isinstance(filled[name], dict):
            filled[name] = _with_defaults(part, filled[name])
        elif name not in filled and part.get("default") is not None:
            filled[name] = copy.deepcopy(part["default"])
    return filled


def _tidy_credentials(provider: type[Provider], values: dict[str, Any]) -> Iterator[str]:
    """Pasted credentials come with blanks, quotes or the word Bearer around them."""
    for name in {name for group in provider.credentials for name in group}:
        text = values.get(name)
        if not isinstance(text, str):
            continue
        text = text.strip()
        if name not in {"password", "email"}:
            text = re.sub(r"(?i)^bearer\s+", "", text.strip("\"'").strip())
        if any(not char.isprintable() for char in text):
            yield f"{provider.name}.{name}: holds a line break or control character; paste it again"
        if text:
            values[name] = text
        else:
            del values[name]


def _sentences(error: ValidationError) -> Iterator[str]:
    """A schema error in words that do not show the value."""
    path = ".".join(str(part) for part in error.absolute_path)
    rule, limit = str(error.validator), cast("Any", error.validator_value)
    if rule == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", ())) if isinstance(error.schema, dict) else []
        for name in error.instance:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield f"{path + '.' if path else ''}{name}: unknown setting{hint}"
        return
    words = {
        "type": lambda: "must be " + _type_words(limit),
        "minimum": lambda: f"must be {limit} or more",
        "maximum": lambda: f"must be {limit} or less",
        "enum": lambda: "must be one of " + ", ".join(map(str, limit)),
    }
    yield f"{path or 'config'}: " + words.get(rule, lambda: f"is not valid ({rule})")()


def _type_words(types: str | Sequence[str]) -> str:
    names = [types] if isinstance(types, str) else [name for name in types if name != "null"]
    return " or ".join(_TYPES.get(name, name) for name in names)


def _date_mistakes(config: Mapping[str, Any], now: datetime) -> Iterator[str]:
    dates: dict[str, datetime] = {}
    for name in ("start_date", "end_date"):
        if name not in config:
            continue
        try:
            dates[name] = read_date(config[name])
        except ValueError:
            yield f"{name}: must be a date or date-time such as 2024-05-01 or 2024-05-01T00:00:00Z"
    start, end = dates.get("start_date"), dates.get("end_date")
    if start and start > now:
        yield "start_date: lies in the future"
    if start and end and end <= start:
        yield "end_date: must be after start_date"


def _provider_mistakes(provider: type[Provider], config: Mapping[str, Any]) -> Iterator[str]:
    settings = config[provider.name]
    for name in provider.url_settings:
        problem = url_mistake(settings[name], allow_insecure=config["allow_insecure_url"])
        if problem:
            yield f"{provider.name}.{name}: {problem}"
    if not provider.is_on(settings):
        for group in provider.credentials:
            present = [name for name in group if settings.get(name)]
            for name in group:
                if present and name not in present:
                    yield f"{provider.name}.{name}: missing; {present[0]} needs it"
    for mistake in provider.mistakes(settings):
        yield f"{provider.name}.{mistake}"
