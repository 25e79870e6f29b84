"""The opaque cursor of the list, and where in the list it points."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..instants import to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..table import Row


@dataclass(frozen=True)
class Position:
    """Where a page starts: after the call (start, call_id). Travels inside the cursor."""

    scan: str
    after: tuple[int, str] | None = None
    page: int = 0
    empties: int = 0

    def cursor(self) -> str:
        """The opaque text a client gets."""
        inside = json.dumps([self.scan, self.after, self.page, self.empties])
        return base64.urlsafe_b64encode(inside.encode()).decode()

    @classmethod
    def read(cls, cursor: str) -> Position:
        """The position inside a cursor; ValueError when it is none of ours."""
        scan, after, page, empties = json.loads(base64.urlsafe_b64decode(cursor))
        return cls(scan, tuple(after) if after else None, page, empties)


def place(row: Row) -> tuple[int, str]:
    """The position of a row; a call without a start comes before all others."""
    started = row.canonical["start_timestamp"]
    return (to_ms(row.sort_at) if started is not None else -1, row.key)


def first_behind(rows: Sequence[Row], after: tuple[int, str] | None, *, descending: bool) -> int:
    """The index of the first row behind a position."""
    if after is None:
        return 0
    if not descending:
        return bisect_right(rows, after, key=place)
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if place(rows[middle]) >= after else (low, middle)
    return low
