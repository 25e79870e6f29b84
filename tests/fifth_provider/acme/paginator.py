"""Acme's dialogue: each answer names the cursor of the next one, the last one names none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_callexports.core.compat import override
from tap_callexports.core.errors import TransientFailure
from tap_callexports.core.http.paginator import Paginator

if TYPE_CHECKING:
    from tap_callexports.core.http.reply import Reply
    from tap_callexports.core.time.window import Window


@dataclass(frozen=True, slots=True)
class PageToken:
    """A page of a window, None for the first one's cursor."""

    window: Window
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CallPage:
    """An answer."""

    calls: list[dict[str, Any]]
    next_cursor: str | None


class CursorPaginator(Paginator[PageToken, CallPage]):
    """Follows the cursor until there is none."""

    @override
    def has_more(self, page: CallPage) -> bool:
        return page.next_cursor is not None

    @override
    def get_next(self, page: CallPage) -> PageToken:
        return replace(self.current_value, cursor=page.next_cursor)


def call_page(reply: Reply) -> CallPage:
    """Read an answer, `{"calls": […], "next": …}`.

    Raises:
        TransientFailure: The body is no such object.
    """
    body = reply.json()
    if not isinstance(body, dict) or not isinstance(body.get("calls"), list):
        raise TransientFailure(f"{reply.status} with no list 'calls'{reply.said}")
    return CallPage(body["calls"], body.get("next"))
