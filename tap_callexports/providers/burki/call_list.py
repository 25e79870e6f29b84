"""Burki's list of calls, in both of its shapes, and its transcripts. Pure: replies in, rows out.

https://docs.burki.dev/api-reference/calls/list, .../calls/data/transcripts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_callexports.errors import TransientFailure
from tap_callexports.providers.burki.export_file import rows_in, rows_of_json
from tap_callexports.records.values import plain_values

if TYPE_CHECKING:
    from tap_callexports.http.response import Response
    from tap_callexports.records.rows import Rows


@dataclass(frozen=True, slots=True)
class CallPage:
    """A page of the list.

    Args:
        items: Its calls.
        total: How many calls the window holds in all; None where the server does not say, as until
            2025.
    """

    items: Rows
    total: int | None


def call_page(reply: Response) -> CallPage:
    """Read a page: `{"items": [...], "total": ...}`, until 2025 a bare array.

    Raises:
        TransientFailure: The body is neither, or not whole.
        WindowTooLarge: It holds too many values.
    """
    body = reply.envelope("items", "total")
    total = body.get("total") if isinstance(body, dict) else None
    known = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    return CallPage(rows_in(body, reply), total if known else None)


def transcript_rows(reply: Response, call_id: int) -> Rows:
    """Read the transcript of a call, a row for each thing that was said.

    Args:
        reply: To `GET /api/v1/calls/{id}/transcripts`.
        call_id: The call that was asked for.

    Raises:
        TransientFailure: The body is not the transcript of that call, or not whole.
        WindowTooLarge: It holds too many values.
    """
    rows = rows_of_json(reply)
    if any(named != call_id for named in plain_values(rows.column("call_id"))):
        raise TransientFailure(f"{reply.status} with the transcript of another call")
    return rows
