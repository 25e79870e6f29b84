"""The settings and their errors: each is one line that names the setting and shows no value."""

from __future__ import annotations

import copy
import itertools
import logging
from typing import Any

import pytest
from singer_sdk.exceptions import ConfigValidationError
from support import GONE, changed, run_tap

from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

CANARY = "canary-7c1d90"
MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
#: Every provider is on, with the first of its credentials.
CONFIG: dict[str, Any] = MAY | {
    provider.name: dict.fromkeys(provider.credentials[0], "x") for provider in PROVIDERS
}
SCHEMA: dict[str, Any] = TapCallExports.config_jsonschema["properties"]
BUILT_IN = ("stream_map", "faker_config", "flattening_", "batch_config")
#: Every setting of the tap by its dotted name, with its schema.
SETTINGS: dict[str, dict[str, Any]] = {
    name: schema
    for name, schema in SCHEMA.items()
    if not name.startswith(BUILT_IN) and name not in CONFIG
} | {
    f"{provider.name}.{name}": schema
    for provider in PROVIDERS
    for name, schema in SCHEMA[provider.name]["properties"].items()
}
SETTINGS |= {name: SCHEMA[name] for name in MAY}


def of_type(kind: str) -> list[str]:
    return [name for name, schema in SETTINGS.items() if kind in schema["type"]]


SECRETS = [name for name, schema in SETTINGS.items() if schema.get("secret")]
CREDENTIALS = [
    f"{provider.name}.{name}"
    for provider in PROVIDERS
    for name in itertools.chain(*provider.credentials)
]


def errors_of(changes: dict[str, object]) -> list[str]:
    """The errors of the config after some changes."""
    with pytest.raises(ConfigValidationError) as caught:
        TapCallExports(config=changed(CONFIG, changes))
    return list(caught.value.errors)


def accepted(changes: dict[str, object]) -> TapCallExports:
    return TapCallExports(config=changed(CONFIG, changes))


# Rules that every setting of every provider keeps.


@pytest.mark.parametrize("name", of_type("integer"))
def test_an_integer_outside_its_bounds_is_an_error(name: str) -> None:
    least, most = SETTINGS[name].get("minimum"), SETTINGS[name].get("maximum")
    if most is None:
        accepted({name: 10**15})  # no clock can hold it
    for bound, beyond, word in ((least, -1, "more"), (most, 1, "less")):
        if bound is not None:
            accepted({name: bound})
            value: Any = accepted({name: float(bound)}).config
            for part in name.split("."):
                value = value[part]
            assert (value, type(value)) == (bound, int)
            assert errors_of({name: bound + beyond}) == [f"{name}: must be {bound} or {word}"]
    for other in ("5", 1.5, True, [5]):
        assert errors_of({name: other}) == [f"{name}: must be a whole number"]


@pytest.mark.parametrize(
    "name", [name for name in SECRETS if not name.endswith(".password")]
)  # which goes into a body, where any character may be
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (12345678, "must be a text"),
        ({"key": CANARY}, "must be a text"),
        (f"{CANARY}\n{CANARY}", "line break"),
        (f"{CANARY}\r\nX: y", "line break"),
        (f"{CANARY}\0", "character"),
        (f"{CANARY}\N{ZERO WIDTH SPACE}x", "character"),
    ],
)
def test_a_wrong_secret_is_an_error_and_not_shown(
    name: str, value: object, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (line,) = errors_of({name: value})
    assert line.startswith(f"{name}: ")
    assert words in line
    assert CANARY not in line + caplog.text


@pytest.mark.parametrize(
    "name", [name for name in SETTINGS if "." in name and name.endswith("_url")]
)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.example", "allow_insecure_url"),
        (f"http://me:{CANARY}@127.0.0.1", "password"),
        ("http://127.0.0.1.example", "allow_insecure_url"),
        (f"https://me:{CANARY}@api.example", "password"),
        (f"https://{CANARY}@api.example", "user name"),
        ("ftp://api.example", "must start with https://"),
        ("api.example", "must start with https://"),
        ("https://api.example:99999", "is not a URL"),
        ("https://api.example/{api_key}", "plain address"),
        (f"https://api.example/?key={CANARY}", "plain address"),
        (f"https://api.example/#{CANARY}", "plain address"),
    ],
)
def test_a_wrong_address_is_an_error(name: str, url: str, words: str) -> None:
    (line,) = errors_of({name: url})
    assert line.startswith(f"{name}: ")
    assert words in line
    assert CANARY not in line


# Single settings.

AN_INSTANT = "must be a date or date-time such as 2024-05-01"
ERRORS: list[tuple[dict[str, object], str, str]] = [
    # Unknown settings
    ({"start_dat": "2024-05-01"}, "start_dat", "unknown setting; did you mean start_date?"),
    ({"videks": {"api_token": CANARY}}, "videks", "unknown setting; did you mean videsk?"),
    ({"videsk.api_tokn": CANARY}, "videsk.api_tokn", "unknown setting; did you mean api_token?"),
    ({"burki_api_key": CANARY}, "burki_api_key", "did you mean burki.api_key?"),
    ({"burki": [CANARY]}, "burki", "must be an object"),
    # What the SDK adds
    ({"flattening_enabled": True}, "flattening_max_depth", "missing; flattening_enabled needs it"),
    # Dates
    ({"start_date": "now"}, "start_date", AN_INSTANT),
    ({"start_date": "2024-02-30"}, "start_date", AN_INSTANT),
    ({"start_date": "0001-01-01T00:00:00+14:00"}, "start_date", AN_INSTANT),
    ({"start_date": "0001-01-01"}, "start_date", "must be 1970-01-01 or later"),
    ({"start_date": "2999-01-01", "end_date": GONE}, "start_date", "future"),
    ({"end_date": "tomorrow"}, "end_date", AN_INSTANT),
    ({"end_date": "2024-05-01T01:00:00+02:00"}, "end_date", "must be after start_date"),
    # Time zones
    ({"videsk.timezone": "America/Santigo"}, "videsk.timezone", "America/Santiago"),
    ({"videsk.timezone": "../etc/passwd"}, "videsk.timezone", "is not an IANA time zone"),
    # Paths
    ({"twin24.incoming_calls_path": "list"}, "twin24.incoming_calls_path", "start with /"),
    ({"anunzi.call_details_path": "/v2/call"}, "anunzi.call_details_path", "hold {call_id}"),
    # Half a credential
    ({"twin24.password": GONE}, "twin24.password", "missing; email needs it"),
    # Headers
    ({"videsk.auth_header": "X Token"}, "videsk.auth_header", "not the name of an HTTP header"),
    ({"user_agent": "me\r\nX-Other: 1"}, "user_agent", "line break"),
    # Choices, lists and objects
    ({"burki.format": "xml"}, "burki.format", "one of json, csv"),
    ({"on_unreadable": "ignore"}, "on_unreadable", "one of fail, skip"),
    ({"skip_forbidden_streams": "no"}, "skip_forbidden_streams", "must be true or false"),
    ({"anunzi.agent_ids": "agent_1"}, "anunzi.agent_ids", "must be a list"),
    ({"twin24.company_ids": ["1"]}, "twin24.company_ids.0", "must be a whole number"),
    # Filters of the tap's own
    ({"anunzi.filter_criteria": []}, "anunzi.filter_criteria", "must be an object"),
    (
        {"anunzi.filter_criteria": {"start_timestamp": {"lower_threshold": 1}}},
        "anunzi.filter_criteria",
        "use start_date and end_date",
    ),
    (
        {"anunzi.filter_criteria": {"agent": []}, "anunzi.agent_ids": ["agent_1"]},
        "anunzi.filter_criteria",
        "agent beside agent_ids",
    ),
]
ERRORS += [
    ({"twin24.extra_params": {name: CANARY}}, "twin24.extra_params", f"may not hold {words}")
    for name, words in (("from", ""), ("companyIds[]", "companyIds; use"), ("Limit", "limit; use"))
]


@pytest.mark.parametrize(("changes", "setting", "words"), ERRORS)
def test_an_error_is_one_line_that_names_the_setting(
    caplog: pytest.LogCaptureFixture, changes: dict[str, object], setting: str, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    (line,) = errors_of(changes)
    assert line.startswith(f"{setting}: ")
    assert words in line
    assert line.isprintable(), "one line, whatever the value holds"
    assert CANARY not in line + caplog.text


def test_a_dotted_key_is_an_error_that_shows_the_nested_form() -> None:
    with pytest.raises(ConfigValidationError) as caught:
        TapCallExports(config=CONFIG | {"burki.api_key": CANARY})
    (line,) = caught.value.errors
    assert line == (
        "burki.api_key: unknown setting; nest it in the object of its provider: "
        '{"burki": {"api_key": …}}'
    )


def test_with_no_provider_on_every_credential_is_named() -> None:
    run = run_tap(MAY | {PROVIDERS[0].name: {"lookback_hours": 1}})
    assert isinstance(run.error, ConfigValidationError)
    assert all(name in run.error.errors[0] for name in CREDENTIALS)


@pytest.mark.parametrize(
    ("start_date", "first_instant"),
    [
        ("2024-05-02", "2024-05-02T00:00:00+00:00"),
        ("2024-05-02T10:00:00", "2024-05-02T10:00:00+00:00"),
        ("2024-05-02T10:00:00.500000Z", "2024-05-02T10:00:00.500000+00:00"),
        ("2024-05-02T02:00:00+05:30", "2024-05-01T20:30:00+00:00"),
    ],
)
def test_a_date_is_midnight_and_no_zone_is_utc(start_date: str, first_instant: str) -> None:
    assert accepted({"start_date": start_date}).this_run.start_date.isoformat() == first_instant


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost", False),
        ("http://[::1]:8080", False),
        ("http://videsk.example", True),
    ],
)
def test_an_unencrypted_address_is_of_this_machine_or_allowed(url: str, *, allowed: bool) -> None:
    accepted({"videsk.api_url": url, "allow_insecure_url": allowed})


def test_an_editors_schema_may_be_named_in_every_object_and_the_config_is_not_changed() -> None:
    config = copy.deepcopy(CONFIG)
    for each in (config, *(config[provider.name] for provider in PROVIDERS)):
        each["$schema"] = "https://example.com/schema.json"
    config["burki"] |= {"api_key": " x ", "format": ""}
    given = copy.deepcopy(config)
    assert TapCallExports(config=config).streams
    assert config == given
