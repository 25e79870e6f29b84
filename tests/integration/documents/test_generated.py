"""What `make docs` writes is up to date, and is made as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from generator import files, hub, meltano, privacy, warehouse
from generator.facts import ROOT, columns_of, credentials, personal_columns, settings, streams
from generator.marks import MarkError, filled

from tap_callexports.providers import PROVIDERS


def test_the_generated_parts_are_up_to_date() -> None:
    stale = [str(path.relative_to(ROOT)) for path in files.outdated()]
    assert stale == [], "run `make docs`, and read the difference"


def test_every_provider_has_a_page_with_its_columns() -> None:
    for provider in PROVIDERS:
        page = (ROOT / "docs" / "providers" / f"{provider.name}.md").read_text(encoding="utf-8")
        assert f"<!-- generated: columns of {provider.name} -->" in page


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<!-- generated: a -->\n{}<!-- end of generated -->\n", "one\ntwo\n"),
        ("x:\n  # generated: a\n{}  # end of generated\ny: 1\n", "  one\n  two\n"),
        ("-- generated: a\n{}-- end of generated", "one\ntwo\n"),
    ],
    ids=["Markdown", "YAML", "SQL"],
)
@pytest.mark.parametrize("old", ["", "old\n"])
def test_what_is_between_marks_is_replaced(before: str, after: str, old: str) -> None:
    text = filled(before.format(old), {"a": lambda: "one\ntwo"}, "file")
    assert text == before.format(after)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# generated: b\n# end of generated", "file: no block is called 'b', but a"),
        ("# generated: a\n", "file: marks must come in pairs"),
        ("# end of generated\n# generated: a\n", "file: marks must come in pairs"),
        (
            "# generated: a\n# end of generated\n# end of generated",
            "file: marks must come in pairs",
        ),
    ],
)
def test_a_wrong_mark_is_an_error(text: str, error: str) -> None:
    with pytest.raises(MarkError, match=error):
        filled(text, {"a": lambda: "one"}, "file")


def test_a_snapshot_of_a_stream_that_is_gone_must_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "SNAPSHOTS", tmp_path)
    monkeypatch.setattr(files, "generated", dict)
    (tmp_path / "gone_calls.json").touch()
    assert files.outdated() == {tmp_path / "gone_calls.json": None}


def test_a_snapshot_has_types_at_every_depth_and_no_prose() -> None:
    inner = {"type": "string", "description": "c"}
    schema = {"type": "object", "description": "a", "properties": {"description": inner}}
    assert files.without_prose({"items": schema, "description": "b"}) == {
        "items": {"type": "object", "properties": {"description": {"type": "string"}}}
    }


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


def test_the_first_plugin_can_switch_on_every_provider() -> None:
    names = {each["name"] for each in yaml.safe_load(meltano.first_plugin())["settings"]}
    assert {name for each in PROVIDERS for name in credentials(each)} < names


def test_dbt_reads_every_stream_with_the_types_of_its_schema() -> None:
    [raw] = yaml.safe_load(warehouse.sources())["sources"]
    tables = {table["name"]: table for table in raw["tables"]}
    assert list(tables) == list(streams())
    types = {each["name"]: each["data_type"] for each in tables["anunzi_calls"]["columns"]}
    assert types["start_timestamp"] == "timestamp"
    assert types["duration_ms"] == "bigint"
    assert types["call_cost"] == "json"
    assert types["call_cost.combined_cost"] == "double precision"


def _changed(name: str, **parts: object) -> dict[str, Any]:
    """The Hub's definition with parts of one setting changed; None takes a part away."""
    entry = hub.definition()
    [setting] = [setting for setting in entry["settings"] if setting["name"] == name]
    setting.update(parts)
    for part in [part for part, value in parts.items() if value is None]:
        del setting[part]
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        {**hub.definition(), "variants": []},
        {key: value for key, value in hub.definition().items() if key != "quality"},
        {**hub.definition(), "capabilities": ["state", "logs"]},
        {**hub.definition(), "settings_group_validation": [[]]},
        _changed("start_date", kind="number"),
        _changed("start_date", default="2024-05-01"),
        _changed("videsk.api_token", label=None),
        _changed("videsk.api_token", kind="string"),
        _changed("burki.format", options=None),
    ],
)
def test_the_hub_takes_the_definition_and_no_wrong_one(entry: dict[str, Any]) -> None:
    assert hub.refusals(hub.definition()) == []
    assert hub.refusals(entry) != []
