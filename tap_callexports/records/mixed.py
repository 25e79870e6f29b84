"""Makes text of values of mixed types inside lists, for the setting `nested_mixed_as_text`.

A value is of mixed type if its schema has several types beside null, such as text or object;
integer and number are one. Many loaders want one type for each key of a list's items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tap_callexports.records.values import Reader, compact_json, plain

_TEXT = {"type": ["string", "null"], "contentMediaType": "application/json"}


def with_texts(schema: Any, *, in_list: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """A copy of a schema in which mixed types inside lists are text of unknown shape.

    Args:
        schema: Of a stream, a column or a part of one, also one from a catalog.
        in_list: Whether it is inside a list.
    """
    if not isinstance(schema, dict):
        return schema
    if in_list and _is_mixed(schema):
        return _TEXT | {word: schema[word] for word in ("title", "description") if word in schema}
    copy = dict(schema)
    if isinstance(properties := schema.get("properties"), dict):
        copy["properties"] = {
            name: with_texts(part, in_list=in_list) for name, part in properties.items()
        }
    if "items" in schema:
        copy["items"] = with_texts(schema["items"], in_list=True)
    return copy


def _is_mixed(schema: Mapping[str, Any]) -> bool:
    given = schema.get("type")
    types = set(map(str, given)) if isinstance(given, list) else set()
    return len(types - {"null", *(["integer"] if "number" in types else [])}) > 1


def inner_text_reader(schema: Mapping[str, Any]) -> Reader | None:
    """A function that makes text of the parts of unknown shape in a column's values.

    Such a part has `contentMediaType`. A text there stays as it is, null stays null, anything else
    becomes compact JSON.

    Args:
        schema: Of the column.

    Returns:
        The function; None without such parts. It takes a value that may be undecoded in parts, and
        does not change it.
    """
    item = _part_reader(schema["items"]) if "items" in schema else None
    parts = {
        name: read
        for name, part in schema.get("properties", {}).items()
        if (read := _part_reader(part))
    }

    def read_inside(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        value = plain(value)
        if item and isinstance(value, list):
            return [item(part) for part in value]
        if parts and isinstance(value, dict):
            return {name: parts.get(name, _same)(part) for name, part in value.items()}
        return value

    return read_inside if item or parts else None


def _part_reader(schema: Mapping[str, Any]) -> Reader | None:
    return _as_text if "contentMediaType" in schema else inner_text_reader(schema)


def _as_text(value: object) -> str | None:
    value = plain(value)
    return value if value is None or isinstance(value, str) else compact_json(value)


def _same(value: object) -> object:
    return value
