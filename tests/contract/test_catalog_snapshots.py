"""What a target sees of each stream does not change unnoticed.

After a wanted change renew the files and read the difference:
`UPDATE_SNAPSHOTS=1 pytest tests/contract/test_catalog_snapshots.py`
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from declared import ROOT, declared_streams
from support import assert_listed

from tap_callexports.tap import TapCallExports

FOLDER = ROOT / "tests" / "contract" / "snapshots"
STREAMS = tuple(declared_streams())


def snapshot_of(name: str) -> str:
    """A stream's part of the catalog, without the prose."""
    catalog = TapCallExports(config={}, validate_config=False).catalog_dict
    entry = next(part for part in catalog["streams"] if part["tap_stream_id"] == name)
    shape = {
        "stream": name,
        "key_properties": list(entry["key_properties"]),
        "replication_key": entry.get("replication_key"),
        "replication_method": entry["replication_method"],
        "columns": {
            column: without_prose(schema)
            for column, schema in entry["schema"]["properties"].items()
        },
    }
    return json.dumps(shape, indent=2, ensure_ascii=False) + "\n"


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


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.covers(141)
def test_a_stream_is_as_its_snapshot(name: str) -> None:
    file = FOLDER / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(snapshot_of(name), encoding="utf-8")
    assert file.exists(), "a new stream needs a snapshot: run with UPDATE_SNAPSHOTS=1"
    assert snapshot_of(name) == file.read_text(encoding="utf-8")


def test_no_stream_with_a_snapshot_has_gone() -> None:
    assert_listed(
        STREAMS, [file.stem for file in FOLDER.glob("*.json")], "tests/contract/snapshots/"
    )
