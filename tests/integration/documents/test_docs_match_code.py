"""README, .env.example and CHANGELOG say what the code does."""

from __future__ import annotations

import json
import re

import pytest
from declared import (
    PROVIDER_NAMES,
    README,
    ROOT,
    code_blocks,
    declared_settings,
    declared_streams,
    endpoint_of,
    plain,
    tables_in,
)
from support import assert_listed

from tap_callexports.tap import TapCallExports

#: Variables that are no settings: the SDK's own JSON form, a Meltano extra, the log level.
OTHER_VARIABLES = {
    "TAP_CALLEXPORTS_VIDESK",
    "TAP_CALLEXPORTS__SELECT_FILTER",
    "TAP_CALLEXPORTS_LOGLEVEL",
}
COMMON = "Every provider"
NOT_PROVIDERS = {"Shared", "From the SDK"}


def settings_in_readme() -> dict[str, tuple[str, str]]:
    """Type and default of every setting the README lists."""
    found: dict[str, tuple[str, str]] = {}
    for table in tables_in(README):
        if table.header[0] != "setting":
            continue
        for row in table.rows:
            name, kind = plain(row[0]), plain(row[1])
            if table.heading == COMMON:
                for column, provider in enumerate(table.header[2:-1], start=2):
                    found[f"{plain(provider)}.{name}"] = kind, plain(row[column])
            elif table.heading in NOT_PROVIDERS:
                found[name] = kind, plain(row[2])
            else:
                found[f"{table.heading}.{name}"] = kind, plain(row[2])
    return found


def streams_in_readme() -> dict[str, list[str]]:
    """The cells of every stream the README lists."""
    return {
        plain(row[0]): [plain(cell) for cell in row[1:]]
        for table in tables_in(README)
        if table.header[0] == "stream"
        for row in table.rows
    }


def test_readme_lists_every_setting_with_its_type_and_default() -> None:
    declared, listed = declared_settings(), settings_in_readme()
    assert_listed(declared, listed, "the tables of settings in README.md")
    assert listed == {
        name: (f"{setting.type}, secret" if setting.secret else setting.type, setting.default)
        for name, setting in declared.items()
    }


def test_readme_lists_every_stream_with_its_keys_and_filter_field() -> None:
    listed = streams_in_readme()
    assert_listed(declared_streams(), listed, "the tables of streams in README.md")
    assert {name: cells[1:4] for name, cells in listed.items()} == {
        name: [
            ", ".join(stream.primary_keys),
            stream.replication_key or "",
            stream.filter_field or "",
        ]
        for name, stream in declared_streams().items()
    }


def test_readme_names_the_endpoint_of_every_stream() -> None:
    declared, listed = declared_streams(), streams_in_readme()
    assert_listed(declared, listed, "the tables of streams in README.md")
    wrong = {
        name: listed[name][0]
        for name, stream in declared.items()
        if not listed[name][0].startswith(" ".join(endpoint_of(stream)))
    }
    assert wrong == {}


def test_readme_says_which_streams_hold_personal_data() -> None:
    listed = streams_in_readme()
    assert_listed(declared_streams(), listed, "the tables of streams in README.md")
    assert {name: cells[4].startswith("yes: ") for name, cells in listed.items()} == {
        name: any(
            column["description"].endswith("(personal data)")
            for column in stream.schema["properties"].values()
        )
        for name, stream in declared_streams().items()
    }


@pytest.mark.parametrize("block", code_blocks(README, "json"))
def test_the_tap_accepts_every_config_in_the_readme(block: str) -> None:
    tap = TapCallExports(config=json.loads(block))
    assert tap.this_run.failures == {}


def test_readme_shows_a_config_for_every_provider() -> None:
    shown = {name for block in code_blocks(README, "json") for name in json.loads(block)}
    assert_listed(PROVIDER_NAMES, shown & set(PROVIDER_NAMES), "the JSON examples in README.md")


def test_readme_names_no_variable_that_nothing_reads() -> None:
    known = {setting.variable for setting in declared_settings().values()} | OTHER_VARIABLES
    # Another account's begin with the name of its plugin.
    text = README.replace("TAP_CALLEXPORTS__ACME_", "TAP_CALLEXPORTS_")
    assert set(re.findall(r"TAP_CALLEXPORTS_[A-Z0-9_]*[A-Z0-9]", text)) <= known


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_to_one(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_file_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = re.findall(r"`(?:[\w-]+/)*[\w.-]+\.(?:py|yml|toml)`|`(?:[\w-]+/)+`", text)
    # A text that has named a folder goes on with the names of what is in it.
    folders = ("tap_callexports", "sandbox", "tests", "transform", "demo", "orchestrate")
    paths = [path.as_posix() for folder in folders for path in (ROOT / folder).rglob("*")]
    names = sorted({name.strip("`").rstrip("/") for name in files})
    assert "http/client.py" in names
    strange = [name for name in names if not any(path.endswith(f"/{name}") for path in paths)]
    assert [name for name in strange if not (ROOT / name).exists()] == []


def test_env_example_holds_every_setting_as_a_comment_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    variables = [re.fullmatch(r"# (TAP_CALLEXPORTS_\w+)=(.*)", line) for line in lines]
    shown = ["=".join(match.groups()) for match in variables if match]
    declared = [f"{each.variable}={each.default}" for each in declared_settings().values()]
    assert_listed(declared, shown, ".env.example")
    assert [line for line in lines if line and not line.startswith("# ")] == []


def test_changelog_begins_with_the_version_being_worked_on() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^fallback-version = "(.+)\.dev0"$', project, re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\] - (.+)$", changelog, re.MULTILINE)
    assert version is not None
    assert headings[0][0] == version.group(1)
    assert all(
        date == "Unreleased" or re.fullmatch(r"\d{4}-\d\d-\d\d", date) for _, date in headings
    )
