"""What is promised of every stream, by hand: other people's pipelines are built on these names.

The one copy of it. All tests ask here for names, keys and times; a new stream is one more line.
"""

from __future__ import annotations

from typing import NamedTuple


class Promise(NamedTuple):
    """What is promised of a stream.

    Attributes:
        keys: Primary keys.
        time: Replication key; None for a stream that is read whole in each run.
        filtered_by: Column the server's range is known to act on.
        method: Replication method.
        selected: Whether it is on by default.
    """

    keys: list[str]
    time: str | None
    filtered_by: str | None = None
    method: str = "INCREMENTAL"
    selected: bool = True


CONTRACT = {
    "videsk_calls": Promise(["id"], "start_time"),
    "videsk_queues": Promise(["id"], "start_time"),
    "videsk_extra_data": Promise(["id"], "created_at"),
    "videsk_comments": Promise(["id"], "created_at"),
    "videsk_tags": Promise(["id", "tag_id"], "start_time"),
    "videsk_appointments": Promise(["id"], "start_time"),
    "videsk_recordings": Promise(["id"], "created_at"),
    "videsk_ai_topics": Promise(["id", "entity_type", "topic_name"], "created_at"),
    "videsk_ai_sentiments": Promise(["id", "entity_type"], "created_at"),
    "videsk_forms": Promise(["form_id", "id"], "created_at"),
    "videsk_surveys": Promise(["survey_id", "id"], "created_at"),
    "anunzi_calls": Promise(["call_id"], "start_timestamp", "start_timestamp"),
    "anunzi_unstarted_calls": Promise(["call_id"], None, method="FULL_TABLE"),
    "anunzi_call_details": Promise(
        ["call_id"], "start_timestamp", "start_timestamp", selected=False
    ),
    "twin24_incoming_calls": Promise(["call_id"], "started_at"),
    "twin24_calls": Promise(["id"], "created_at", "created_at"),
    "burki_calls": Promise(["id"], "started_at", "started_at"),
    "burki_call_list": Promise(["id"], "started_at", "started_at"),
    "burki_call_transcripts": Promise(["id"], "call_started_at", "call_started_at", selected=False),
}
#: The streams that are read by time and keep a bookmark.
TIMED = tuple(name for name, promise in CONTRACT.items() if promise.time)
#: The streams that are off unless chosen.
OFF = tuple(name for name, promise in CONTRACT.items() if not promise.selected)


def promise_of(stream: str) -> Promise:
    """What is promised of a stream."""
    assert stream in CONTRACT, f"missing in CONTRACT in tests/contract/promise.py: {stream}"
    return CONTRACT[stream]
