"""One stream of a provider, as a test gets hold of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from .http import Json
    from .table import Key, Record, Row, Table


class Handle:
    """The rows behind one stream. Streams over the same rows share them."""

    def __init__(
        self,
        table: Table,
        lock: AbstractContextManager[object],
        truth: Callable[[], dict[Key, Record]],
        defaults: Callable[[Record], Record],
    ) -> None:
        """Take hold of a stream; `defaults` are further columns of rows made by `add_at`."""
        #: Every record that can be exported now, by its key.
        self.truth = truth
        self.table = table
        self._lock = lock
        self._defaults = defaults

    @property
    def rows(self) -> list[Row]:
        """All rows in order of arrival."""
        with self._lock:
            return self.table.rows

    def add(self, n: int, start: datetime, end: datetime) -> list[Row]:
        """Make `n` more rows between `start` and `end` (exclusive)."""
        with self._lock:
            return self.table.add(n, start, end)

    def add_at(self, *instants: datetime, **columns: Json) -> list[Row]:
        """Make one finished row at each of these instants, with the given columns."""
        with self._lock:
            return [
                self.table.add_at(at, {**self._defaults(columns), **columns}) for at in instants
            ]

    def amend(self, row: Row, **columns: Json) -> None:
        """Change columns of a row, as a provider does when a call ends or is billed."""
        with self._lock:
            self.table.amend(row, columns)

    def remove(self, row: Row) -> None:
        """Delete a row."""
        with self._lock:
            self.table.remove(row)
