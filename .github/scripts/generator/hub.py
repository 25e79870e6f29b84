"""The Meltano Hub's definition of the tap.

The Hub takes it as `_data/meltano/extractors/tap-callexports/<variant>.yml`.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

from generator.facts import TITLES, settings
from generator.meltano import capabilities, credential_groups, options_of, select
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from generator.facts import Setting

#: What the Hub accepts, as a JSON schema.
_RULES = Path(__file__).parents[1] / "hub_rules.json"
#: The Hub tells plugins of one name apart by the owner of the repository.
_VARIANT = "callexports"


def definition() -> dict[str, Any]:
    """The entry; lists are in the order the Hub's own formatter gives them."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        TapCallExports.print_about("json")
    about: dict[str, Any] = json.loads(printed.getvalue())
    name = about["name"]
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "variant": _VARIANT,
        "label": "Call Exports",
        "description": about["description"],
        "executable": name,
        # Not on a package index yet: whoever registers the name there could be installed.
        "pip_url": f"git+https://YOUR-GIT-HOST/{name}.git",
        "capabilities": capabilities(),
        "log_parser": "singer-sdk",
        "keywords": ["meltano_sdk"],
        "maintenance_status": "beta",
        "quality": "unknown",  # for the Hub to say
        "supported_python_versions": about["supported_python_versions"],
        "select": select(),
        "settings": [_setting(each) for each in sorted(settings(), key=lambda each: each.name)],
        "settings_group_validation": [sorted(group) for group in credential_groups()],
        "settings_preamble": _preamble(),
    }


def written() -> str:
    """The entry as the text of its file."""
    return yaml.safe_dump(definition(), allow_unicode=True, width=100)


def refusals(entry: dict[str, Any]) -> list[str]:
    """What the Hub's rules say against a definition."""
    rules = Draft202012Validator(json.loads(_RULES.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in rules.iter_errors(entry)]


def _preamble() -> str:
    names = "; ".join(provider.credential_names() for provider in PROVIDERS)
    return f"A provider is on when its credential is given ({names}). At least one is needed."


def _setting(setting: Setting) -> dict[str, Any]:
    title = setting.schema["title"]
    entry = {
        "name": setting.name,
        "label": f"{TITLES[setting.provider]}: {title}" if setting.provider else title,
        "description": setting.schema["description"],
        "kind": setting.kind,
    }
    if choices := options_of(setting):
        entry["options"] = choices
    if setting.secret:
        entry["sensitive"] = True
    # Not as `value`: with one, Meltano would pass an object for every provider.
    if setting.schema.get("default"):
        entry["placeholder"] = setting.default
    return entry
