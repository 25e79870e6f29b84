"""The recipe of docs/privacy.md reaches the tap through Meltano as it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.project import ROOT, Project

pytestmark = pytest.mark.meltano

_PAGE = ROOT / "docs" / "privacy.md"
_SALT = "TAP_CALLEXPORTS_STREAM_MAP_CONFIG_HASH_SALT"


def recipe() -> dict[str, Any]:
    """The example with stream maps."""
    blocks = _PAGE.read_text("utf-8").split("```yaml\n")[1:]
    examples = [yaml.safe_load(block.partition("```")[0]) for block in blocks]
    [found] = [example for example in examples if "config" in example]
    return dict(found)


def with_recipe() -> str:
    """Our meltano.yml with the example's lines in it, as a user adds them: anchors and all."""
    block = next(b for b in _PAGE.read_text("utf-8").split("```yaml\n") if "stream_maps:" in b)
    settings, config = block.partition("```")[0].split("    config:\n")
    salt = next(line for line in settings.splitlines(keepends=True) if "hash_salt" in line)
    text = (ROOT / "meltano.yml").read_text("utf-8")
    first = "    - {name: start_date, kind: date_iso8601}\n"
    assert text.count(first) == 1
    assert text.count("    select: [") == 1
    text = text.replace(first, salt + first)
    return text.replace("    select: [", f"    config:\n{config}    select: [")


def test_maps_and_salt_arrive_through_meltano(tmp_path: Path) -> None:
    (tmp_path / "meltano.yml").write_text(with_recipe(), "utf-8")
    project = Project(tmp_path, tmp_path, {_SALT: "a salt for tests"})
    command = ("--log-level=critical", "config", "print", "tap-callexports")

    printed = project.meltano(*command)

    assert printed.code == 0, printed.log
    config = json.loads(printed.log)
    assert config["stream_maps"] == recipe()["config"]["stream_maps"]
    # There, and not shown.
    assert list(config["stream_map_config"]) == ["hash_salt"]
    assert "a salt for tests" not in printed.log
