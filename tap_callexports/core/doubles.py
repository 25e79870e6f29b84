"""Doubles: the same row answered twice, where pages or windows meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_callexports.core.normalise import Record

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Doubles:
    """Remembers the rows of this window and the one before it.

    Neighbours are all that can meet: windows overlap by one granule. A row that comes again
    unchanged is a double; one that changed in between is news. Memory is bounded by two windows.
    """

    def __init__(self, primary_keys: Sequence[str]) -> None:
        self._keys = tuple(primary_keys)
        self._now: dict[tuple[object, ...], int] = {}
        self._before: dict[tuple[object, ...], int] = {}

    def is_double(self, record: Record) -> bool:
        """Whether this very record was already handed over, nearby."""
        key = tuple(record[name] for name in self._keys)
        content = hash(_encode(record))
        seen = self._now.get(key, self._before.get(key))
        self._now[key] = content
        return seen == content

    def next_window(self) -> None:
        """Forget all but the window that has just ended."""
        self._before, self._now = self._now, {}
