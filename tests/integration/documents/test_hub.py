"""The Meltano Hub's definition of the tap is what the Hub takes, and says what the code does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hub_definition import FILE, definition, refusals, written

TOKEN = "videsk.api_token"


def changed(name: str, **parts: object) -> dict[str, Any]:
    """The definition with parts of one setting changed; None takes a part away."""
    entry = definition()
    (setting,) = [setting for setting in entry["settings"] if setting["name"] == name]
    setting.update(parts)
    for part in [part for part, value in parts.items() if value is None]:
        del setting[part]
    return entry


def test_the_file_is_what_the_code_gives() -> None:
    assert FILE.read_text(encoding="utf-8") == written(), "renew it with `make hub`"


def test_the_hub_takes_the_definition() -> None:
    assert refusals(yaml.safe_load(FILE.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "entry",
    [
        {**definition(), "variants": []},
        {key: value for key, value in definition().items() if key != "quality"},
        {**definition(), "capabilities": ["state", "logs"]},
        {**definition(), "capabilities": ["catalog"]},
        {**definition(), "settings_group_validation": [[]]},
        changed("start_date", kind="number"),
        changed("start_date", description=""),
        changed("start_date", default="2024-05-01"),
        changed(TOKEN, label=None),
        changed(TOKEN, sensitive=None),
        changed(TOKEN, kind="string"),
        changed("burki.format", options=None),
        changed("burki.format", options=[{"value": "json"}]),
    ],
)
def test_the_rules_refuse_a_wrong_definition(entry: dict[str, Any]) -> None:
    assert refusals(entry) != []


def test_every_group_of_credentials_consists_of_settings() -> None:
    entry = definition()
    names = {setting["name"] for setting in entry["settings"]}
    assert [group for group in entry["settings_group_validation"] if not set(group) <= names] == []


def test_lists_are_in_the_order_of_the_hub() -> None:
    entry = definition()
    names = [setting["name"] for setting in entry["settings"]]
    assert names == sorted(set(names))
    assert entry["capabilities"] == sorted(entry["capabilities"])


def test_no_setting_has_a_value() -> None:
    """With one, Meltano passes an object for a provider that nobody has switched on."""
    assert [setting["name"] for setting in definition()["settings"] if "value" in setting] == []
