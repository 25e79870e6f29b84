"""Moves undeclared nested keys into `extra` before the SDK flattens records.

Otherwise they would become columns that are not in the SCHEMA message.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tap_callexports.records.batch import Record
from tap_callexports.records.codec import EXTRA

_Path = tuple[str, ...]


def flattenable(
    record: Record, schema: Mapping[str, Any], levels: int, deselected: Collection[_Path] = ()
) -> Record:
    """A copy of a record whose nested objects have declared keys only.

    Args:
        record: An object.
        schema: JSON schema of its stream.
        levels: `flattening_max_depth`.
        deselected: Columns and parts of columns that are not exported, such as
            `("latency", "e2e")`: nothing of them goes into `extra`.
    """
    declared, undeclared = _divided(record, schema, levels + 1, deselected, ())
    if undeclared and EXTRA in declared:
        declared[EXTRA] = {**(declared[EXTRA] or {}), **undeclared}
    return declared


def _divided(
    value: Record,
    schema: Mapping[str, Any],
    levels: int,
    deselected: Collection[_Path],
    path: _Path,
) -> tuple[Record, dict[str, Any]]:
    """The declared and the undeclared keys of an object, down to some levels."""
    properties: Mapping[str, Any] = schema["properties"]
    declared: Record = {}
    undeclared: dict[str, Any] = {}
    for name, part in value.items():
        rule = properties.get(name)
        if deselected and (*path, name) in deselected:
            continue
        if rule is None:
            undeclared[name] = part
        elif levels <= 1 or "properties" not in rule:
            declared[name] = part
        elif part is None:
            declared[name] = {}  # no column of its own, none of its keys
        elif not isinstance(part, dict):
            undeclared[name] = part
        else:
            declared[name], rest = _divided(part, rule, levels - 1, deselected, (*path, name))
            if rest:
                undeclared[name] = rest
    return declared, undeclared
