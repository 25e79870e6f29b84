"""The tap's streams, as far as a scheduler must know them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream.

    Attributes:
        name: Its name, and its table's.
        filter_field: Column the provider's time range is known to act on, None where it is not.
        ranged: False where each run reads everything there is.
        per_call: Whether it costs a request for each call, so that it is off unless asked for.
    """

    name: str
    filter_field: str | None = None
    ranged: bool = True
    per_call: bool = False


STREAMS = {
    "videsk": (
        Stream("videsk_calls"),
        Stream("videsk_queues"),
        Stream("videsk_extra_data"),
        Stream("videsk_comments"),
        Stream("videsk_tags"),
        Stream("videsk_appointments"),
        Stream("videsk_recordings"),
        Stream("videsk_ai_topics"),
        Stream("videsk_ai_sentiments"),
        Stream("videsk_forms"),
        Stream("videsk_surveys"),
    ),
    "anunzi": (
        Stream("anunzi_calls", "start_timestamp"),
        Stream("anunzi_unstarted_calls", ranged=False),
        Stream("anunzi_call_details", "start_timestamp", per_call=True),
    ),
    "twin24": (
        Stream("twin24_incoming_calls"),
        Stream("twin24_calls", "created_at"),
    ),
    "burki": (
        Stream("burki_calls", "started_at"),
        Stream("burki_call_list", "started_at"),
        Stream("burki_call_transcripts", "call_started_at", per_call=True),
    ),
}
