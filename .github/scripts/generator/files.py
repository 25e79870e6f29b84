"""Every file that is generated, as a whole or between marks."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from generator import hub, meltano, privacy, tables, warehouse
from generator.facts import ROOT, TITLES, streams
from generator.marks import filled
from tap_callexports.detail_stream import DetailStream
from tap_callexports.providers import PROVIDERS
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SNAPSHOTS = ROOT / "tests" / "contract" / "snapshots"
#: How many runs of a provider an orchestrator starts at the same time.
_SLOTS = 2
#: What a new provider's page begins with.
_PAGE = """\
# {0}

## Credential

## How late data comes

## Rate limits

## Peculiarities

## Compare with the dashboard

## Unverified

## In the table of all calls

## Troubleshooting

## Documentation of the endpoints

## Columns

<!-- generated: columns of {1} -->
<!-- end of generated -->
"""

#: What can stand between marks, by name.
BLOCKS: dict[str, Callable[[], str]] = {
    "providers": tables.provider_table,
    "settings": tables.setting_tables,
    "streams": tables.stream_table,
    "speed": tables.speed_table,
    "speed in a sentence": tables.speed_sentence,
    "personal data": privacy.personal_table,
    "personal data to leave out": privacy.selection,
    "personal data to hash or drop": privacy.stream_maps,
    "secrets": privacy.secrets,
    "plugin": meltano.plugin,
    "plugin to begin with": meltano.first_plugin,
    "second account": meltano.second_account,
    "modelled providers": warehouse.providers_in_sql,
    "values of provider": warehouse.accepted_providers,
    "values of raw tables": warehouse.accepted_streams,
    "columns of the table of calls": partial(warehouse.columns_of_model, "calls"),
    "columns of the days": partial(warehouse.columns_of_model, "calls_daily"),
    **{f"loader {name}": partial(str, text) for name, text in meltano.loaders().items()},
    **{f"columns of {name}": partial(tables.column_tables, name) for name in TITLES},
    **{f"personal data of {name}": partial(privacy.personal_by_provider, name) for name in TITLES},
}


def generated() -> dict[Path, str]:
    """The text that every file with a generated part should have."""
    models = ROOT / "transform" / "models"
    whole = {
        ROOT / ".env.example": meltano.env_example(),
        ROOT / "docs" / "tap-callexports.hub.yml": hub.written(),
        ROOT / "orchestrate" / "streams.json": orchestrated_streams(),
        ROOT / "orchestrate" / "airflow_pools.json": airflow_pools(),
        models / "raw" / "_raw.yml": warehouse.sources(),
        models / "providers" / "_providers.yml": warehouse.models(),
        **{SNAPSHOTS / f"{name}.json": snapshot_of(name) for name in streams()},
    }
    pages = [ROOT / "docs" / "providers" / f"{name}.md" for name in TITLES]
    texts = {page: _PAGE.format(TITLES[page.stem], page.stem) for page in pages}
    texts |= {
        path: path.read_text(encoding="utf-8")
        for path in [
            ROOT / "README.md",
            *(ROOT / "docs").rglob("*.md"),
            ROOT / "meltano.yml",
            *(models / "calls").iterdir(),
        ]
    }
    return whole | {
        path: filled(text, BLOCKS, str(path.relative_to(ROOT))) for path, text in texts.items()
    }


def outdated() -> dict[Path, str | None]:
    """The files that are not as they should be, with their new text; None where one must go."""
    left_over = {path: None for path in SNAPSHOTS.glob("*.json") if path.stem not in streams()}
    changed = {
        path: text
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    return left_over | changed


def orchestrated_streams() -> str:
    """What a scheduler must know of the tap, which it does not import."""
    known = {
        provider.name: {
            "title": provider.title,
            "urls": {
                each.name: each.default
                for each in provider.properties
                if each.name in provider.url_settings
            },
            "streams": [
                {
                    "name": name,
                    "filter_field": stream.filter_field,
                    "ranged": stream.windowed,
                    "per_call": isinstance(stream, DetailStream),
                }
                for name, stream in streams().items()
                if stream.provider.name == provider.name
            ],
        }
        for provider in PROVIDERS
    }
    return _as_json(known)


def airflow_pools() -> str:
    """Airflow's pools: one for each provider."""
    return _as_json(
        {
            name: {"slots": _SLOTS, "description": f"Runs at the same time that talk to {title}"}
            for name, title in TITLES.items()
        }
    )


def snapshot_of(stream: str) -> str:
    """A stream's part of the catalog, without the prose."""
    catalog = TapCallExports(config={}, validate_config=False).catalog_dict
    entry = next(part for part in catalog["streams"] if part["tap_stream_id"] == stream)
    columns: dict[str, Any] = entry["schema"]["properties"]
    return _as_json(
        {
            "stream": stream,
            "key_properties": list(entry["key_properties"]),
            "replication_key": entry.get("replication_key"),
            "replication_method": entry["replication_method"],
            "columns": {name: without_prose(schema) for name, schema in columns.items()},
        }
    )


def without_prose(schema: dict[str, Any]) -> dict[str, Any]:
    """A property as a target reads it: descriptions may be reworded at any time."""
    kept = {key: value for key, value in schema.items() if key != "description"}
    if "properties" in kept:
        kept["properties"] = {
            name: without_prose(part) for name, part in kept["properties"].items()
        }
    if isinstance(kept.get("items"), dict):
        kept["items"] = without_prose(kept["items"])
    return kept


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
