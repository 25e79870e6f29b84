"""Examples in the documents work, links lead somewhere, and names are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from generator.facts import ROOT, TITLES, columns_of, settings, streams
from pages import DOCUMENTS, code_blocks

from tap_callexports.tap import TapCallExports

SETTINGS = {each.name: each for each in settings()}
#: Variables that are no settings: extras of Meltano, the SDK's own JSON form, the log level.
OTHER_VARIABLES = {
    "TAP_CALLEXPORTS_VIDESK",
    "TAP_CALLEXPORTS__SELECT_FILTER",
    "TAP_CALLEXPORTS_LOGLEVEL",
    "TAP_CALLEXPORTS_STREAM_MAP_CONFIG_HASH_SALT",
}
#: What may stand where a secret belongs: nothing, a variable, or a word that is none.
NO_SECRET = re.compile(r"|null|\$.*|…|YOUR-[A-Z-]+|Bearer")
SECRET = re.compile(r"(?i)(token|password|api_?key|secret|salt)$")
ASSIGNED = re.compile(r"""([\w.]+)["']?\s*(?:[:=])\s*["']?([^\s"',{}\[\]#]*)""")

each_document = pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)


def anchors_in(text: str) -> set[str]:
    """What links can lead to: headings, lower case, blanks as dashes; repeated ones numbered."""
    seen: dict[str, int] = {}
    anchors = set()
    for line in re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip().lower()
            slug = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
            number = seen[slug] = seen.get(slug, -1) + 1
            anchors.add(f"{slug}-{number}" if number else slug)
    return anchors


@each_document
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors_in(file.read_text(encoding="utf-8")), target


@each_document
def test_every_name_that_a_document_uses_is_one_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("TAP_CALLEXPORTS__ACME_", "TAP_CALLEXPORTS_")
    known = {setting.variable for setting in SETTINGS.values()} | OTHER_VARIABLES
    assert set(re.findall(r"TAP_CALLEXPORTS_[A-Z0-9_]*[A-Z0-9]", text)) <= known
    named = rf"(?<![\w./])((?:{'|'.join(TITLES)})\.(?!md\b)[a-z_]+)`?(?: \((\d+)\))?"
    for name, default in re.findall(named, text):
        assert name in SETTINGS, name
        assert default in {"", SETTINGS[name].default}, name
    for stream, column in re.findall(rf"\b({'|'.join(streams())})\.([a-z_]+)", text):
        assert column in columns_of(stream), f"{stream}.{column}"


@each_document
def test_every_example_can_be_read_and_holds_no_secret(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in code_blocks(text, "yaml"):
        assert yaml.safe_load(block)
    for block in code_blocks(text, "json"):
        assert TapCallExports(config=json.loads(block)).this_run.failures == {}
    blocks = re.findall(r"^```.*?^```|`[^`\n]+`", text, re.DOTALL | re.MULTILINE)
    assert secrets_in("\n".join(blocks)) == []


def secrets_in(text: str) -> list[str]:
    """What looks like a secret that is written down."""
    return [
        f"{name}: {value}"
        for name, value in ASSIGNED.findall(text)
        if SECRET.search(name) and not NO_SECRET.fullmatch(value)
    ]


def test_our_project_asks_nobody_loses_no_rows_and_holds_no_secret() -> None:
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    project = yaml.safe_load(text)
    assert secrets_in(text) == []
    assert project["send_anonymous_usage_stats"] is False
    plugins = [plugin for kind in project["plugins"].values() for plugin in kind]
    # A plugin without a namespace is looked up in the Hub.
    assert all(plugin.get("namespace") for plugin in plugins)
    [duckdb] = [plugin for plugin in plugins if plugin["name"] == "target-duckdb"]
    assert duckdb["config"]["flush_all_streams"] is True


def test_the_changelog_begins_with_the_version_being_worked_on() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [version] = re.findall(r'^fallback-version = "(.+)\.dev0"$', project, re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\] - (.+)$", changelog, re.MULTILINE)
    assert headings[0][0] == version
    dates = {date for _, date in headings} - {"Unreleased"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in dates)
