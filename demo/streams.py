"""The streams the demo expects in the store, and what it must know of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """One stream.

    Attributes:
        name: Its name, and its table's.
        provider: Where it comes from.
        keys: Columns that name a row.
        time: The replication key, which says when it happened; None for a stream without one.
    """

    name: str
    provider: str
    keys: tuple[str, ...]
    time: str | None


STREAMS = (
    Stream("videsk_calls", "videsk", ("id",), "start_time"),
    Stream("videsk_queues", "videsk", ("id",), "start_time"),
    Stream("videsk_extra_data", "videsk", ("id",), "created_at"),
    Stream("videsk_comments", "videsk", ("id",), "created_at"),
    Stream("videsk_tags", "videsk", ("id", "tag_id"), "start_time"),
    Stream("videsk_appointments", "videsk", ("id",), "start_time"),
    Stream("videsk_recordings", "videsk", ("id",), "created_at"),
    Stream("videsk_ai_topics", "videsk", ("id", "entity_type", "topic_name"), "created_at"),
    Stream("videsk_ai_sentiments", "videsk", ("id", "entity_type"), "created_at"),
    Stream("videsk_forms", "videsk", ("form_id", "id"), "created_at"),
    Stream("videsk_surveys", "videsk", ("survey_id", "id"), "created_at"),
    Stream("anunzi_calls", "anunzi", ("call_id",), "start_timestamp"),
    Stream("anunzi_unstarted_calls", "anunzi", ("call_id",), None),
    Stream("anunzi_call_details", "anunzi", ("call_id",), "start_timestamp"),
    Stream("twin24_incoming_calls", "twin24", ("call_id",), "started_at"),
    Stream("twin24_calls", "twin24", ("id",), "created_at"),
    Stream("burki_calls", "burki", ("id",), "started_at"),
    Stream("burki_call_list", "burki", ("id",), "started_at"),
    Stream("burki_call_transcripts", "burki", ("id",), "call_started_at"),
)

PROVIDERS = tuple(dict.fromkeys(stream.provider for stream in STREAMS))
