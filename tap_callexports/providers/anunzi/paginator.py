"""Anunzi's dialogue: an opaque cursor in each answer, sent back with the same question."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_callexports.core.compat import override
from tap_callexports.core.errors import TransientFailure
from tap_callexports.core.http.paginator import PaginationError, Paginator
from tap_callexports.core.rows.rows import Rows
from tap_callexports.core.rows.values import plain, plain_values

if TYPE_CHECKING:
    from tap_callexports.core.http.reply import Reply

#: Answers without a call that may follow each other while the server says there is more.
EMPTY_PAGES = 20


@dataclass(frozen=True, slots=True)
class ListToken:
    """A page of the call list.

    Args:
        low: First epoch ms of the time range, None for calls of any time.
        high: Last epoch ms of the time range.
        cursor: The server's cursor, None for the first page.
    """

    low: int | None
    high: int | None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CallPage:
    """An answer of the call list."""

    items: Rows
    has_more: bool
    cursor: object


class CursorPaginator(Paginator[ListToken, CallPage]):
    """Follows the cursor while `has_more`; a missing or repeated one is an error, not the end."""

    led_back = "the server gave the same pagination_key twice"

    def __init__(self, first: ListToken) -> None:
        super().__init__(first)
        self._empty = 0
        self._before: list[object] = []

    @override
    def has_more(self, page: CallPage) -> bool:
        calls = plain_values(page.items.column("call_id"))
        if page.has_more and calls and calls == self._before:
            raise PaginationError("the server gave the same page twice: it ignores pagination_key")
        self._before = calls
        self._empty = 0 if page.items else self._empty + 1
        if page.has_more and self._empty > EMPTY_PAGES:
            raise PaginationError(
                f"{self._empty} answers without a call, and the server says there is more"
            )
        return page.has_more

    @override
    def get_next(self, page: CallPage) -> ListToken:
        cursor = page.cursor
        if not isinstance(cursor, str) or not cursor:
            raise PaginationError("the server says there is more, but gives no pagination_key")
        return replace(self.current_value, cursor=cursor)


def call_page(reply: Reply) -> CallPage:
    """Read an answer of the call list.

    Raises:
        TransientFailure: The body is not the list's envelope.
    """
    body = reply.envelope("items", "has_more", "pagination_key")
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, Rows):
        raise TransientFailure(f"{reply.status} with no list 'items' of calls{reply.said}")
    return CallPage(items, body.get("has_more") is True, body.get("pagination_key"))


def one_call(reply: Reply, call_id: str) -> dict[str, Any]:
    """Read the answer about one call.

    Raises:
        TransientFailure: The body is not that call.
    """
    body = reply.row()
    if not isinstance(body, dict) or plain(body.get("call_id")) != call_id:
        raise TransientFailure(f"{reply.status} without the call that was asked for{reply.said}")
    return body
