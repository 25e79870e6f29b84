"""Finds rows that were received twice, where pages or windows meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterator, Sequence


class Dedupe:
    """Remembers the keys of this window and the one before it, so memory is bounded by two windows.

    Only neighbouring windows overlap: ranges are requested at most a second wider than a window,
    because providers do not document whether the ends of a range belong to it. A row that comes
    again unchanged is a duplicate; one that has changed is not.

    Args:
        within: How many rows are compared; all rows of both windows if not given.
    """

    def __init__(self, within: int | None = None) -> None:
        self._within = within
        self._now: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}

    def among(self, keys: Sequence[Hashable], contents: Sequence[int]) -> list[int]:
        """Positions of the duplicates in a batch; remembers all rows.

        Args:
            keys: Primary keys of the rows (`Batch.keys`).
            contents: A hash of each row (`Batch.contents`).
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
        """Forget all rows but those of the window that has just ended."""
        self._before, self._now = self._now, {}


def _repeated(keys: Sequence[Hashable]) -> Iterator[Hashable]:
    return (key for key, times in Counter(keys).items() if times > 1)
