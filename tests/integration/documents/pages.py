"""The pages under docs/, and the tables in them that are made from the schema files.

`UPDATE_SNAPSHOTS=1 pytest tests/integration/documents` writes them, between two marks.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from declared import ROOT, declared_streams

DOCS = ROOT / "docs"
PERSONAL = "(personal data)"
STREAMS = declared_streams()
FILES = {path.stem: path for path in (ROOT / "tap_callexports/providers").glob("*/schemas/*.json")}
Column = dict[str, Any]

#: Annotation of a property that says what its numbers count.
UNIT = "x-unit"


def schema_of(stream: str) -> Column:
    """A stream's schema as its file has it."""
    return dict(json.loads(FILES[stream].read_text(encoding="utf-8")))


def columns_of(stream: str) -> dict[str, Column]:
    """A stream's columns, in order."""
    return dict(schema_of(stream)["properties"])


def parts_of(column: Column, path: str = "") -> Iterator[tuple[str, Column]]:
    """What is inside a column, however deep; items of a list as `[]`."""
    for name, part in column.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from parts_of(part, f"{path}.{name}")
    if isinstance(items := column.get("items"), dict):
        yield f"{path}[]", items
        yield from parts_of(items, f"{path}[]")


def is_marked(column: Column) -> bool:
    """Whether a column's description calls it personal."""
    return str(column.get("description", "")).endswith(PERSONAL)


def is_personal(column: Column) -> bool:
    """Whether a column, or a part of it, is personal."""
    return is_marked(column) or any(is_marked(part) for _, part in parts_of(column))


def unit_of(column: Column) -> str:
    """The unit of a column, "" for none."""
    if column.get("format") == "date-time":
        return "UTC"
    unit = str(column.get(UNIT, ""))
    return f"`{unit}`" if "_" in unit else unit


def column_table(stream: str, beside: str = "") -> str:
    """What a stream is, and a table of its columns.

    Args:
        stream: Name of the stream.
        beside: A stream whose columns are shown elsewhere; those that are the same are left out.
    """
    declared = STREAMS[stream]
    keys = ", ".join(f"`{key}`" for key in declared.primary_keys)
    time = f"`{declared.replication_key}`" if declared.replication_key else "none"
    known = columns_of(beside) if beside else {}
    lines = [
        schema_of(stream)["description"],
        "",
        f"Primary key: {keys}. Replication key: {time}. "
        + ("On" if declared.selected_by_default else "Off")
        + " by default."
        + (f" The columns are those of `{beside}`, and:" if beside else ""),
        "",
        "| column | type | unit | personal | meaning |",
        "|---|---|---|---|---|",
    ]
    for name, column in columns_of(stream).items():
        if known.get(name) != column:
            lines += map(_row, [(name, column), *_shown_parts(name, column)])
    return "\n".join(lines)


def personal_table() -> str:
    """Which columns of which stream hold personal data."""
    lines = ["| stream | columns with personal data |", "|---|---|"]
    for stream in STREAMS:
        columns = columns_of(stream)
        names = [f"`{name}`" for name, column in columns.items() if is_personal(column)]
        lines.append(f"| `{stream}` | {', '.join(names) or 'none'} |")
    return "\n".join(lines)


def personal_by_provider() -> str:
    """Which columns hold personal data, in whichever of a provider's streams."""
    found: dict[str, dict[str, None]] = {}
    for stream in STREAMS:
        names = found.setdefault(stream.partition("_")[0], {})
        columns = columns_of(stream).items()
        names |= dict.fromkeys(name for name, column in columns if is_personal(column))
    rows = [
        f"| `{name}` | {', '.join(f'`{c}`' for c in columns)} |" for name, columns in found.items()
    ]
    return "\n".join(["| streams of | columns with personal data |", "|---|---|", *rows])


def check_block(page: Path, name: str, wanted: str) -> None:
    """A page has this text between the marks of this name; asked to, writes it there."""
    text = page.read_text(encoding="utf-8")
    # Between two marks of a new place there is nothing yet, not even an empty line.
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    assert found, f"{page.name} has no line {begin.strip()}"
    old, found, after = rest.partition(end)
    assert found, f"{page.name} has no line {end} below {begin.strip()}"
    if os.environ.get("UPDATE_SNAPSHOTS") and old != f"{wanted}\n":
        page.write_text(f"{before}{begin}{wanted}\n{end}{after}", encoding="utf-8")
    else:
        stale = f"{name} in {page.name}: run with UPDATE_SNAPSHOTS=1, and read the difference"
        assert old == f"{wanted}\n", stale


def blocks_in(page: Path) -> list[str]:
    """Names of the marked places of a page."""
    return re.findall(r"^<!-- (?!end of )(.+?) -->$", page.read_text("utf-8"), re.MULTILINE)


def _shown_parts(name: str, column: Column) -> Iterator[tuple[str, Column]]:
    """The parts of an object that are not measured values once more: one level, no lists."""
    for path, part in parts_of(column, name):
        if path.count(".") == 1 and "[]" not in path:
            yield path, part


def _row(named: tuple[str, Column]) -> str:
    name, column = named
    types = [column["type"]] if isinstance(column["type"], str) else column["type"]
    kind = "instant" if column.get("format") == "date-time" else _words(types)
    meaning = column["description"].removesuffix(PERSONAL).strip()
    personal = "yes" if is_marked(column) else "parts" if is_personal(column) else ""
    return f"| `{name}` | {kind} | {unit_of(column)} | {personal} | {meaning} |"


def _words(types: list[str]) -> str:
    return " or ".join(name for name in types if name != "null")
