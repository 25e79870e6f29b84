"""What a person reads: plain text, aligned."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .streams import Stream

Row = dict[str, Any]


def say(text: str = "") -> None:
    """Show a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, total: bool = False) -> str:
    """A table with its first column to the left, the others to the right, and a line of sums."""
    body = [[_cell(value) for value in row] for row in rows]
    if total and rows:
        sums = [sum(v for v in column if isinstance(v, int)) for column in zip(*rows, strict=True)]
        body.append(["total", *map(_cell, sums[1:])])
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [_line(row, widths) for row in (head, *body)]
    rule = "  " + "  ".join("-" * width for width in widths)
    lines.insert(1, rule)
    if total and rows:
        lines.insert(-1, rule)
    return "\n".join(lines)


def rows_per_day(streams: Sequence[Stream], held: Mapping[str, list[Row]]) -> str:
    """How many rows each stream has on each day (UTC)."""
    days = {s.name: Counter(_day(s, row) for row in held[s.name]) for s in streams}
    columns = sorted(set().union(*days.values()))
    rows = [[name, *(count[day] for day in columns), count.total()] for name, count in days.items()]
    head = ["rows per day (UTC)", *(_shown(day) for day in columns), "total"]
    return table(head, rows, total=True)


def _day(stream: Stream, row: Row) -> str:
    """A day as text, or a text that sorts behind all days for calls that never started."""
    return str(row[stream.time])[:10] if stream.time else "~"


def _shown(day: str) -> str:
    return "undated" if day == "~" else datetime.fromisoformat(day).strftime("%a %d")


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}" if value else "-"
    return str(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    return "  " + "  ".join((row[0].ljust(len(first)), *others))
