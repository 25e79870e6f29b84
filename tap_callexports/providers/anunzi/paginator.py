"""Anunzi's dialogue: an opaque cursor in each page, sent back with the same question. Pure.

https://doc.anunzi.net/api-calls/listar-llamadas, https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tap_callexports.errors import TransientFailure
from tap_callexports.http.cursor import CursorPage, CursorToken
from tap_callexports.records.rows import Rows
from tap_callexports.records.values import plain

if TYPE_CHECKING:
    from tap_callexports.http.response import Response

#: Name of a field, and the value it has.
Condition: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ListToken(CursorToken):
    """What to ask of the call list.

    Args:
        low: First epoch ms of the time range, None for calls of any time.
        high: Last epoch ms of the time range, None as above.
        condition: A value that the calls have in a field.
    """

    low: int | None
    high: int | None
    condition: Condition | None = None


def call_page(reply: Response) -> CursorPage:
    """Read a page of the call list, `{"items": […], "has_more": …, "pagination_key": …}`.

    Raises:
        TransientFailure: The body is not the list's envelope.
        WindowTooLarge: It holds too many values.
    """
    body = reply.envelope("items", "has_more", "pagination_key")
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, Rows):
        raise TransientFailure(f"{reply.status} with no list 'items' of calls{reply.error_message}")
    return CursorPage(items, body.get("has_more"), body.get("pagination_key"))


def one_call(reply: Response, call_id: str) -> dict[str, Any]:
    """Read the answer about one call, a row with undecoded values.

    Args:
        reply: To `GET /v2/get-call/{call_id}`.
        call_id: The call that was asked for.

    Raises:
        TransientFailure: The body is not that call.
        WindowTooLarge: It holds too many values.
    """
    body = reply.row()
    if not isinstance(body, dict) or plain(body.get("call_id")) != call_id:
        raise TransientFailure(
            f"{reply.status} without the call that was asked for{reply.error_message}"
        )
    return body
