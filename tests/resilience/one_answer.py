"""One answer that every endpoint takes for its own, and a tap that asks a server of our own."""

from __future__ import annotations

import json
from typing import Any

from support import JSON

#: One row of any list.
ROW: JSON = {
    "id": 7,
    "callId": "c7",
    "call_id": "c7",
    "startTime": "2024-05-09 12:00:00",
    "startedAt": "2024-05-09T12:00:00+00:00",
    "createdAt": "2024-05-09T12:00:00+00:00",
    "started_at": "2024-05-09T12:00:00",
    "start_timestamp": 1715256000000,
    "status": "completed",
    "call_status": "ended",
    "duration": 5,
}
#: The lists, one way of paging each.
LISTS = (
    "videsk_calls",
    "anunzi_calls",
    "anunzi_unstarted_calls",
    "twin24_incoming_calls",
    "twin24_calls",
    "burki_calls",
    "burki_call_list",
)
SECRETS = {
    "videsk": {"api_token": "Videsk/Canary+Token=5f1c"},
    "anunzi": {"api_key": "Anunzi_Canary-Key_77b0"},
    "twin24": {"access_token": "Twin24.Canary.Token4a19"},
    "burki": {"api_key": "Burki~Canary%Key!88d2"},
}


def row(more: bytes = b"") -> bytes:
    """The row with more fields, as JSON text; a field that comes again has its later value."""
    text = json.dumps(ROW).encode()
    return text[:-1] + b"," + more + b"}" if more else text


def answer(rows: bytes = b"", **more: Any) -> bytes:
    """An answer with these rows, by default the one, in every provider's envelope."""
    rows = rows or row()
    fields = {"$limit": 5000, "columns": [], "has_more": False, "count": 1, "total": 1, **more}
    return json.dumps(fields)[:-1].encode() + b',"items":[' + rows + b'],"data":[' + rows + b"]}"


def config(url: str, *, seconds: bool = False, **settings: JSON) -> JSON:
    """All four providers at one address; `seconds`: a period that cannot be split."""
    providers = {name: {"api_url": url, **secret} for name, secret in SECRETS.items()}
    for name, more in settings.items():
        providers[name] |= more
    end = "2024-05-09T12:00:01Z" if seconds else "2024-05-10T00:00:00Z"
    start = "2024-05-09T12:00:00Z" if seconds else "2024-05-09T00:00:00Z"
    limits = {"request_timeout": 5, "max_retry_wait": 1}
    return {"start_date": start, "end_date": end, **limits, **providers}
