"""Validates settings. Each error is one line that never shows a value."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, cast
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tap_callexports.config import read_date, settings_schema, with_defaults
from tap_callexports.http.connection import is_loopback
from tap_callexports.provider import Provider
from tap_callexports.records.timestamps import EPOCH
from tap_callexports.redaction import sanitize
from tap_callexports.singer.batch_files import batch_errors

#: Messages by keyword of the JSON schema, with the keyword's value.
_RULE_MESSAGES = {
    "type": "must be %s",
    "minimum": "must be %s or more",
    "maximum": "must be %s or less",
    "enum": "must be one of %s",
    "": "is not valid (%s)",
}
_TYPE_NAMES = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}
#: Least similarity of an unknown top-level name to a provider's setting for a hint. It is high
#: because short names are similar to settings of several providers, and a key must not be sent to
#: the wrong one.
_SIMILARITY = 0.85


def check_settings(
    config: Mapping[str, Any],
    schema: Mapping[str, Any],
    providers: Sequence[type[Provider]],
    now: datetime,
) -> tuple[dict[str, Any], list[str]]:
    """Remove absent values, fill in defaults, and validate.

    Args:
        config: As the user, Meltano or the environment gave it. Not changed.
        schema: `settings_schema` plus the SDK's built-in settings.
        providers: All providers, on or off.
        now: Start of the run, UTC.

    Returns:
        The config to use, and one line per error: the setting, what is wrong, and what to do,
        without the value, which may be a misplaced secret.
    """
    names = {provider.name for provider in providers}
    given = _without_absent(copy.deepcopy(dict(config)), schema)
    present = [provider for provider in providers if provider.name in given]
    errors: list[str] = []
    for provider in present:
        errors += _clean_credentials(provider, given[provider.name])
    for error in Draft202012Validator(_own_rules(schema, names)).iter_errors(given):
        errors += _schema_errors(error)
    filled = with_defaults(schema, given)
    if not errors:  # the types are right
        if "batch_config" in filled:
            errors += batch_errors(filled["batch_config"])
        for provider in present:
            errors += _provider_errors(provider, filled)
    errors += _value_errors(filled, now)
    # An absent provider is off; its defaults must not make it look configured.
    used = {key: value for key, value in filled.items() if key in given or key not in names}
    return used, errors


def _without_absent(values: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Remove nulls and empty texts: Meltano passes them for settings without a value."""
    tidy: dict[str, Any] = {}
    for name, value in values.items():
        rule = schema.get("properties", {}).get(name, {})
        if value is None or value == "" or name == "$schema":  # for editors
            continue
        # A null in stream_maps excludes a stream.
        if isinstance(value, dict) and "properties" in rule and name != "stream_maps":
            tidy[name] = _without_absent(value, rule)
        elif isinstance(value, float) and value.is_integer() and "integer" in rule.get("type", ()):
            tidy[name] = int(value)  # JSON does not tell 5.0 from 5
        else:
            tidy[name] = value
    return tidy


def _own_rules(schema: Mapping[str, Any], providers: set[str]) -> dict[str, Any]:
    """The schema, of the SDK's built-in settings their types only: the SDK checks the rest."""
    own = {*settings_schema(()).get("properties", ()), *providers}
    properties = {
        name: part if name in own or "type" not in part else {"type": part["type"]}
        for name, part in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _clean_credentials(provider: type[Provider], values: Any) -> Iterator[str]:  # noqa: ANN401 - unchecked
    """Remove blanks, quotes and Bearer pasted with credentials, in place; yield errors."""
    for name in dict.fromkeys(chain(*provider.credentials)):
        if not isinstance(values, dict) or not isinstance(values.get(name), str):
            continue
        text = values.pop(name).strip()
        if in_header := name not in {"email", "password"}:
            text = re.sub(r"(?i)^bearer(\s+|$)", "", text.strip("\"' ")).strip("\"' ")
        if not text.isprintable() or (in_header and not text.isascii()):
            yield (
                f"{provider.name}.{name}: holds a line break, control character or another "
                "character that cannot be sent; paste it again"
            )
        if text:
            values[name] = text


def _schema_errors(error: ValidationError) -> Iterator[str]:
    """The messages of a schema error, without the value."""
    path = ".".join(str(part) for part in error.absolute_path)
    rule, limit = str(error.validator), cast("Any", error.validator_value)
    if rule == "additionalProperties" and isinstance(error.instance, dict):
        known = cast("Any", error.schema)["properties"]
        for name in (name for name in error.instance if name not in known):
            place = f"{path + '.' if path else ''}{sanitize(name, 80)}"
            yield f"{place}: unknown setting" + _hint(name, path, known)
        return
    if rule == "type":
        types = [limit] if isinstance(limit, str) else limit
        limit = " or ".join(_TYPE_NAMES.get(name, name) for name in types if name != "null")
    elif rule == "enum":
        limit = ", ".join(map(str, limit))
    elif rule not in _RULE_MESSAGES:
        rule, limit = "", rule
    yield f"{path or 'config'}: {_RULE_MESSAGES[rule] % limit}"


def _hint(name: str, path: str, known: Mapping[str, Any]) -> str:
    """The setting that was probably meant by an unknown name in the object at a path."""
    if "." in name:
        nested = "…"
        for part in reversed([*path.split(".")[: bool(path)], *name.split(".")]):
            nested = f'{{"{sanitize(part, 80)}": {nested}}}'
        return f"; nest it in the object of its provider: {nested}"
    dotted = {
        f"{each}_{part}": f"{each}.{part}"
        for each, rule in known.items()
        for part in rule.get("properties", ())
    }
    if close := difflib.get_close_matches(name, dotted, n=1, cutoff=_SIMILARITY):
        return f"; did you mean {dotted[close[0]]}?"
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _value_errors(config: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Errors of dates and other top-level settings, beyond the schema."""
    dates: dict[str, datetime] = {}
    for name in ("start_date", "end_date"):
        if not isinstance(config.get(name), str):
            continue
        try:
            dates[name] = read_date(config[name])
        except ValueError:
            yield f"{name}: must be a date or date-time such as 2024-05-01 or 2024-05-01T00:00:00Z"
    start, end = dates.get("start_date"), dates.get("end_date")
    if start and start < EPOCH:
        yield "start_date: must be 1970-01-01 or later"
    if start and start > now:
        yield "start_date: lies in the future"
    if start and end and end <= start:
        yield "end_date: must be after start_date"
    text = config.get("user_agent", "")
    if isinstance(text, str) and not (text.isascii() and text.isprintable()):
        yield "user_agent: holds a line break or another character that cannot be sent"
    if config.get("flattening_enabled") is True and config.get("flattening_max_depth") is None:
        yield "flattening_max_depth: missing; flattening_enabled needs it"


def _provider_errors(provider: type[Provider], config: Mapping[str, Any]) -> Iterator[str]:
    settings = config[provider.name]
    for name in provider.url_settings:
        if error := _url_error(settings[name], allow_insecure=config["allow_insecure_url"]):
            yield f"{provider.name}.{name}: {error}"
    for group in provider.credentials if not provider.is_on(settings) else ():
        if present := [name for name in group if settings.get(name)]:
            for name in (name for name in group if name not in present):
                yield f"{provider.name}.{name}: missing; {present[0]} needs it"
    for name, value in settings.items():
        if name.endswith("_path") and not value.startswith("/"):
            yield f"{provider.name}.{name}: must start with /"
    for message in provider.settings_errors(settings):
        yield f"{provider.name}.{message}"


def _url_error(url: str, *, allow_insecure: bool) -> str | None:
    """The error of an address to which a credential is sent, None if it is fine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not host:
        return "must start with https:// and name a host"
    if parts.username or parts.password:
        return "must not hold a user name or password"
    if parts.query or parts.fragment or "{" in url or any(char.isspace() for char in url):
        return "must be a plain address without query, fragment, braces or blanks"
    if parts.scheme == "http" and not (allow_insecure or is_loopback(host)):
        return (
            f"http:// would send the credential to {host} unencrypted; use https://, or set "
            "allow_insecure_url to true"
        )
    return None
