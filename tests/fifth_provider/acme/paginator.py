"""Acme's dialogue: each answer names the cursor of the next one, the last one names none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_callexports.errors import TransientFailure
from tap_callexports.http.paginators import CursorPage, CursorToken
from tap_callexports.records.rows import Rows

if TYPE_CHECKING:
    from tap_callexports.http.response import Response
    from tap_callexports.windows import Window


@dataclass(frozen=True, slots=True)
class PageToken(CursorToken):
    """A page of a window."""

    window: Window


def call_page(reply: Response) -> CursorPage:
    """Read an answer, `{"calls": […], "next": …}`.

    Raises:
        TransientFailure: The body is no such object.
    """
    body = reply.envelope("calls", "next")
    calls = body.get("calls") if isinstance(body, dict) else None
    if not isinstance(calls, Rows):
        raise TransientFailure(f"{reply.status} with no list 'calls'{reply.error_message}")
    return CursorPage(calls, None, body.get("next"))
