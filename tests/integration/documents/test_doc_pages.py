"""The pages under docs/ say what the code and the schema files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from declared import (
    PROVIDER_NAMES,
    README,
    ROOT,
    code_blocks,
    declared_settings,
)
from pages import DOCS, STREAMS, blocks_in, check_block, column_table, columns_of, unit_of
from support import assert_listed

PAGES = sorted(DOCS.rglob("*.md"))
PROVIDER_PAGES = sorted((DOCS / "providers").glob("*.md"))
SETTINGS = declared_settings()
COLUMNS = re.compile(r"columns of (\w+)(?: beside (\w+))?")
#: Variables that are no settings: extras of Meltano, the SDK's own JSON form, the log level.
OTHER_VARIABLES = {
    "TAP_CALLEXPORTS_VIDESK",
    "TAP_CALLEXPORTS__SELECT_FILTER",
    "TAP_CALLEXPORTS_LOGLEVEL",
    "TAP_CALLEXPORTS_STREAM_MAP_CONFIG_HASH_SALT",
}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


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


@pytest.mark.parametrize("page", PROVIDER_PAGES, ids=name_of)
def test_a_provider_s_page_has_the_columns_of_its_streams(page: Path) -> None:
    found = [COLUMNS.fullmatch(name) for name in blocks_in(page)]
    assert [match[1] for match in found if match] == [
        name for name in STREAMS if name.startswith(f"{page.stem}_")
    ], f"marks `columns of <stream>` in {name_of(page)}, in the order of STREAMS"
    for match in found:
        assert match is not None
        check_block(page, match[0], column_table(match[1], match[2] or ""))


def test_a_new_place_for_a_table_is_two_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, marks = tmp_path / "page.md", ("<!-- a place -->", "<!-- end of a place -->")
    page.write_text("\n".join(marks))
    monkeypatch.delenv("UPDATE_SNAPSHOTS", raising=False)
    with pytest.raises(AssertionError, match="run with UPDATE_SNAPSHOTS=1"):
        check_block(page, "a place", "a table")
    with monkeypatch.context() as asked:
        asked.setenv("UPDATE_SNAPSHOTS", "1")
        check_block(page, "a place", "a table")
    assert page.read_text() == "\n".join((marks[0], "a table", marks[1]))
    check_block(page, "a place", "a table")
    page.write_text(marks[0] + "\n")
    with pytest.raises(AssertionError, match="no line <!-- end of a place -->"):
        check_block(page, "a place", "a table")


def test_every_provider_has_a_page_that_the_readme_leads_to() -> None:
    assert_listed(PROVIDER_NAMES, [page.stem for page in PROVIDER_PAGES], "docs/providers/")
    assert [page for page in PAGES if f"({page.relative_to(ROOT)}" not in README] == []


def test_every_length_and_price_has_a_unit() -> None:
    named = re.compile(r"duration|_cost$|^price$|_discount$|accuracy")
    bare = [
        f"{stream}.{name}"
        for stream in STREAMS
        for name, column in columns_of(stream).items()
        if named.search(name) and not unit_of(column)
    ]
    assert bare == []


@each_page
def test_every_setting_that_a_page_names_exists_and_has_that_default(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = "|".join(PROVIDER_NAMES)
    for name, default in re.findall(rf"(?<![\w./])((?:{names})\.[a-z_]+)`?(?: \((\d+)\))?", text):
        assert name in SETTINGS, name
        assert default in {"", SETTINGS[name].default}, name


@each_page
def test_every_column_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"\b({'|'.join(STREAMS)})\.([a-z_]+)", text)
    assert [f"{s}.{column}" for s, column in named if column not in columns_of(s)] == []


@each_page
def test_a_page_names_no_variable_that_nothing_reads(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = {setting.variable for setting in SETTINGS.values()} | OTHER_VARIABLES
    assert set(re.findall(r"TAP_CALLEXPORTS_[A-Z0-9_]*[A-Z0-9]", text)) <= known


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors_in(file.read_text(encoding="utf-8")), target


@each_page
def test_every_yaml_example_can_be_read(page: Path) -> None:
    for block in code_blocks(page.read_text(encoding="utf-8"), "yaml"):
        assert yaml.safe_load(block)
