"""The two lists of Twin24: what can be asked of each, and how their rows are shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..http import Json, RefusalError
from ..instants import parse, zoneless
from ..parts import opened
from . import calls, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ..table import Row

Times = Literal["offset", "naive", "z"]
_MARKS = {"offset": "+00:00", "naive": "", "z": "Z"}


@dataclass(frozen=True)
class Listing:
    """One list.

    Attributes:
        columns: Our column of each field there is.
        sorts: The fields it can be sorted by; the first one is what rows are kept in order of.
        times: Fields that hold an instant.
        open_shapes: Columns that may hold an object or a list, as compact JSON.
        numbers: Columns of text that the server shows as numbers.
    """

    stream: str
    columns: Mapping[str, str]
    sorts: tuple[str, ...]
    times: tuple[str, ...]
    open_shapes: tuple[str, ...]
    numbers: tuple[str, ...] = ()

    @property
    def default_sort(self) -> str:
        """The newest rows come first unless something else is asked for."""
        return f"-{self.sorts[0]}"

    def fields(self, query: Mapping[str, str]) -> tuple[str, ...]:
        """The fields that are asked for; there is no default."""
        names = tuple(query.get("fields", "").split(","))
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise RefusalError(400, "Invalid input parameters.", {"fields": unknown})
        return names

    def in_order(self, rows: list[Row], sort: str) -> list[Row]:
        """Rows in order of (first sort field, key), put into the order asked for."""
        name = sort.strip().lstrip("+-")
        if name not in self.sorts or sort.strip() not in (name, f"-{name}", f"+{name}"):
            known = ", ".join(self.sorts)
            raise RefusalError(400, f"The available sort fields: {known}.")
        if name != self.sorts[0]:
            column, nothing = self.columns[name], "" if name in self.times else 0
            rows = sorted(rows, key=lambda row: (row.canonical[column] or nothing, row.key))
        return rows[::-1] if sort.startswith("-") else rows

    def encoder(
        self, fields: tuple[str, ...], times: Times, *, as_text: bool
    ) -> Callable[[Row], bytes]:
        """How a row is shown."""
        columns = [(name, self.columns[name]) for name in fields]
        clocks = [name for name in fields if name in self.times]

        def encode(row: Row) -> bytes:
            wire = {name: self._wire(row.canonical[column], column) for name, column in columns}
            for name in clocks:
                if wire[name] is not None:
                    wire[name] = _clock(wire[name]) + _MARKS[times]
            if as_text:
                wire = {name: _as_text(value) for name, value in wire.items()}
            wire.update(row.extra_wire)
            return json.dumps(wire, ensure_ascii=False).encode()

        return encode

    def _wire(self, value: Json, column: str) -> Json:
        """Open shapes decoded, a missing external id as ""."""
        if column in self.open_shapes:
            return opened(value)
        if column in self.numbers and value is not None and value.isdigit():
            return int(value)
        return "" if column == "external_id" and value is None else value


INCOMING = Listing(
    stream="twin24_incoming_calls",
    columns=sessions.COLUMNS,
    sorts=("startedAt", "duration"),
    times=("startedAt",),
    open_shapes=sessions.OPEN_SHAPES,
)
CALLS = Listing(
    stream="twin24_calls",
    columns=calls.COLUMNS,
    sorts=("createdAt", "updatedAt", "startedAt", "duration"),
    times=("createdAt", "updatedAt", "startedAt"),
    open_shapes=("messages", "additional", "dialog_results", "markers"),
    numbers=("region_id",),
)


def integer(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    """A whole number of at least `least`."""
    value = query.get(name, str(default))
    if not re.fullmatch(r"\d+", value) or int(value) < least:
        raise RefusalError(400, "Invalid input parameters.", {name: value})
    return int(value)


def offset(query: Mapping[str, str], limit: int) -> int:
    """Where a page begins, said by row or by page."""
    if "offset" in query and "page" in query:
        raise RefusalError(400, "offset and page cannot be used together.")
    return integer(query, "offset", 0, 0) or integer(query, "page", 0, 0) * limit


def instant(query: Mapping[str, str], name: str) -> datetime | None:
    """One end of the period."""
    if name not in query:
        return None
    try:
        return parse(query[name])
    except ValueError:
        raise RefusalError(400, "Invalid input parameters.", {name: query[name]}) from None


def companies(query: Mapping[str, str]) -> set[int]:
    """`companyIds` in any of the usual spellings: brackets, repeated, comma-separated."""
    given = query.get("companyIds") or query.get("companyIds[]") or ""
    if not re.fullmatch(r"(\d+(,\d+)*)?", given):
        raise RefusalError(400, "Invalid input parameters.", {"companyIds": given})
    return {int(number) for number in given.split(",") if number}


def _clock(value: str) -> str:
    """An instant without its zone, and with milliseconds where it has any."""
    shown = zoneless(value)
    return shown[:23] if len(shown) > 23 and shown.endswith("000") else shown


def _as_text(value: Json) -> Json:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value
