"""What the code declares, and what the documents say, in the same shape."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tap_callexports.detail_stream import DetailStream
from tap_callexports.providers import PROVIDERS
from tap_callexports.records.timestamps import UTC
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports
from tap_callexports.windows import Window

ROOT = Path(__file__).resolve().parents[1]
PROVIDER_NAMES = tuple(provider.name for provider in PROVIDERS)
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANY = {"form_id": "1", "survey_id": "1"}
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Setting:
    """A setting as the code declares it; `name` as Meltano writes it, `videsk.api_token`."""

    name: str
    schema: dict[str, Any]

    @property
    def type(self) -> str:
        """One word for its type."""
        if self.schema.get("format") == "date-time":
            return "date-time"
        types: list[str] = self.schema["type"]
        return next(name for name in types if name != "null")

    @property
    def secret(self) -> bool:
        return bool(self.schema.get("secret"))

    @property
    def default(self) -> str:
        """Its default as text, "" without one."""
        value = self.schema.get("default")
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    @property
    def variable(self) -> str:
        """The environment variable Meltano reads."""
        return f"TAP_CALLEXPORTS_{self.name.replace('.', '_').upper()}"


def declared_settings() -> dict[str, Setting]:
    """Every setting by name, the SDK's included."""
    schema = copy.deepcopy(TapCallExports.config_jsonschema)
    TapCallExports.append_builtin_config(schema)
    return {setting.name: setting for setting in _flat(schema["properties"])}


def _flat(properties: dict[str, Any]) -> Iterator[Setting]:
    for name, schema in properties.items():
        if name in PROVIDER_NAMES:
            for inner, part in schema["properties"].items():
                yield Setting(f"{name}.{inner}", part)
        else:
            yield Setting(name, schema)


def declared_streams() -> dict[str, CallStream[Any]]:
    """Every stream by name."""
    tap = TapCallExports(config={}, validate_config=False)
    return {stream.name: stream for stream in tap.discover_streams()}


def endpoint_of(stream: CallStream[Any]) -> tuple[str, str]:
    """Method and path; a path may come from a setting's default."""
    if isinstance(stream, DetailStream):
        return stream.build_call_request({"id": 1, "call_id": "1"}).method, stream.endpoint
    window = Window(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC), ANY)
    return stream.build_request(window, None).method, stream.endpoint


@dataclass(frozen=True)
class Table:
    """A Markdown table, with the heading it stands under."""

    heading: str
    header: list[str]
    rows: list[list[str]]


def tables_in(text: str) -> Iterator[Table]:
    """Every table of a Markdown text."""
    heading, lines = "", []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.strip("|\n ").split("|")])
            continue
        if lines:
            yield Table(heading, lines[0], lines[2:])
            lines = []
        if line.startswith("#"):
            heading = plain(line.lstrip("# "))


def plain(cell: str) -> str:
    """A cell's text without the marks of code; "" for a dash."""
    text = cell.replace("`", "").strip()
    return "" if text == NOTHING else text


def code_blocks(text: str, language: str) -> list[str]:
    """What is fenced as a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
