"""The command line without a run: version, help, what the tap says about itself, discovery."""

from __future__ import annotations

import functools
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from process import tap
from support import PROVIDERS, assert_listed, secret_settings

if TYPE_CHECKING:
    from sandbox import Sandbox

CANARY = "canary-31f07a"


def discovered(**given: Any) -> dict[str, dict[str, Any]]:
    """Catalog entries by stream, of a discovery that must go well."""
    outcome = tap("--discover", config=given)
    assert outcome.code == 0, outcome.err
    return {entry["tap_stream_id"]: entry for entry in json.loads(outcome.out)["streams"]}


@functools.cache
def everything() -> dict[str, dict[str, Any]]:
    """The catalog of all providers."""
    return discovered()


def test_version_is_the_packages() -> None:
    outcome = tap("--version")

    assert outcome.code == 0
    assert outcome.out.startswith(f"tap-callexports v{version('tap-callexports')},")
    assert outcome.err == ""


def test_help_names_every_option() -> None:
    outcome = tap("--help")

    assert outcome.code == 0
    for option in ("version", "about", "format", "config", "discover", "test", "catalog", "state"):
        assert f"--{option}" in outcome.out


def test_about_as_json_tells_capabilities_and_settings() -> None:
    outcome = tap("--about", "--format=json")
    about = json.loads(outcome.out)

    assert outcome.code == 0
    assert about["name"] == "tap-callexports"
    assert set(about["capabilities"]) == {
        "catalog",
        "state",
        "discover",
        "about",
        "stream-maps",
        "schema-flattening",
        "batch",
        "structured-logging",
    }
    settings = about["settings"]["properties"]
    for provider in PROVIDERS:
        properties = settings[provider]["properties"]
        secrets = {name for name, schema in properties.items() if schema.get("secret")}
        assert secrets == secret_settings(provider)


@pytest.mark.parametrize("arguments", [("--about",), ("--about", "--format=markdown")])
def test_about_as_text_names_every_setting(arguments: tuple[str, ...]) -> None:
    outcome = tap(*arguments)

    assert outcome.code == 0
    for setting in ("start_date", "end_date", "skip_forbidden_streams", *PROVIDERS):
        assert setting in outcome.out
    assert "activate-version" not in outcome.out


@pytest.mark.covers(175)
def test_about_does_not_print_the_config() -> None:
    for arguments in (("--about",), ("--about", "--format=json"), ("--version",)):
        outcome = tap(*arguments, config={"videsk": {"api_token": CANARY}, CANARY: 1})
        assert outcome.code == 0
        assert CANARY not in outcome.out + outcome.err


def test_discovery_with_nothing_lists_every_stream() -> None:
    streams = everything()

    found = {name.split("_")[0] for name in streams}
    assert_listed(found, PROVIDERS, "Sandbox.apis in sandbox/box.py")
    assert {"videsk_calls", "anunzi_calls", "twin24_incoming_calls", "burki_calls"} <= set(streams)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_discovery_with_one_provider_lists_its_streams(box: Sandbox, provider: str) -> None:
    streams = discovered(**{provider: box.apis[provider].config()})

    assert set(streams) == {name for name in everything() if name.startswith(f"{provider}_")}
    assert not box.apis[provider].requests


def test_two_discoveries_are_equal_to_the_byte() -> None:
    first = tap("--discover", config={}, env={"PYTHONHASHSEED": "1", "TZ": "UTC"})
    second = tap("--discover", config={}, env={"PYTHONHASHSEED": "2", "TZ": "Asia/Kolkata"})

    assert first.out == second.out


def test_a_discovered_stream_has_its_keys_selected_automatically() -> None:
    for name, entry in everything().items():
        inclusion = {
            part["breadcrumb"][1]: part["metadata"]["inclusion"]
            for part in entry["metadata"]
            if part["breadcrumb"]
        }
        keys = {*entry["key_properties"], entry.get("replication_key")} - {None}
        assert {inclusion[key] for key in keys} == {"automatic"}, name
        assert set(inclusion) == set(entry["schema"]["properties"]), name


@pytest.mark.parametrize(
    "config",
    [
        {"start_date": "now"},
        {"start_date": 5, "end_date": [], "request_timeout": "soon", "user_agent": 7},
        {"zzz": 1},
        {"videsk": [CANARY]},
        {"videsk": {"timezone": "Mars", "api_url": "?", "lookback_hours": CANARY}},
        {"twin24": {"password": CANARY}},
    ],
)
def test_discovery_works_with_a_config_that_a_run_would_refuse(config: dict[str, Any]) -> None:
    """What is wrong is said as a warning: a catalog is often wanted before the config is done."""
    outcome = tap("--discover", config=config)

    assert outcome.code == 0
    assert set(everything()) == {
        entry["tap_stream_id"] for entry in json.loads(outcome.out)["streams"]
    }
    assert CANARY not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


def test_an_unknown_option_is_refused() -> None:
    outcome = tap("--nonsense", config={})

    assert outcome.code == 2
    assert "No such option" in outcome.err
    assert "Traceback" not in outcome.err
