"""Doubles: the same row answered twice, where pages or windows meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Doubles:
    """Remembers the rows of this window and the one before it.

    Neighbours are all that can meet: windows overlap by one granule. A row that comes again
    unchanged is a double; one that changed in between is news. Memory is bounded by two windows.

    Args:
        within: Rows behind a row in which it may come again; all of the window's if not given.
    """

    def __init__(self, within: int | None = None) -> None:
        self._within = within
        self._now: dict[Hashable, int] = {}
        self._before: dict[Hashable, int] = {}

    def is_double(self, key: Hashable, content: int) -> bool:
        """Whether this very row was already handed over, nearby.

        Args:
            key: Its primary key.
            content: A hash of all of it.
        """
        seen = self._now.get(key, self._before.get(key))
        self._now[key] = content
        if self._within is not None and len(self._now) > self._within:
            self.next_window()
        return seen == content

    def next_window(self) -> None:
        """Forget all but the window that has just ended."""
        self._before, self._now = self._now, {}
