"""The recipes of docs/privacy.md, as a test can use them."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import yaml
from declared import ROOT, code_blocks

PAGE = ROOT / "docs" / "privacy.md"
HASHED = "sha256(config['hash_salt'] + self) if self else None"


def examples() -> list[dict[str, Any]]:
    """The YAML examples of the page."""
    return list(map(yaml.safe_load, code_blocks(PAGE.read_text(encoding="utf-8"), "yaml")))


def recipe() -> dict[str, Any]:
    """Settings and config of the recipe with stream maps."""
    [found] = [example for example in examples() if "config" in example]
    return found


def selection() -> list[str]:
    """The patterns that leave columns out."""
    [found] = [example["select"] for example in examples() if "select" in example]
    return list(found)


def maps_of(stream: str) -> dict[str, str]:
    """What the recipe does to a stream's columns: the last map that fits counts."""
    maps: dict[str, dict[str, str]] = recipe()["config"]["stream_maps"]
    return next((rules for name, rules in reversed(maps.items()) if fnmatch(stream, name)), {})
