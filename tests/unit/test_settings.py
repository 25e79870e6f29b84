"""The settings themselves: their defaults, and what their schema promises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import assert_listed

from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

NAMES = [provider.name for provider in PROVIDERS]
SECRETS = {
    "videsk.api_token",
    "anunzi.api_key",
    "twin24.password",
    "twin24.access_token",
    "burki.api_key",
}
DEFAULTS: dict[str, Any] = {
    "start_date": "2015-01-01T00:00:00Z",
    "end_date": None,
    "request_timeout": 300,
    "max_retry_wait": 300,
    "skip_forbidden_streams": False,
    "on_unreadable": "fail",
    "allow_insecure_url": False,
    "user_agent": None,
    "videsk.api_token": None,
    "videsk.api_url": "https://api.videsk.io",
    "videsk.timezone": "UTC",
    "videsk.auth_header": "X-API-Token",
    "videsk.max_records": 5000,
    "videsk.form_ids": [],
    "videsk.survey_ids": [],
    "videsk.appointments_ahead_days": 90,
    "videsk.lookback_hours": 72,
    "videsk.max_concurrency": 2,
    "anunzi.api_key": None,
    "anunzi.api_url": "https://calls.anunzi.net",
    "anunzi.filter_dialect": "anunzi",
    "anunzi.filter_criteria": None,
    "anunzi.agent_ids": [],
    "anunzi.page_size": 500,
    "anunzi.call_details_path": "/v2/get-call/{call_id}",
    "anunzi.details_lookback_hours": 3,
    "anunzi.lookback_hours": 24,
    "anunzi.max_concurrency": 4,
    "twin24.email": None,
    "twin24.password": None,
    "twin24.access_token": None,
    "twin24.api_url": "https://analyse.twin24.ai/api/v1",
    "twin24.auth_url": "https://iam.twin24.ai/api/v1",
    "twin24.incoming_calls_path": "/statistics/cis/sessions/incoming",
    "twin24.timezone": "UTC",
    "twin24.company_id": None,
    "twin24.company_ids": [],
    "twin24.token_ttl": None,
    "twin24.page_size": 1000,
    "twin24.max_records": 50000,
    "twin24.extra_fields": [],
    "twin24.extra_params": None,
    "twin24.date_field_param": None,
    "twin24.date_field": "createdAt",
    "twin24.lookback_hours": 72,
    "twin24.max_concurrency": 4,
    "burki.api_key": None,
    "burki.api_url": "https://api.burki.dev",
    "burki.format": "json",
    "burki.status": None,
    "burki.assistant_id": None,
    "burki.details_lookback_hours": 24,
    "burki.lookback_hours": 24,
    "burki.max_concurrency": 1,
    **{
        f"{provider}.{setting}": default
        for provider in NAMES
        for setting, default in (("settle_minutes", 5), ("requests_per_minute", None))
    },
}
BUILT_IN = ("stream_map", "faker_config", "flattening_", "batch_config")


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every setting of this tap by its dotted name, with its schema."""
    for name, schema in TapCallExports.config_jsonschema["properties"].items():
        if name.startswith(BUILT_IN):
            continue
        if name in NAMES:
            yield from ((f"{name}.{inner}", part) for inner, part in schema["properties"].items())
        else:
            yield name, schema


def test_there_are_exactly_the_settings_of_the_contract() -> None:
    found = [name for name, _ in settings()]
    assert_listed(found, DEFAULTS, "DEFAULTS in tests/test_settings.py")


@pytest.mark.parametrize(("name", "schema"), list(settings()), ids=[name for name, _ in settings()])
def test_a_setting_is_described_and_has_the_default_of_the_contract(
    name: str, schema: dict[str, Any]
) -> None:
    assert name in DEFAULTS, f"missing in DEFAULTS in tests/test_settings.py: {name}"
    assert schema.get("default") == DEFAULTS[name]
    assert schema["title"]
    assert schema["description"]


def test_a_setting_is_marked_secret_exactly_when_it_is_one() -> None:
    found = [name for name, schema in settings() if schema.get("secret")]
    assert_listed(found, SECRETS, "SECRETS in tests/test_settings.py")


def test_settings_left_out_are_filled_in_for_providers_that_are_given() -> None:
    tap = TapCallExports(config={"burki": {"api_key": "x"}})

    filled = {f"burki.{name}": value for name, value in tap.config["burki"].items()}
    expected = {
        name: value
        for name, value in DEFAULTS.items()
        if name.startswith("burki.") and value is not None
    }
    assert filled == expected | {"burki.api_key": "x"}
    assert "videsk" not in tap.config


def test_the_schema_is_closed_and_asks_for_nothing() -> None:
    """Nothing is required: a provider without its credential is off, and discovery needs none."""
    schema = TapCallExports.config_jsonschema
    objects = [
        schema,
        *(schema["properties"][name] for name in NAMES),
    ]

    for part in objects:
        assert part["additionalProperties"] is False
        assert not part.get("required")
        assert not {"anyOf", "oneOf", "allOf", "not"} & set(part)


def test_no_setting_is_a_fraction() -> None:
    """A number from the environment would stay text; an integer does not."""
    for name, schema in settings():
        assert "number" not in schema["type"], name


def test_the_callers_config_is_not_changed() -> None:
    config = {"burki": {"api_key": " x ", "format": ""}}

    TapCallExports(config=config)

    assert config == {"burki": {"api_key": " x ", "format": ""}}
