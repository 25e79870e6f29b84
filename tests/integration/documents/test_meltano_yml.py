"""meltano.yml, and the block to paste from the README, declare what the code does."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import yaml
from declared import README, ROOT, Setting, code_blocks, declared_settings
from hub_definition import definition
from support import assert_listed

from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

FILE = "meltano.yml"
BLOCK = "README.md"
SELECT = ["*.*", "!anunzi_call_details.*", "!burki_call_transcripts.*"]
KINDS = {
    "date-time": "date_iso8601",
    "integer": "integer",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}


def document(name: str) -> dict[str, Any]:
    """A Meltano project file."""
    text = README if name == BLOCK else (ROOT / name).read_text(encoding="utf-8")
    texts = code_blocks(text, "yaml") if name == BLOCK else [text]
    projects = [project for project in map(yaml.safe_load, texts) if "plugins" in project]
    assert len(projects) == 1, f"{name} holds {len(projects)} Meltano projects"
    return dict(projects[0])


def tap_in(name: str) -> dict[str, Any]:
    """The tap's definition in a project file."""
    (tap,) = document(name)["plugins"]["extractors"]
    return dict(tap)


def second_account(name: str) -> dict[str, Any]:
    """What the example of a second account is given; in meltano.yml it is a comment."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines_of_it = r"(?m)^( *(?:# )?)- name: tap-callexports--acme\n(?:\1  .*\n)+"
    example = re.search(lines_of_it, text)
    assert example, f"{name} has no tap-callexports--acme"
    lines = [line.removeprefix(example[1]) for line in example[0].splitlines()]
    (account,) = yaml.safe_load("\n".join(lines))
    return dict(account["config"])


def settings_of(tap: dict[str, Any]) -> dict[str, tuple[object, ...]]:
    """Kind, secrecy and choices of each setting of a definition."""
    return {
        setting["name"]: (
            setting["kind"],
            setting.get("sensitive", False),
            setting.get("options"),
        )
        for setting in tap["settings"]
    }


def kinds_for(setting: Setting) -> set[str]:
    """Which kinds suit a setting."""
    if setting.secret:
        return {"password"}
    if "enum" in setting.schema:
        return {"options", "string"}
    return {KINDS.get(setting.type, "string")}


both = pytest.mark.parametrize("name", [FILE, BLOCK])


def test_meltano_yml_declares_every_setting_once() -> None:
    names = [setting["name"] for setting in tap_in(FILE)["settings"]]
    assert_listed(declared_settings(), names, f"the settings of the tap in {FILE}")


@both
def test_settings_have_the_kind_of_their_type_and_no_value(name: str) -> None:
    declared = declared_settings()
    for setting in tap_in(name)["settings"]:
        ours = declared[setting["name"]]
        assert setting["kind"] in kinds_for(ours), ours.name
        assert "value" not in setting, ours.name
        assert setting.get("sensitive", False) is ours.secret, ours.name
        if "options" in setting:
            values = [option["value"] for option in setting["options"]]
            assert values == ours.schema["enum"], ours.name


@both
def test_each_provider_can_be_switched_on(name: str) -> None:
    names = {setting["name"] for setting in tap_in(name)["settings"]}
    for provider in PROVIDERS:
        groups = [{f"{provider.name}.{part}" for part in group} for group in provider.credentials]
        assert any(group <= names for group in groups), f"{name}: {provider.name}"


def test_each_credential_validates_meltano_yml() -> None:
    listed = tap_in(FILE)["settings_group_validation"]
    assert listed == [
        [f"{provider.name}.{part}" for part in group]
        for provider in PROVIDERS
        for group in provider.credentials
    ], f"settings_group_validation in {FILE}"


@both
def test_a_second_account_has_no_credential_of_the_first(name: str) -> None:
    """What it is not given it has from the first one, and would export the calls of that."""
    [variable] = re.findall(r"export TAP_CALLEXPORTS__ACME_(\w+)=", README)
    own = variable.partition("_")[0].lower()
    assert own in {provider.name for provider in PROVIDERS}
    others = [
        f"{provider.name}.{part}"
        for provider in PROVIDERS
        if provider.name != own
        for part in itertools.chain(*provider.credentials)
    ]
    config = second_account(name)
    assert_listed(others, config, f"the config of tap-callexports--acme in {name}")
    assert set(config.values()) == {""}


def test_the_hub_is_told_the_same_as_meltano_yml() -> None:
    ours, theirs = tap_in(FILE), definition()
    assert settings_of(ours) == settings_of(theirs)
    for part in ("name", "namespace", "executable", "select", "settings_group_validation"):
        assert ours[part] == theirs[part], part
    assert sorted(ours["capabilities"]) == theirs["capabilities"]


@both
def test_capabilities_are_those_of_the_tap(name: str) -> None:
    declared = {capability.value for capability in TapCallExports.capabilities}
    assert set(tap_in(name)["capabilities"]) == declared


@both
def test_streams_that_ask_call_by_call_are_off(name: str) -> None:
    assert tap_in(name)["select"] == SELECT


@both
def test_no_plugin_is_looked_up_in_the_hub(name: str) -> None:
    plugins = [plugin for kind in document(name)["plugins"].values() for plugin in kind]
    assert [plugin["name"] for plugin in plugins if not plugin.get("namespace")] == []


@both
def test_the_duckdb_loader_is_pinned_to_a_duckdb_that_loses_no_rows(name: str) -> None:
    loaders = {loader["name"]: loader for loader in document(name)["plugins"]["loaders"]}
    assert loaders["target-duckdb"]["pip_url"] == "target-duckdb==0.8.0 duckdb<1.3"


@both
def test_no_secret_is_written_into_the_file(name: str) -> None:
    plugins = [plugin for kind in document(name)["plugins"].values() for plugin in kind]
    for plugin in plugins:
        secret = {part["name"] for part in plugin.get("settings", ()) if part.get("sensitive")}
        assert not secret & set(plugin.get("config", ())), plugin["name"]


@both
def test_nothing_is_reported_to_others(name: str) -> None:
    assert document(name)["send_anonymous_usage_stats"] is False
