"""What the tap declares: providers, settings, streams, columns."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_callexports.config import settings_schema
from tap_callexports.detail_stream import DetailStream
from tap_callexports.providers import PROVIDERS
from tap_callexports.records.timestamps import UTC
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports
from tap_callexports.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_callexports.provider import Provider

ROOT = Path(__file__).resolve().parents[3]
TITLES = {provider.name: provider.title for provider in PROVIDERS}
PERSONAL = "(personal data)"
Column = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A setting; `provider` is "" for one of the tap itself."""

    provider: str
    short_name: str
    schema: Column

    @property
    def name(self) -> str:
        """The name that Meltano uses, such as `videsk.api_token`."""
        return f"{self.provider}.{self.short_name}" if self.provider else self.short_name

    @property
    def type(self) -> str:
        """One word for its type."""
        if self.schema.get("format") == "date-time":
            return "date-time"
        return types_of(self.schema)[0]

    @property
    def secret(self) -> bool:
        """Whether its value is a secret."""
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
        """The environment variable that Meltano reads."""
        return f"TAP_CALLEXPORTS_{self.name.replace('.', '_').upper()}"

    @property
    def kind(self) -> str:
        """One of Meltano's kinds of settings."""
        if self.secret:
            return "password"
        if "enum" in self.schema:
            return "options"
        return "date_iso8601" if self.type == "date-time" else self.type


@cache
def settings() -> tuple[Setting, ...]:
    """Every setting."""
    schema = copy.deepcopy(TapCallExports.config_jsonschema)
    TapCallExports.append_builtin_config(schema)
    return tuple(_settings(schema["properties"]))


def sdk_settings() -> list[Setting]:
    """Those that every tap built on the SDK has."""
    ours = settings_schema(PROVIDERS)["properties"]
    return [each for each in settings() if not each.provider and each.name not in ours]


def _settings(properties: Column) -> Iterator[Setting]:
    for name, schema in properties.items():
        if name in TITLES:
            for inner, part in schema["properties"].items():
                yield Setting(name, inner, part)
        else:
            yield Setting("", name, schema)


def credentials(provider: type[Provider]) -> list[str]:
    """The settings of a provider that switch it on, whichever way it is done."""
    return [f"{provider.name}.{name}" for group in provider.credentials for name in group]


@cache
def streams() -> dict[str, CallStream[Any]]:
    """Every stream by name."""
    tap = TapCallExports(config={}, validate_config=False)
    return {stream.name: stream for stream in tap.discover_streams()}


def streams_of(provider: str) -> list[str]:
    """Names of a provider's streams."""
    return [name for name, stream in streams().items() if stream.provider.name == provider]


def original_of(stream: str) -> str:
    """The stream of another provider that a stream is a variant of; "" for none."""
    name = str(vars(type(streams()[stream]))["name"])
    return "" if name == stream else name


def off_by_default() -> list[str]:
    """Names of the streams that are only exported if they are selected."""
    return [name for name, stream in streams().items() if not stream.selected_by_default]


def endpoint_of(stream: CallStream[Any]) -> tuple[str, str]:
    """Method and path; a path may come from a setting's default."""
    if isinstance(stream, DetailStream):
        call = dict.fromkeys(stream.calls.primary_keys, "1")
        return stream.build_call_request(call).method, stream.endpoint
    only = {stream.partition_column: "1"} if stream.partition_setting else {}
    window = Window(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC), only)
    return stream.build_request(window, None).method, stream.endpoint


@cache
def schema_of(stream: str) -> Column:
    """A stream's schema as its file has it."""
    return streams()[stream].schema


def columns_of(stream: str) -> dict[str, Column]:
    """A stream's columns, in order."""
    return dict(schema_of(stream)["properties"])


def types_of(column: Column) -> list[str]:
    """The JSON types of a column, without null."""
    types = [column["type"]] if isinstance(column["type"], str) else column["type"]
    return [name for name in types if name != "null"]


def parts_of(column: Column, path: str = "") -> Iterator[tuple[str, Column]]:
    """What is inside a column or schema, at any depth; items of a list as `[]`."""
    for name, part in column.get("properties", {}).items():
        yield f"{path}.{name}".lstrip("."), part
        yield from parts_of(part, f"{path}.{name}".lstrip("."))
    if isinstance(items := column.get("items"), dict):
        yield f"{path}[]", items
        yield from parts_of(items, f"{path}[]")


def is_marked(column: Column) -> bool:
    """Whether a column's description calls it personal."""
    return str(column.get("description", "")).endswith(PERSONAL)


def is_personal(column: Column) -> bool:
    """Whether a column, or a part of it, is personal."""
    return is_marked(column) or any(is_marked(part) for _, part in parts_of(column))


def personal_columns(stream: str) -> list[str]:
    """The columns of a stream that hold personal data."""
    return [name for name, column in columns_of(stream).items() if is_personal(column)]
