"""Pages by cursor, the most usual dialogue of APIs: each page names what to ask for next. Pure.

Knows no provider's names for these things.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from tap_callexports.compat import override
from tap_callexports.http.paginator import PaginationError, Paginator
from tap_callexports.records.values import plain_values

if TYPE_CHECKING:
    from tap_callexports.records.rows import Rows

#: Pages without a row that may follow each other while the server says there is more.
EMPTY_PAGES = 20
#: Texts that stand for a boolean in `has_more`, in any case.
_ANSWERS: dict[str, object] = {"true": True, "1": True, "false": False, "0": False}
#: What stands where a cursor would be when there is none.
_NO_CURSOR = (None, "", False)


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
        has_more: What the server says about further pages, as received: perhaps no boolean, and
            None where it says nothing.
        cursor: The cursor of the next page, as received: perhaps no text.
    """

    items: Rows
    has_more: object
    cursor: object

    @property
    def is_last(self) -> bool:
        """Whether no page follows.

        A "no" ends the pagination whatever the cursor is. Without a "no" the cursor decides,
        unless a "yes" says that one is missing.
        """
        answer = self.has_more
        if isinstance(answer, str):
            answer = _ANSWERS.get(answer.strip().casefold(), answer)
        if answer in (False, True):  # 0 and 1 too
            return not answer
        return self.cursor in _NO_CURSOR


class CursorPaginator(Paginator[TCursorToken, CursorPage]):
    """Follows the cursor until the server says that there is no more.

    A repeated cursor is an error, and so is a missing one where the server says that there is more.
    Where it says neither, a missing cursor is the end.

        {"has_more": true, "next": "a"}     read on from "a"
        {"has_more": null, "next": "a"}     read on from "a"
        {"has_more": "false", "next": "a"}  the end
        {"next": null}                      the end
        {"has_more": 1, "next": null}       an error

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
        more = not page.is_last
        keys = plain_values(page.items.column(self._key))
        if more and keys and keys == self._before:
            raise PaginationError(f"the server gave the same page twice: it ignores {self._name}")
        self._before = keys
        self._empty = 0 if keys else self._empty + 1
        if more and self._empty > EMPTY_PAGES:
            raise PaginationError(
                f"{self._empty} answers without a row, and the server says there is more"
            )
        return more

    @override
    def get_next(self, page: CursorPage) -> TCursorToken:
        cursor = page.cursor
        if not isinstance(cursor, str) or not cursor:
            raise PaginationError(f"the server says there is more, but gives no {self._name}")
        return replace(self.current_value, cursor=cursor)
