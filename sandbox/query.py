"""What requests ask for: numbers and instants of the query, and cursors."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .http import Json, RefusalError
from .instants import EPOCH, parse
from .table import Row

#: How a provider words that a value cannot be read: name, value and why.
Refuse = Callable[[str, str, str], RefusalError]
#: Where a row is in its list.
Place = tuple[Any, ...]


class Query:
    """The query of a request, by name."""

    def __init__(self, values: Mapping[str, str], refuse: Refuse | None = None) -> None:
        """Read `values`; what cannot be read is refused."""
        self._values = values
        self._refuse = refuse or (lambda name, _, why: RefusalError(400, f"{name}: {why}"))

    def get(self, name: str, default: str = "") -> str:
        """The text of a parameter."""
        return self._values.get(name, default)

    def integer(self, name: str, default: int, least: int = 0, most: int | None = None) -> int:
        """A whole number within bounds."""
        value = self._values.get(name)
        if value is None:
            return default
        if not re.fullmatch(r"[+-]?\d+", value):
            raise self._refuse(name, value, "Input should be a valid integer")
        if int(value) < least:
            raise self._refuse(name, value, f"Input should be greater than or equal to {least}")
        if most is not None and int(value) > most:
            raise self._refuse(name, value, f"Input should be less than or equal to {most}")
        return int(value)

    def integers(self, name: str) -> set[int]:
        """Whole numbers in any of the usual spellings: brackets, repeated, comma-separated."""
        given = self._values.get(name) or self._values.get(f"{name}[]") or ""
        if not re.fullmatch(r"(\d+(,\d+)*)?", given):
            raise self._refuse(name, given, "Input should be a list of integers")
        return {int(number) for number in given.split(",") if number}

    def offset(self, limit: int) -> int:
        """Where a page begins, said by row or by page."""
        if "offset" in self._values and "page" in self._values:
            raise self._refuse("page", self._values["page"], "Input should not be beside offset")
        return self.integer("offset", 0) or self.integer("page", 0) * limit

    def sort(self, allowed: Sequence[str], default: str) -> tuple[str, bool]:
        """The field to sort by, and whether its greatest value comes first: `-name`."""
        given = self._values.get("sort", default).strip()
        if given.lstrip("+-") not in allowed or given[1:2] in ("+", "-"):
            raise self._refuse("sort", given, f"Input should be one of {', '.join(allowed)}")
        return given.lstrip("+-"), given.startswith("-")

    def instant(self, name: str, *, epoch: bool = False) -> datetime | None:
        """ISO text with or without a zone; with `epoch` also (milli)seconds since 1970."""
        value = self._values.get(name)
        if value is None:
            return None
        if epoch and re.fullmatch(r"\d+", value):
            number = int(value)
            return EPOCH + timedelta(milliseconds=number if number > 2 * 10**10 else number * 1000)
        try:
            return parse(value)
        except ValueError:
            raise self._refuse(name, value, "Input should be a valid datetime") from None


def cursor(value: Json) -> str:
    """An opaque text that holds a JSON value."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def cursor_value(text: Json) -> Json:
    """The value inside a cursor; ValueError or TypeError when it is none."""
    return json.loads(base64.urlsafe_b64decode(text))


def by_time(row: Row) -> Place:
    """The place of a row in a list that is ordered by time."""
    return (row.sort_at.isoformat(timespec="microseconds"), row.key)


def behind(
    rows: Sequence[Row],
    after: Place | None,
    place: Callable[[Row], Place] = by_time,
    *,
    descending: bool = False,
) -> int:
    """The index of the first row behind a place, whether or not that row is still there."""
    if after is None:
        return 0
    if not descending:
        return bisect_right(rows, after, key=place)
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if place(rows[middle]) >= after else (low, middle)
    return low


def page(
    rows: Sequence[Row], given: str | None, limit: int, *, descending: bool = False
) -> tuple[Sequence[Row], str | None]:
    """The rows of a list by time that follow a cursor, and the next cursor if there are more."""
    try:
        after = tuple(cursor_value(given)) if given else None
        first = behind(rows, after, descending=descending)
    except (TypeError, ValueError):
        raise RefusalError(400, "invalid cursor") from None
    found = rows[first : first + limit]
    more = first + limit < len(rows)
    return found, cursor(by_time(found[-1])) if more else None
