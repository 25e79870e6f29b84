"""Pages by cursor, the most usual dialogue of APIs: each page names what to ask for next. Pure.

Knows no provider's names for these things.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from tap_callexports.core.compat import override
from tap_callexports.core.http.paginator import PaginationError, Paginator
from tap_callexports.core.rows.values import plain_values

if TYPE_CHECKING:
    from tap_callexports.core.rows.rows import Rows

#: Pages without a row that may follow each other while the server says there is more.
EMPTY_PAGES = 20


@dataclass(frozen=True, slots=True)
class CursorToken:
    """Base of a token of such a dialogue; a provider adds what else a page is asked by.

    Args:
        cursor: The server's cursor, None for the first page.
    """

    cursor: str | None = field(default=None, kw_only=True)


TCursorToken = TypeVar("TCursorToken", bound=CursorToken)


@dataclass(frozen=True, slots=True)
class CursorPage:
    """A page.

    Args:
        items: Its rows.
        has_more: Whether the server says that there is more.
        cursor: What it gives to ask for that, as received: perhaps no text.
    """

    items: Rows
    has_more: bool
    cursor: object


class CursorPaginator(Paginator[TCursorToken, CursorPage]):
    """Follows the cursor while there is more; a missing or repeated one is an error, not the end.

    Args:
        first: Token of the first page.
        name: What the provider calls the cursor, for messages.
        key: Field that tells rows apart.
    """

    def __init__(self, first: TCursorToken, name: str, key: str) -> None:
        super().__init__(first)
        self.led_back = f"the server gave the same {name} twice"
        self._name = name
        self._key = key
        self._empty = 0
        self._before: list[object] = []

    @override
    def has_more(self, page: CursorPage) -> bool:
        keys = plain_values(page.items.column(self._key))
        if page.has_more and keys and keys == self._before:
            raise PaginationError(f"the server gave the same page twice: it ignores {self._name}")
        self._before = keys
        self._empty = 0 if keys else self._empty + 1
        if page.has_more and self._empty > EMPTY_PAGES:
            raise PaginationError(
                f"{self._empty} answers without a row, and the server says there is more"
            )
        return page.has_more

    @override
    def get_next(self, page: CursorPage) -> TCursorToken:
        cursor = page.cursor
        if not isinstance(cursor, str) or not cursor:
            raise PaginationError(f"the server says there is more, but gives no {self._name}")
        return replace(self.current_value, cursor=cursor)
