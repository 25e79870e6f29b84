"""Anunzi's dialogue: an opaque cursor in each answer, sent back with the same question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_callexports.core.errors import TransientFailure
from tap_callexports.core.http.cursor import CursorPage, CursorToken
from tap_callexports.core.rows.rows import Rows
from tap_callexports.core.rows.values import plain

if TYPE_CHECKING:
    from tap_callexports.core.http.reply import Reply


@dataclass(frozen=True, slots=True)
class ListToken(CursorToken):
    """A page of the call list.

    Args:
        low: First epoch ms of the time range, None for calls of any time.
        high: Last epoch ms of the time range.
    """

    low: int | None
    high: int | None


def call_page(reply: Reply) -> CursorPage:
    """Read an answer of the call list.

    Raises:
        TransientFailure: The body is not the list's envelope.
    """
    body = reply.envelope("items", "has_more", "pagination_key")
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, Rows):
        raise TransientFailure(f"{reply.status} with no list 'items' of calls{reply.said}")
    return CursorPage(items, body.get("has_more") is True, body.get("pagination_key"))


def one_call(reply: Reply, call_id: str) -> dict[str, Any]:
    """Read the answer about one call.

    Raises:
        TransientFailure: The body is not that call.
    """
    body = reply.row()
    if not isinstance(body, dict) or plain(body.get("call_id")) != call_id:
        raise TransientFailure(f"{reply.status} without the call that was asked for{reply.said}")
    return body
