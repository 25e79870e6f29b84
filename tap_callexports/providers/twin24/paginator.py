"""Twin24's dialogue: offset and count, where the server may give fewer rows than asked for. Pure.

https://developers.twin24.ai/reference/sessionincominglist
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_callexports.compat import override
from tap_callexports.errors import TransientFailure
from tap_callexports.http.paginator import PaginationError, Paginator
from tap_callexports.records.rows import Rows
from tap_callexports.records.values import plain_values

if TYPE_CHECKING:
    from datetime import datetime

    from tap_callexports.http.response import Response


#: A count as text.
_COUNT = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class ListToken:
    """A page of a period.

    Args:
        start: First second of the period, UTC.
        end: Last second of the period, UTC.
        offset: Rows before the page.
        company: Only this company's calls, None for the login's own.
    """

    start: datetime
    end: datetime
    offset: int = 0
    company: int | None = None


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page: some rows, and how many the period holds (None where the server does not say)."""

    items: Rows
    count: int | None


class OffsetPaginator(Paginator[ListToken, SessionPage]):
    """Advances by the rows that came, not by the rows that were asked for.

    Ends at `count`, or at an empty page; a page that repeats the one before it is an error.

    Args:
        first: Token of the first page.
        key: Field that tells rows apart.
    """

    def __init__(self, first: ListToken, key: str) -> None:
        super().__init__(first)
        self._key = key
        self._before: list[object] = []

    @override
    def has_more(self, page: SessionPage) -> bool:
        keys = plain_values(page.items.column(self._key))
        if keys and keys == self._before:
            raise PaginationError("the server gave the same page twice: it ignores offset")
        self._before = keys
        if page.count is None:
            return bool(keys)
        return bool(keys) and self.current_value.offset + len(keys) < page.count

    @override
    def get_next(self, page: SessionPage) -> ListToken:
        return replace(self.current_value, offset=self.current_value.offset + len(page.items))


def session_page(reply: Response) -> SessionPage:
    """Read a page, `{"count": …, "items": […]}`.

    Raises:
        TransientFailure: The body is no such envelope.
        WindowTooLarge: It holds too many values.
    """
    body = reply.envelope("items", "count")
    items = body.get("items", ()) if isinstance(body, dict) else ()
    items = Rows(()) if items is None else items
    if not isinstance(items, Rows):
        raise TransientFailure(f"{reply.status} with no list 'items' of calls{reply.error_message}")
    count = body.get("count")
    if isinstance(count, str) and _COUNT.fullmatch(count.strip()):
        count = int(count)
    known = isinstance(count, int) and not isinstance(count, bool)
    return SessionPage(items, count if known else None)
