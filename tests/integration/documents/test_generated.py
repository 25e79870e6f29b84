"""What `make docs` writes is up to date, and is made as it should be."""

from __future__ import annotations

from typing import Any

import yaml
from generator import files, hub, meltano, privacy
from generator.facts import ROOT, columns_of, credentials, personal_columns, settings, streams

from tap_callexports.providers import PROVIDERS


def test_the_generated_parts_are_up_to_date() -> None:
    stale = [str(path.relative_to(ROOT)) for path in files.outdated()]
    assert stale == [], "run `make docs`, and read the difference"
    for provider in PROVIDERS:
        page = (ROOT / "docs" / "providers" / f"{provider.name}.md").read_text(encoding="utf-8")
        assert f"<!-- generated: columns of {provider.name} -->" in page


def test_the_recipes_remove_every_personal_column_and_what_no_schema_knows() -> None:
    maps = yaml.safe_load(privacy.stream_maps())["stream_maps"]
    assert sum(len(personal_columns(stream)) for stream in streams()) > 80
    for stream in streams():
        assert {*personal_columns(stream), "extra"} <= maps[stream].keys() <= {*columns_of(stream)}
    hashed = {name for rules in maps.values() for name, rule in rules.items() if "sha256" in rule}
    assert {"from_number", "to_number", "number", "calling_number", "phone", "agent"} <= hashed
    assert not {"user_agent", "sentiment_number", "transcript", "messages"} & hashed
    assert {"calls.id", "calls.call_id"}.isdisjoint(privacy.selection())


def test_no_setting_has_a_value_for_meltano() -> None:
    """With one, Meltano passes an object for a provider that nobody has switched on."""
    for plugin in (yaml.safe_load(meltano.plugin()), hub.definition()):
        assert [each["name"] for each in plugin["settings"] if "value" in each] == []
        assert [each["name"] for each in plugin["settings"] if each.get("sensitive")] == [
            each.name for each in _in_order(plugin) if each.secret
        ]


def _in_order(plugin: dict[str, Any]) -> list[Any]:
    known = {each.name: each for each in settings()}
    return [known[each["name"]] for each in plugin["settings"]]


def test_a_second_account_has_no_credential_of_the_first() -> None:
    """What it is not given it has from the first one, and would export the calls of that."""
    [account] = yaml.safe_load(meltano.second_account())
    others = [name for each in PROVIDERS if each.name != "burki" for name in credentials(each)]
    assert account["config"] == dict.fromkeys(others, "")


def test_the_hub_takes_the_definition_and_no_wrong_one() -> None:
    assert hub.refusals(hub.definition()) == []
    assert hub.refusals({**hub.definition(), "capabilities": ["state", "logs"]}) != []
