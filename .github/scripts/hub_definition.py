"""Writes the Meltano Hub's definition of the tap, made from what the tap says of itself.

`make hub` runs it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).resolve().parents[2] / "docs" / "tap-callexports.hub.yml"
#: What the Hub accepts, as a JSON schema.
_RULES = Path(__file__).with_name("hub_rules.json")

#: The Hub tells plugins of one name apart by the owner of the repository.
_VARIANT = "callexports"
_OPTIONS = {
    "anunzi": "Anunzi",
    "retell": "Retell AI",
    "json": "JSON",
    "csv": "CSV",
    "fail": "Fail the stream",
    "skip": "Skip with a warning",
}


def about() -> dict[str, Any]:
    """What `tap-callexports --about --format=json` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        TapCallExports.print_about("json")
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told


def definition() -> dict[str, Any]:
    """The entry; lists are in the order the Hub's own formatter gives them."""
    told = about()
    name = told["name"]
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": _VARIANT,
        "label": "Call Exports",
        "description": told["description"],
        "executable": name,
        "pip_url": name,
        "capabilities": sorted(told["capabilities"]),
        "log_parser": "singer-sdk",
        "keywords": ["meltano_sdk"],
        "maintenance_status": "beta",
        "quality": "unknown",  # for the Hub to say
        "supported_python_versions": told["supported_python_versions"],
        "select": _select(),
        "settings": sorted(_settings(told["settings"]), key=lambda setting: str(setting["name"])),
        "settings_group_validation": [
            sorted(f"{provider.name}.{part}" for part in group)
            for provider in PROVIDERS
            for group in provider.credentials
        ],
        "settings_preamble": _preamble(),
    }


def written() -> str:
    """The entry as the text of its file."""
    return yaml.safe_dump(definition(), allow_unicode=True, width=100)


def refusals(entry: dict[str, Any]) -> list[str]:
    """What the Hub's rules say against a definition."""
    rules = Draft202012Validator(json.loads(_RULES.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in rules.iter_errors(entry)]


def _select() -> list[str]:
    tap = TapCallExports(config={}, validate_config=False)
    off = [stream.name for stream in tap.discover_streams() if not stream.selected_by_default]
    return ["*.*", *(f"!{name}.*" for name in off)]


def _preamble() -> str:
    names = "; ".join(provider.credential_names() for provider in PROVIDERS)
    return f"A provider is on when its credential is given ({names}). At least one is needed."


def _settings(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    titles = {provider.name: provider.title for provider in PROVIDERS}
    for name, part in schema["properties"].items():
        if name not in titles:
            yield _setting(name, part["title"], part)
            continue
        for inner, setting in part["properties"].items():
            yield _setting(f"{name}.{inner}", f"{titles[name]}: {setting['title']}", setting)


def _setting(name: str, label: str, schema: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "name": name,
        "label": label,
        "description": schema["description"],
        "kind": _kind(schema),
    }
    if "enum" in schema:
        entry["options"] = [{"label": _OPTIONS[value], "value": value} for value in schema["enum"]]
    if schema.get("secret"):
        entry["sensitive"] = True
    # Not as `value`: with one, Meltano would pass an object for every provider.
    if default := schema.get("default"):
        entry["placeholder"] = default if isinstance(default, str) else json.dumps(default)
    return entry


def _kind(schema: dict[str, Any]) -> str:
    """One of the kinds of settings Meltano knows."""
    if schema.get("secret"):
        return "password"
    if "enum" in schema:
        return "options"
    if schema.get("format") == "date-time":
        return "date_iso8601"
    return next(str(name) for name in schema["type"] if name != "null")


if __name__ == "__main__":
    if wrong := refusals(definition()):
        sys.exit("\n".join(wrong))
    FILE.write_text(written(), encoding="utf-8")
