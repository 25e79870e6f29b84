"""One stream of a provider, as a test gets hold of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from .http import Json
    from .store import Store
    from .table import Key, Record, Row


class Handle:
    """The rows behind one stream. Streams over the same rows share them."""

    def __init__(
        self,
        store: Store,
        lock: AbstractContextManager[object],
        truth: Callable[[], dict[Key, Record]],
        defaults: Mapping[str, Json] | None = None,
    ) -> None:
        """Take hold of a stream; `defaults` are columns of rows made by `add_at`."""
        #: Every record that can be exported now, by its key.
        self.truth = truth
        self._store = store
        self._lock = lock
        self._defaults: dict[str, Any] = dict(defaults or {})

    @property
    def rows(self) -> list[Row]:
        """All rows in order of arrival."""
        with self._lock:
            return self._store.ready().rows

    def add(self, n: int, start: datetime, end: datetime) -> list[Row]:
        """Make `n` more rows between `start` and `end` (exclusive)."""
        with self._lock:
            table, rng = self._store.ready(), self._store.rng
            return table.add(rng, table.spread(rng, n, start, end), end)

    def add_at(self, *instants: datetime, **columns: Json) -> list[Row]:
        """Make one finished row at each of these instants, with the given columns."""
        with self._lock:
            columns = {**self._defaults, **columns}
            return self._store.ready().add_at(self._store.rng, instants, columns)

    def amend(self, row: Row, **columns: Json) -> None:
        """Change columns of a row, as a provider does when a call ends or is billed."""
        with self._lock:
            self._store.ready().amend(row, columns)

    def remove(self, row: Row) -> None:
        """Delete a row."""
        with self._lock:
            self._store.ready().remove(row)
