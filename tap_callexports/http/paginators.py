"""Paginators read one window page by page, without I/O.

A paginator holds the token of the next page (`token`) and returns the rows that may be emitted
after each page (`advance`). They are like singer_sdk's `BaseAPIPaginator`, but take parsed pages:
the SDK's would parse responses a second time, and take a token of 0 or "" for the end.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tap_callexports.compat import override
from tap_callexports.errors import WindowTooLarge
from tap_callexports.records.batch import Batch

TToken = TypeVar("TToken")

#: Most consecutive pages without a row while the server reports more.
MAX_EMPTY_PAGES = 20
#: A window whose rows do not match its count is read this often before it is split.
MAX_READS = 3
_BOOLEANS: dict[str, object] = {"true": True, "1": True, "false": False, "0": False}
_NO_CURSOR = (None, "", False)
_COUNT = re.compile(r"[0-9]{1,18}")


class PaginationError(Exception):
    """The server contradicts itself, so that reading on would lose rows or never end.

    `CallStream` turns it into its failure, with the same text.
    """


@dataclass(frozen=True, slots=True)
class Page:
    """A parsed response; all fields but the rows are as received, perhaps absent or of any type.

    Args:
        rows: Its rows as records, in the order of the response.
        cursor: The cursor of the next page.
        has_more: Whether there are more pages.
        count: How many rows the window has in total.
        limit: The most rows that the response may have.
    """

    rows: Batch
    cursor: object = None
    has_more: object = None
    count: object = None
    limit: object = None


def count_of(value: object) -> int | None:
    """Parse a count or limit, a number or a text; None for anything else."""
    if isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        return int(value)
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole else None  # type: ignore[return-value] # it is an int


class Paginator(ABC, Generic[TToken]):
    """Reads one window; `first` is the token of the first page."""

    #: The provider's name of its cursor, for messages; None if tokens are no cursors of the server.
    cursor_name: str | None = None

    def __init__(self, first: TToken) -> None:
        #: Token of the page to request next.
        self.token = first
        #: Whether the last page was read.
        self.finished = False

    def note_overload(self) -> None:
        """Called if the page was too large for the server."""

    @abstractmethod
    def advance(self, page: Page) -> Sequence[Batch]:
        """Take the page of `token`, and set the next token or `finished`.

        Returns:
            The rows that may be emitted now.

        Raises:
            PaginationError: The server contradicts itself.
            WindowTooLarge: The window has more rows than can be read at once.
        """


class CursorPaginator(Paginator["str | None"]):
    """Follows a cursor until the server reports no more pages; emits page by page.

    `has_more` decides; without it the cursor does. More without a cursor is an error, and so is a
    cursor that was seen before.

        {"has_more": true, "next": "a"}     request "a"
        {"has_more": null, "next": "a"}     request "a"
        {"has_more": "false", "next": "a"}  the end
        {"next": null}                      the end
        {"has_more": 1, "next": null}       an error

    >>> cursor = CursorPaginator("next", keys=("id",))
    >>> cursor.advance(Page(Batch([{"id": 1}], {"id": [1]}), cursor="a", has_more=True))
    [Batch(records=[{'id': 1}], columns={'id': [1]}, invalid_values={}, outside=0)]
    >>> cursor.token, cursor.finished
    ('a', False)

    Args:
        name: The provider's name of the cursor, for messages.
        keys: Primary keys.
    """

    def __init__(self, name: str, *, keys: Sequence[str]) -> None:
        super().__init__(None)
        self.cursor_name = name
        self._keys = keys
        self._seen: set[str] = set()
        self._before: Sequence[Hashable] = ()
        self._empty = 0

    @override
    def advance(self, page: Page) -> Sequence[Batch]:
        self.finished = _is_last(page)
        if not self.finished:
            self._check(page.rows.keys(self._keys))
            self.token = self._next(page.cursor)
        return [page.rows]

    def _check(self, keys: Sequence[Hashable]) -> None:
        if keys and keys == self._before:
            raise PaginationError(
                f"the server sent the same page twice: it ignores {self.cursor_name}"
            )
        self._before = keys
        self._empty = 0 if keys else self._empty + 1
        if self._empty > MAX_EMPTY_PAGES:
            raise PaginationError(
                f"{self._empty} responses without a row, and the server says there are more"
            )

    def _next(self, cursor: object) -> str:
        if not isinstance(cursor, str) or not cursor:
            raise PaginationError(
                f"the server says there are more rows, but sends no {self.cursor_name}"
            )
        if cursor in self._seen:
            raise PaginationError(f"the server sent the same {self.cursor_name} twice")
        self._seen.add(cursor)
        return cursor


def _is_last(page: Page) -> bool:
    more = page.has_more
    if isinstance(more, str):
        more = _BOOLEANS.get(more.strip().casefold(), more)
    if more in (False, True):  # 0 and 1 too
        return not more
    return page.cursor in _NO_CURSOR


class OffsetPaginator(Paginator[int]):
    """Reads pages by offset up to the server's count; emits the window at its end.

    The offset advances by the rows received, not by those requested: a server may send fewer. A row
    that moves between pages comes twice, and another one not at all. So a window is complete if it
    has as many distinct rows as every page counted; otherwise it is read again. Without a count an
    empty page is the end, and nothing can be verified.

    >>> offset = OffsetPaginator(keys=("id",), max_rows=100)
    >>> offset.advance(Page(Batch([{"id": 1}, {"id": 2}], {"id": [1, 2]}), count=3))
    []
    >>> offset.token
    2
    >>> (batch,) = offset.advance(Page(Batch([{"id": 3}], {"id": [3]}), count=3))
    >>> batch["id"], offset.finished
    ([1, 2, 3], True)

    Args:
        keys: Primary keys.
        max_rows: A window of this many rows or more is too large.
    """

    def __init__(self, *, keys: Sequence[str], max_rows: int) -> None:
        super().__init__(0)
        self._keys = keys
        self._max_rows = max_rows
        self._reads = 0
        self._restart()

    def _restart(self) -> None:
        self.token = 0
        self._pages: list[Batch] = []
        self._counts: set[int | None] = set()
        self._before: Sequence[Hashable] = ()

    @override
    def advance(self, page: Page) -> Sequence[Batch]:
        keys, count = page.rows.keys(self._keys), count_of(page.count)
        if count is not None and count >= self._max_rows:
            raise WindowTooLarge(
                f"{count} rows counted, {self._max_rows} is the most for one period"
            )
        if keys and keys == self._before:
            raise PaginationError("the server sent the same page twice: it ignores offset")
        self._before = keys
        self._counts.add(count)
        self._pages.append(page.rows)
        self.token += len(keys)
        if None in self._counts and self.token >= self._max_rows:
            raise WindowTooLarge(f"{self.token} rows or more")
        if keys and (count is None or self.token < count):
            return []
        return self._complete()

    def _complete(self) -> Sequence[Batch]:
        rows = Batch.joined(self._pages)
        distinct = len(set(rows.keys(self._keys)))
        if None not in self._counts and self._counts != {distinct}:
            self._reads += 1
            if self._reads >= MAX_READS:
                counted = max(count for count in self._counts if count is not None)
                raise WindowTooLarge(f"{distinct} distinct rows read where {counted} are counted")
            self._restart()
            return []
        self.finished = True
        return [rows]


class SinglePage(Paginator[int]):
    """Reads a window from one response without a cap, such as a file.

    With a count it is complete if it has that many rows; else it is read again, and then split.
    Without a count it is complete, or with `read_twice` if two responses have the same length.

    >>> single = SinglePage(count=2)
    >>> single.advance(Page(Batch([{"id": 1}])))
    []
    >>> single.advance(Page(Batch([{"id": 1}, {"id": 2}])))
    [Batch(records=[{'id': 1}, {'id': 2}], columns={}, invalid_values={}, outside=0)]

    Args:
        count: How many rows the window has; None if unknown.
        read_twice: Whether to verify an uncounted response by a second one.
    """

    def __init__(self, count: int | None = None, *, read_twice: bool = False) -> None:
        super().__init__(0)
        self._count = count
        self._read_twice = read_twice
        self._before: int | None = None

    @override
    def advance(self, page: Page) -> Sequence[Batch]:
        rows = len(page.rows)
        if self._count is not None:
            self.finished = rows >= self._count
        else:
            self.finished = not self._read_twice or rows == self._before
        if self.finished:
            return [page.rows]
        self.token += 1
        if self.token >= MAX_READS:
            if self._count is None:
                raise WindowTooLarge(f"{rows} rows read, and {self._before} before")
            raise WindowTooLarge(f"{rows} rows read where {self._count} are counted")
        self._before = rows
        return []
