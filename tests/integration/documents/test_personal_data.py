"""docs/privacy.md covers every column that is marked as personal, and no example holds a secret."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from declared import ROOT, declared_settings
from pages import (
    STREAMS,
    check_block,
    columns_of,
    is_personal,
    personal_by_provider,
    personal_table,
)
from privacy import HASHED, PAGE, maps_of, recipe, selection
from support import assert_listed

from tap_callexports.tap import TapCallExports

#: Not marked, and left out by both recipes for safety.
DOUBTFUL = re.compile(r"extra|scrubbed_.*|knowledge_base_retrieved_contents_url")
EXAMPLES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "meltano.yml",
    ROOT / ".env.example",
]
#: What may stand where a secret belongs: nothing, a variable, or a word that is none.
NO_SECRET = re.compile(r"|null|\$.*|…|YOUR-[A-Z-]+|Bearer")
SECRET = re.compile(r"(?i)(token|password|api_?key|secret|salt)$")
ASSIGNED = re.compile(r"""([\w.]+)["']?\s*(?:[:=])\s*["']?([^\s"',{}\[\]#]*)""")


def personal_columns() -> set[tuple[str, str]]:
    return {
        (stream, name)
        for stream in STREAMS
        for name, column in columns_of(stream).items()
        if is_personal(column)
    }


def assert_all_in(recipe: str, columns: set[tuple[str, str]]) -> None:
    missing = [".".join(column) for column in sorted(personal_columns() - columns)]
    assert not missing, f"missing in {recipe} of docs/privacy.md: {', '.join(missing)}"


def test_the_page_lists_every_marked_column() -> None:
    check_block(PAGE, "columns with personal data", personal_table())
    check_block(ROOT / "README.md", "columns with personal data", personal_by_provider())


def test_the_catalog_carries_the_marks() -> None:
    catalog = TapCallExports(config={}, validate_config=False).catalog_dict
    marked = {
        (entry["tap_stream_id"], name)
        for entry in catalog["streams"]
        for name, column in entry["schema"]["properties"].items()
        if is_personal(column)
    }
    assert marked == personal_columns()
    assert len(marked) > 80


def test_the_selection_leaves_out_what_is_personal_and_little_else() -> None:
    chosen, *excluded = selection()
    assert chosen == "*.*"
    out = {
        (stream, name)
        for stream in STREAMS
        for name in columns_of(stream)
        if any(fnmatch(f"{stream}.{name}", pattern[1:]) for pattern in excluded)
    }
    whole = {p[1:].removesuffix(".*") for p in excluded if p.endswith(".*")}
    assert whole == {name for name, stream in STREAMS.items() if not stream.selected_by_default}
    assert_all_in("the selection", out)
    rest = {(stream, name) for stream, name in out - personal_columns() if stream not in whole}
    assert [pair for pair in rest if not DOUBTFUL.fullmatch(pair[1])] == []


def test_the_maps_cover_what_is_personal_and_little_else() -> None:
    mapped = {(s, name) for s in STREAMS for name in maps_of(s) if name in columns_of(s)}
    assert_all_in("stream_maps", mapped)
    assert [p for p in mapped - personal_columns() if not DOUBTFUL.fullmatch(p[1])] == []
    with_extra = [stream for stream in STREAMS if "extra" in maps_of(stream)]
    assert_listed(STREAMS, with_extra, "stream_maps of docs/privacy.md, with their column extra")


def test_the_maps_hash_with_a_salt_or_drop_and_do_nothing_else() -> None:
    rules = {rule for stream in STREAMS for rule in maps_of(stream).values()}
    assert rules == {"__NULL__", HASHED}
    hashed = {name for s in STREAMS for name, rule in maps_of(s).items() if rule == HASHED}
    assert {"from_number", "to_number", "number", "calling_number", "phone", "agent"} <= hashed


def test_the_salt_is_a_secret_of_the_recipe() -> None:
    settings: list[dict[str, Any]] = recipe()["settings"]
    [salt] = [setting for setting in settings if setting["name"].endswith("salt")]
    assert salt == {"name": "stream_map_config.hash_salt", "kind": "password", "sensitive": True}
    assert "stream_map_config" not in recipe()["config"]


def test_the_page_names_every_secret() -> None:
    text = PAGE.read_text(encoding="utf-8")
    secrets = [setting.name for setting in declared_settings().values() if setting.secret]
    named = [name for name in secrets if f"`{name}`" in text]
    assert_listed(secrets, named, "docs/privacy.md")


def secrets_in(text: str) -> list[str]:
    """What looks like a secret that is written down."""
    return [
        f"{name}: {value}"
        for name, value in ASSIGNED.findall(text)
        if SECRET.search(name) and not NO_SECRET.fullmatch(value)
    ]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_example_holds_a_secret(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?^```|`[^`\n]+`", text, re.DOTALL | re.MULTILINE)
    examples = "\n".join(blocks) if file.suffix == ".md" else text
    assert secrets_in(examples) == []


@pytest.mark.parametrize(
    "line",
    [
        '{"videsk": {"api_token": "vk_live_0123"}}',
        "config: {burki.api_key: burki_abc}",
        "TAP_CALLEXPORTS_TWIN24_PASSWORD=hunter2",
        "export TAP_CALLEXPORTS_ANUNZI_API_KEY='key_1'",
    ],
)
def test_a_secret_in_an_example_would_be_found(line: str) -> None:
    assert len(secrets_in(line)) == 1
