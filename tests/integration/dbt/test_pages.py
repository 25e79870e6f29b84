"""docs/calls.md, dbt's descriptions, the plugins and the pinned versions say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import assert_listed

from demo.expected import COLUMNS, STREAMS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/calls.md").read_text("utf-8")
MODELS = yaml.safe_load((ROOT / "transform/models/calls/_calls.yml").read_text("utf-8"))["models"]


def _columns(model: str) -> dict[str, dict[str, Any]]:
    (found,) = (part for part in MODELS if part["name"] == model)
    return {column["name"]: column for column in found["columns"]}


def _table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    below = PAGE.split(f"## {heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert lines
    rows = [line.strip("|\n ").split(" | ") for line in lines.group().splitlines()]
    return [[cell.strip(" `") for cell in row] for row in rows[2:]]


@pytest.mark.parametrize("model", ["calls", "calls_daily"])
def test_every_column_is_described_and_on_the_page(model: str) -> None:
    columns = _columns(model)
    assert [row[0] for row in _table(f"`{model}`")] == list(columns)
    assert all(column["description"].strip() for column in columns.values())


def test_the_columns_of_calls_are_those_of_the_model() -> None:
    assert tuple(_columns("calls")) == COLUMNS
    macro = (ROOT / "transform/macros/call_columns.sql").read_text("utf-8")
    assert tuple(re.findall(r"'(\w+)': '", macro)) == COLUMNS


def test_columns_with_personal_data_are_marked_as_such() -> None:
    for model in ("calls", "calls_daily"):
        columns = _columns(model).values()
        described = [c["name"] for c in columns if "(personal data)" in c["description"]]
        marked = [c["name"] for c in columns if c.get("meta", {}).get("personal_data")]
        assert described == marked
        assert "agent" in marked


def test_every_stream_that_calls_are_made_of_is_a_source_and_has_a_model() -> None:
    folder = ROOT / "transform/models/staging"
    (raw,) = yaml.safe_load((folder / "_raw.yml").read_text("utf-8"))["sources"]
    tables = [table["name"] for table in raw["tables"]]
    assert_listed(STREAMS, tables, "transform/models/staging/_raw.yml")
    models = [file.stem.removeprefix("stg_") for file in folder.glob("*.sql")]
    assert_listed(STREAMS, models, "transform/models/staging/stg_*.sql")


def test_the_plugins_and_the_tests_use_the_same_dbt() -> None:
    constraints = (ROOT / "constraints/dbt.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", constraints, re.MULTILINE))
    project = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    plugins = {plugin["name"]: plugin for plugin in project["plugins"]["utilities"]}
    for name in ("dbt-duckdb", "dbt-postgres"):
        wanted = plugins[name]["pip_url"].split()
        assert wanted[:2] == [f"dbt-core=={pinned['dbt-core']}", f"{name}=={pinned[name]}"]
    loaders = {plugin["name"]: plugin for plugin in project["plugins"]["loaders"]}
    assert plugins["dbt-duckdb"]["pip_url"].split()[2] in loaders["target-duckdb"]["pip_url"]


def test_a_plugin_sets_only_what_the_project_reads() -> None:
    texts = [
        file.read_text("utf-8")
        for file in (ROOT / "transform").rglob("*.yml")
        if "target" not in file.parts
    ]
    read = set(re.findall(r"env_var\('(\w+)'", "".join(texts)))
    of_dbt = {"DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET_PATH", "DBT_LOG_PATH"}
    project = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    set_by_plugins = {
        setting["env"]
        for plugin in project["plugins"]["utilities"]
        for setting in plugin["settings"]
    }
    assert set_by_plugins == read | of_dbt
