"""Dedupe: the same row answered twice, where pages or windows meet.

Pure. Knows no column: it is given keys, and hashes of the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterator, Sequence


class Dedupe:
    """Remembers the rows of this window and the one before it.

    Neighbours are all that can meet: windows are asked for at most a second wider than they are,
    where a provider does not say whether the ends of a range belong to it. A row that comes again
    unchanged is a double; one that changed in between is news. Memory is bounded by two windows.

    Args:
        within: Rows behind a row in which it may come again; all of both windows if not given.
    """

    def __init__(self, within: int | None = None) -> None:
        self._within = within
        self._now: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}

    def among(self, keys: Sequence[Hashable], contents: Sequence[int]) -> list[int]:
        """Positions of rows that were already handed over as they are, nearby; remembers all.

        Args:
            keys: Primary keys of the rows of a batch (`Batch.keys`).
            contents: A hash of all of each (`Batch.contents`).
        """
        rows = dict(zip(keys, contents, strict=True))
        if self._within is not None and len(self._now) + len(rows) > self._within:
            suspects: Container[Hashable] = rows
        else:
            suspects = {
                *(rows.keys() & self._before.keys()),
                *(rows.keys() & self._now.keys()),
                *(_repeated(keys) if len(rows) < len(keys) else ()),
            }
        duplicates = [
            row
            for row, key in enumerate(keys)
            if key in suspects and self._is_duplicate(key, contents[row])
        ]
        if suspects is not rows:
            self._now |= rows
        return duplicates

    def _is_duplicate(self, key: Hashable, content: int) -> bool:
        seen = self._now.get(key, self._before.get(key))
        self._now[key] = content
        if self._within is not None and len(self._now) > self._within:
            self.next_window()
        return seen == content

    def next_window(self) -> None:
        """Forget all but the window that has just ended."""
        self._before, self._now = self._now, {}


def _repeated(keys: Sequence[Hashable]) -> Iterator[Hashable]:
    return (key for key, times in Counter(keys).items() if times > 1)
