"""Compares what is in the store with what the platforms hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .streams import Stream

Row = dict[str, Any]
Key = tuple[Any, ...]


def by_key(stream: Stream, rows: Iterable[Row]) -> dict[Key, Row]:
    """Rows by the columns that name them."""
    return {_key(stream, row): row for row in rows}


def due(stream: Stream, truth: Iterable[Row], end: str) -> list[Row]:
    """The rows a run with this `end_date` has to hold: appointments may lie behind it."""
    return [row for row in truth if stream.time is None or row[stream.time] < end]


def differences(stream: Stream, held: list[Row], truth: list[Row]) -> Iterator[str]:
    """One line for each row or value that is not as it must be."""
    for key, times in Counter(_key(stream, row) for row in held).items():
        if times > 1:
            yield f"{stream.name} {_shown(key)}: {times} rows instead of one"
    mine, theirs = by_key(stream, held), by_key(stream, truth)
    for key in theirs.keys() - mine.keys():
        yield f"{stream.name} {_shown(key)}: lost"
    for key in mine.keys() - theirs.keys():
        yield f"{stream.name} {_shown(key)}: invented"
    for key in mine.keys() & theirs.keys():
        for column in sorted(mine[key].keys() | theirs[key].keys()):
            value, expected = mine[key].get(column), theirs[key].get(column)
            if not _same(value, expected):
                yield f"{stream.name} {_shown(key)}: {column} is {value!r}, not {expected!r}"


class Growth(NamedTuple):
    """What a run has brought into one table.

    Attributes:
        added: New rows.
        late: Those of them that are older than the end of the run before.
        changed: Rows that were there and have other values now.
    """

    added: int
    late: int
    changed: int


def growth(stream: Stream, before: list[Row], after: list[Row], moment: str) -> Growth:
    """Compare a table with itself before a run; the run before had read until `moment`."""
    old, new = by_key(stream, before), by_key(stream, after)
    added = [new[key] for key in new.keys() - old.keys()]
    return Growth(
        added=len(added),
        late=sum(stream.time is not None and row[stream.time] < moment for row in added),
        changed=sum(old[key] != new[key] for key in old.keys() & new.keys()),
    )


def _key(stream: Stream, row: Row) -> Key:
    return tuple(row[column] for column in stream.keys)


def _same(value: object, expected: object) -> bool:
    """Equal, and of one kind: to Python, True is 1."""
    return value == expected and isinstance(value, bool) == isinstance(expected, bool)


def _shown(key: Key) -> str:
    return ", ".join(str(part) for part in key)
