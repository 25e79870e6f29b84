"""Markdown: tables of settings, streams and columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from generator.facts import (
    PERSONAL,
    ROOT,
    TITLES,
    columns_of,
    credentials,
    endpoint_of,
    is_marked,
    is_personal,
    original_of,
    personal_columns,
    schema_of,
    sdk_settings,
    settings,
    streams,
    streams_of,
    types_of,
)
from tap_callexports.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from generator.facts import Column, Setting

_NONE = "\N{EN DASH}"


def provider_table() -> str:
    """The providers, the smallest config of each, and the same for Meltano."""
    rows = []
    for provider in PROVIDERS:
        names = provider.credentials[0]
        config = {provider.name: dict.fromkeys(names, "…")}
        rows.append(
            (
                f"[{provider.title}](docs/providers/{provider.name}.md)",
                str(len(provider.streams)),
                f"`{json.dumps(config, ensure_ascii=False)}`",
                ", ".join(f"`TAP_CALLEXPORTS_{provider.name}_{name}`".upper() for name in names),
            )
        )
    return table(("provider", "streams", "smallest config", "the same for Meltano"), rows)


def setting_tables() -> str:
    """All settings: those of the tap, those all providers have, each provider's, the SDK's."""
    shared = [each for each in settings() if not each.provider]
    of_the_sdk = sdk_settings()
    common = _common_names()
    parts = [
        "### Shared",
        _setting_table(each for each in shared if each not in of_the_sdk),
        "### Every provider",
        _common_table(common),
    ]
    for name in TITLES:
        own = [each for each in _of(name) if each.short_name not in common]
        parts += [f"### `{name}`", _setting_table(own)]
    return "\n\n".join([*parts, "### From the SDK", _setting_table(of_the_sdk)])


def stream_table() -> str:
    """All streams, with what a loader and a reader must know of them."""
    head = ("stream", "endpoint", "primary key", "replication key", "filter field", "personal data")
    rows = []
    for name, stream in streams().items():
        method, path = endpoint_of(stream)
        off = "" if stream.selected_by_default else "; off by default"
        keys = [stream.replication_key, stream.filter_field]
        rows.append(
            (
                f"`{name}`",
                f"{method} `{path}`{off}",
                ", ".join(f"`{key}`" for key in stream.primary_keys),
                *(f"`{key}`" if key else _NONE for key in keys),
                "yes" if personal_columns(name) else "no",
            )
        )
    return table(head, rows)


def speed_table() -> str:
    """The measured speed of every tool on an API with pages, from benchmarks/results.md."""
    head, rows = _speeds()
    return table(head, rows)


def speed_sentence() -> str:
    """How much CPU time the tap takes, and how many times as much other tools take."""
    head, (ours, *others) = _speeds()
    cpu = head.index("CPU s / 100k")
    times = ", ".join(
        f"{tool[0].partition(',')[0]} {float(tool[cpu]) / float(ours[cpu]):.0f} times"
        for tool in others
        if not tool[0].startswith("limit")
    )
    return f"100,000 nested records take {ours[cpu]} s of CPU time. Other tools take more: {times}."


def _speeds() -> tuple[list[str], list[list[str]]]:
    """The columns, and the tools with the quickest first, which is the tap."""
    results = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"^(\| workload \| tool .*\n)\| -.*\n((?:\|.*\n)+)", results, re.MULTILINE)
    head, *rows = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in "".join(lines).splitlines()
    )
    shown = [head.index(name) for name in head if name not in {"workload", "rows read"}]
    on_pages = [row for row in rows if "pages" in row[0] and not re.search("workers| to ", row[1])]
    on_pages.sort(key=lambda row: float(row[head.index("CPU s / 100k")]))
    return [head[n] for n in shown], [[row[n] for n in shown] for row in on_pages]


def column_tables(provider: str) -> str:
    """What each stream of a provider is, and its columns.

    Where a stream has all columns of the provider's first one, only its further ones are shown; of
    a variant of another provider's stream none.
    """
    first, *_ = names = streams_of(provider)
    known = columns_of(first)
    parts = []
    for name in names:
        columns = columns_of(name)
        extends = name != first and all(columns.get(key) == value for key, value in known.items())
        parts.append(_columns(name, beside=original_of(name) or (first if extends else "")))
    return "\n\n".join(parts)


def _columns(name: str, beside: str) -> str:
    stream = streams()[name]
    keys = ", ".join(f"`{key}`" for key in stream.primary_keys)
    time = f"`{stream.replication_key}`" if stream.replication_key else "none"
    on = "On" if stream.selected_by_default else "Off"
    known = columns_of(beside) if beside else {}
    rows = [
        _column(path, part)
        for column, schema in columns_of(name).items()
        if column not in known
        for path, part in [(column, schema), *_shown_parts(column, schema)]
    ]
    more = ""
    if beside:
        page = f"{streams()[beside].provider.name}.md#{beside}"
        more = f" The columns are those of [`{beside}`]({page}){', and:' if rows else '.'}"
    paragraphs = [
        f"### `{name}`",
        schema_of(name)["description"],
        f"Primary key: {keys}. Replication key: {time}. {on} by default.{more}",
    ]
    if rows:
        paragraphs.append(table(("column", "type", "unit", "personal", "meaning"), rows))
    return "\n\n".join(paragraphs)


def _column(path: str, column: Column) -> tuple[str, ...]:
    kind = "instant" if column.get("format") == "date-time" else " or ".join(types_of(column))
    personal = "yes" if is_marked(column) else "parts" if is_personal(column) else ""
    meaning = column["description"].removesuffix(PERSONAL).strip()
    return f"`{path}`", kind, unit_of(column), personal, meaning


def unit_of(column: Column) -> str:
    """The unit of a column, "" for none."""
    if column.get("format") == "date-time":
        return "UTC"
    unit = str(column.get("x-unit", ""))
    return f"`{unit}`" if "_" in unit else unit


def _shown_parts(name: str, column: Column) -> Iterator[tuple[str, Column]]:
    """The parts of an object: one level, no lists."""
    for inner, part in column.get("properties", {}).items():
        yield f"{name}.{inner}", part


def _of(provider: str) -> list[Setting]:
    return [each for each in settings() if each.provider == provider]


def _common_names() -> list[str]:
    """The settings that every provider has, credentials aside."""
    first, *others = ([each.short_name for each in _of(name)] for name in TITLES)
    given = {name.partition(".")[2] for each in PROVIDERS for name in credentials(each)}
    shared = set(first).intersection(*others) - given
    return [name for name in first if name in shared]


def _common_table(names: Sequence[str]) -> str:
    of = {(each.provider, each.short_name): each for each in settings()}
    rows = []
    for name in names:
        each = of[next(iter(TITLES)), name]
        defaults = (_default(of[provider, name]) for provider in TITLES)
        rows.append((f"`{name}`", each.type, *defaults, _meaning(each)))
    return table(("setting", "type", *(f"`{name}`" for name in TITLES), "meaning"), rows)


def _setting_table(found: Iterable[Setting]) -> str:
    rows = [
        (
            f"`{each.short_name}`",
            f"{each.type}, secret" if each.secret else each.type,
            _default(each),
            _meaning(each),
        )
        for each in found
    ]
    return table(("setting", "type", "default", "meaning"), rows)


def _default(setting: Setting) -> str:
    return f"`{setting.default}`" if setting.default else _NONE


def _meaning(setting: Setting) -> str:
    choices = setting.schema.get("enum")
    text = " ".join(str(setting.schema["description"]).split()).replace("<", "&lt;")
    if choices:
        text += f" One of {', '.join(f'`{value}`' for value in choices)}."
    if "maximum" in setting.schema:
        text += f" {setting.schema['minimum']} to {setting.schema['maximum']}."
    return text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in (head, *rows))
    first, *others = (f"| {' | '.join(cells)} |" for cells in escaped)
    return "\n".join([first, "|" + "---|" * len(head), *others])
