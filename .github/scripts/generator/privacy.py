"""Markdown and YAML on personal data: where it is, and recipes that keep it out."""

from __future__ import annotations

import json
import re
import textwrap

from generator.facts import (
    columns_of,
    off_by_default,
    personal_columns,
    settings,
    streams,
    streams_of,
    types_of,
)
from generator.tables import table

_WIDTH = 110
#: Columns without a mark that the recipes drop too: the provider says that they hold nothing
#: personal, and nobody can check it.
_DOUBTFUL = re.compile(r"extra|scrubbed_.*|knowledge_base_retrieved_contents_url")
#: Personal columns that tell people apart: their values are hashed instead of dropped.
_HASHED = re.compile(r"(.*_)?(number|phone)|(from_|to_)?agent|transfer_destination|external_id")
_DROP = "__NULL__"


def personal_table() -> str:
    """Which columns of which stream hold personal data."""
    return table(
        ("stream", "columns with personal data"),
        [(f"`{name}`", _listed(personal_columns(name)) or "none") for name in streams()],
    )


def personal_by_provider(provider: str) -> str:
    """Which columns of a provider's streams hold personal data."""
    names = (name for stream in streams_of(provider) for name in personal_columns(stream))
    return _listed([*dict.fromkeys(names)])


def secrets() -> str:
    """The settings that are secrets."""
    return _listed([each.name for each in settings() if each.secret]) + "."


def selection() -> str:
    """The selection that leaves out what is personal, and the streams that are off."""
    off = off_by_default()
    on = [name for name in streams() if name not in off]
    out = dict.fromkeys(name for stream in on for name in removed_columns(stream))
    patterns = ["*.*", *(f"!{name}.*" for name in off)]
    for column in out:
        having = [stream for stream in on if column in columns_of(stream)]
        removing = [stream for stream in having if column in removed_columns(stream)]
        everywhere = removing == having
        patterns += [f"!{s}.{column}" for s in ("*",) if everywhere]
        patterns += [f"!{s}.{column}" for s in removing if not everywhere]
    return "select:\n" + _wrapped([json.dumps(pattern) for pattern in patterns], "[]")


def stream_maps() -> str:
    """The stream maps that hash what tells people apart, and drop what else is personal."""
    lines = ["stream_maps:"]
    anchor = "&hash \"sha256(config['hash_salt'] + self) if self else None\""
    for stream in streams():
        rules = []
        for name in removed_columns(stream):
            hashed = _HASHED.fullmatch(name) and types_of(columns_of(stream)[name]) == ["string"]
            rules.append(f"{name}: {anchor if hashed else _DROP}")
            anchor = "*hash" if hashed else anchor
        shown = f"  {stream}: {{{', '.join(rules)}}}"
        fits = len(shown) <= _WIDTH
        lines += [shown] if fits else [f"  {stream}:", textwrap.indent(_wrapped(rules, "{}"), "  ")]
    return "\n".join(lines)


def removed_columns(stream: str) -> list[str]:
    """The columns of a stream that the recipes hash or leave out."""
    personal = personal_columns(stream)
    return [name for name in columns_of(stream) if name in personal or _DOUBTFUL.fullmatch(name)]


def _wrapped(parts: list[str], brackets: str) -> str:
    """A YAML list or object in lines of a bearable length."""
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > _WIDTH:
            lines.append("")
        lines[-1] += f"{part}, "
    text = "\n".join(f"    {line.rstrip()}" for line in lines).rstrip(",")
    return f"  {brackets[0]}\n{text}\n  {brackets[1]}"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
