"""How one row of an export is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..instants import UTC, parse
from ..parts import opened
from .submissions import by_label, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..http import Json
    from ..table import Record, Row
    from .endpoints import Column, Endpoint


def encoder(
    endpoint: Endpoint,
    labels: tuple[str, ...],
    questions: Sequence[str],
    zone: str,
    *,
    day_first: bool,
) -> Callable[[Row], bytes]:
    """How one row is written: under these labels, its times in this zone, its answers last.

    Labels may repeat, among the questions or with a column's: the later value stays.
    """
    columns = tuple(zip(endpoint.columns, labels, strict=True))
    shown = _clock(zone, day_first=day_first)

    def encode(row: Row) -> bytes:
        wire: Record = {}
        for column, label in columns:
            value = row.canonical.get(column.name)
            if value is not None:
                wire[label] = _value(column, value, shown)
            elif column.explicit:
                wire[label] = None
        if questions:
            given = in_order(by_label(row.canonical), questions)
            wire.update((answer["label"], answer["value"]) for answer in given)
        wire.update(row.extra_wire)
        return json.dumps(wire, ensure_ascii=False).encode()

    return encode


def _value(column: Column, value: Json, shown: Callable[[str], str]) -> Json:
    if column.is_time:
        return shown(value)
    if column.is_open:
        return opened(value)
    return "" if value == [] else value


def _clock(zone: str, *, day_first: bool) -> Callable[[str], str]:
    """How an instant is written on the wall of that zone."""
    place = UTC if zone in ("UTC", "Etc/UTC") else ZoneInfo(zone)

    def shown(value: str) -> str:
        local = value if place is UTC else parse(value).astimezone(place).isoformat()
        if day_first:
            return f"{local[8:10]}/{local[5:7]}/{local[:4]}, {local[11:19]}"
        return f"{local[:10]} {local[11:19]}"

    return shown
