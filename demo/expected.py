"""The one table of all calls, worked out from the platforms' own records and without any SQL."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Row = dict[str, Any]
#: A provider, and the id of a call there.
Key = tuple[str, str]

#: The streams that calls are made of.
STREAMS = (
    "videsk_calls",
    "videsk_queues",
    "videsk_ai_sentiments",
    "videsk_recordings",
    "anunzi_calls",
    "anunzi_call_details",
    "anunzi_unstarted_calls",
    "twin24_calls",
    "twin24_incoming_calls",
    "burki_calls",
    "burki_call_list",
    "burki_call_transcripts",
)

COLUMNS = (
    "provider",
    "call_id",
    "direction",
    "started_at",
    "ended_at",
    "duration_seconds",
    "waited_seconds",
    "status",
    "raw_status",
    "disconnection_reason",
    "agent",
    "customer_number",
    "from_number",
    "to_number",
    "sentiment",
    "raw_sentiment",
    "cost",
    "currency",
    "recording",
    "transcript_table",
    "source_table",
)

_TWIN24 = {
    "ANSWERED": "answered",
    "CANCEL": "abandoned",
    **dict.fromkeys(("NOANSWER", "BUSY", "UNAVAILABLE"), "no_answer"),
    **dict.fromkeys(("CONGESTION", "CHANUNAVAIL", "FAILED", "BLACKLIST", "INVALID"), "failed"),
    **dict.fromkeys(("EXPIRED", "REJECTED"), "failed"),
    **dict.fromkeys(("SCHEDULED", "DIAL", "INPROGRESS"), "ongoing"),
}
_BURKI = {
    **dict.fromkeys(("completed", "transferred"), "answered"),
    "failed": "failed",
    **dict.fromkeys(("ongoing", "in-progress", "pending"), "ongoing"),
}
_ANUNZI = {"ended": "answered", "error": "failed", "registered": "ongoing", "ongoing": "ongoing"}
#: Why a call was never connected, where it was nobody's choice.
_ANUNZI_BROKEN = (
    "dial_failed",
    "invalid_destination",
    "telephony_provider_permission_denied",
    "telephony_provider_unavailable",
    "sip_routing_error",
    "marked_as_spam",
    "network_blocked",
    "scam_detected",
    "concurrency_limit_reached",
    "no_concurrency_fallback",
    "no_valid_payment",
    "credit_exhausted",
    "budget_reached",
)
_SENTIMENTS = ("positive", "neutral", "negative", "unknown")
_BLANK: Row = dict.fromkeys(COLUMNS)


class _Sparse(Row):
    """A record: what it does not name is unknown."""

    def __missing__(self, key: str) -> None:
        return None


def expected(held: Mapping[str, Iterable[Row]]) -> dict[Key, Row]:
    """Every call that records of these streams tell of; a stream may be missing.

    Instants are texts as the tap writes them; amounts are exact decimals.
    """
    rows: dict[str, list[Row]] = {
        stream: [_Sparse(row) for row in held.get(stream, ())] for stream in STREAMS
    }
    calls = [*_videsk(rows), *_anunzi(rows), *_twin24(rows), *_burki(rows)]
    return {(call["provider"], call["call_id"]): call for call in calls}


def _videsk(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    waits = {wait["id"]: wait for wait in rows["videsk_queues"]}
    felt = {
        row["id"]: row["sentiment_text"]
        for row in rows["videsk_ai_sentiments"]
        if row["entity_type"] == "calls"
    }
    recorded: dict[str, list[str]] = defaultdict(list)
    for row in sorted(rows["videsk_recordings"], key=lambda row: (row["created_at"], row["id"])):
        recorded[row["call"]].append(row["id"])
    for row in rows["videsk_calls"]:
        wait = waits.get(row["queue"], {})
        yield _call(
            "videsk",
            "videsk_calls",
            call_id=row["id"],
            direction="inbound" if row["queue"] else None,
            started_at=row["start_time"],
            ended_at=row["end_time"],
            duration_seconds=_times(row["duration"], 60),
            waited_seconds=_times(wait.get("duration"), 60),
            status="answered" if row["end_time"] else "ongoing",
            disconnection_reason="customer_leave" if row["customer_leave"] else None,
            agent=row["agent"],
            raw_sentiment=felt.get(row["id"]),
            recording=", ".join(recorded[row["id"]]) or None,
        )
    taken = {row["queue"] for row in rows["videsk_calls"]}
    for row in waits.values():
        if not row["assigned"] and row["id"] not in taken:
            yield _never_taken(row)


def _never_taken(row: Row) -> Row:
    status, raw = ("ongoing", None) if row["end_time"] is None else ("other", None)
    if row["dismissed"]:
        status, raw = "no_answer", "dismissed"
    if row["canceled"]:
        status, raw = "abandoned", "canceled"
    return _call(
        "videsk",
        "videsk_queues",
        call_id=row["id"],
        direction="inbound",
        started_at=row["start_time"],
        ended_at=row["end_time"],
        waited_seconds=_times(row["duration"], 60),
        status=status,
        raw_status=raw,
        disconnection_reason=row["canceled_reason"],
    )


def _anunzi(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    streams = ("anunzi_calls", "anunzi_call_details", "anunzi_unstarted_calls")
    said = {row["call_id"] for row in rows["anunzi_call_details"] if row["transcript"]}
    for stream, row in _best(rows, streams, "call_id", "call_status", ("registered", "ongoing")):
        word, reason = row["call_status"], row["disconnection_reason"]
        status = _ANUNZI.get(word, "other")
        if word == "not_connected" or (stream == "anunzi_unstarted_calls" and word != "error"):
            broken = (reason or "").startswith("error") or reason in _ANUNZI_BROKEN
            status = "failed" if broken else "no_answer"
        ours = {"inbound": "from_number", "outbound": "to_number"}.get(row["direction"])
        yield _call(
            "anunzi",
            stream,
            call_id=row["call_id"],
            direction=row["direction"],
            started_at=row["start_timestamp"],
            ended_at=row["end_timestamp"],
            duration_seconds=_times(row["duration_ms"], "0.001"),
            status=status,
            raw_status=word,
            disconnection_reason=reason,
            agent=row["agent_name"] or row["agent_id"],
            customer_number=row[ours] if ours else None,
            from_number=row["from_number"],
            to_number=row["to_number"],
            raw_sentiment=(row["call_analysis"] or {}).get("user_sentiment"),
            cost=_times((row["call_cost"] or {}).get("combined_cost"), "0.01"),
            recording=row["recording_url"],
            transcript_table="anunzi_call_details" if row["call_id"] in said else None,
        )


def _twin24(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    sessions = {row["call_id"]: row for row in rows["twin24_incoming_calls"]}
    for row in sessions.values():
        yield _call(
            "twin24",
            "twin24_incoming_calls",
            call_id=row["call_id"],
            direction="inbound",
            started_at=row["started_at"],
            duration_seconds=_times(row["duration"], 1),
            status=_TWIN24.get(row["current_status_name"], "other"),
            raw_status=row["current_status_name"],
            disconnection_reason=row["hung_up_by"],
            customer_number=row["calling_number"],
            from_number=row["calling_number"],
            to_number=row["number"],
            raw_sentiment=row["emotion"],
            cost=_times(row["total_cost"], 1),
            recording=row["record_path"],
            transcript_table="twin24_incoming_calls" if row["messages_as_string"] else None,
        )
    for row in rows["twin24_calls"]:
        if row["id"] in sessions:
            continue
        yield _call(
            "twin24",
            "twin24_calls",
            call_id=row["id"],
            direction="outbound" if row["task_id"] else None,
            started_at=row["started_at"],
            duration_seconds=_times(row["duration"], 1),
            status=_TWIN24.get(row["status"], "other"),
            raw_status=row["status"],
            agent=row["bot_name"] or row["bot_id"],
            customer_number=row["phone"],
            to_number=row["phone"] if row["task_id"] else None,
            cost=_times(row["price"], 1),
            recording=row["record_path"],
            transcript_table="twin24_calls" if row["messages_as_string"] else None,
        )


def _burki(rows: Mapping[str, list[Row]]) -> Iterator[Row]:
    said = {row["call_id"] for row in rows["burki_call_transcripts"]}
    unfinished = tuple(word for word, status in _BURKI.items() if status == "ongoing")
    for stream, row in _best(rows, ("burki_call_list", "burki_calls"), "id", "status", unfinished):
        agent = row["assistant_name"] or row["assistant_id"]
        yield _call(
            "burki",
            stream,
            call_id=str(row["id"]),
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            duration_seconds=_times(row["duration"], 1),
            status=_BURKI.get(row["status"], "other"),
            raw_status=row["status"],
            agent=None if agent is None else str(agent),
            customer_number=row["customer_phone_number"],
            to_number=row["to_phone_number"],
            cost=_times(row["total_cost"], 1),
            currency=row["cost_currency"],
            transcript_table="burki_call_transcripts" if row["id"] in said else None,
        )


def _best(
    rows: Mapping[str, list[Row]],
    streams: tuple[str, ...],
    key: str,
    status: str,
    unfinished: tuple[str, ...],
) -> Iterator[tuple[str, Row]]:
    """Each call once, with its stream: a row that knows the call's end, else from the first."""
    found: dict[Any, tuple[str, Row]] = {}
    for stream in streams:
        for row in rows[stream]:
            known = found.get(row[key])
            ended = row[status] not in unfinished
            if known is None or (ended and known[1][status] in unfinished):
                found[row[key]] = stream, row
    yield from found.values()


def _call(provider: str, source_table: str, **columns: Any) -> Row:  # noqa: ANN401 - any value
    word = columns.get("raw_sentiment")
    felt = word.lower() if word else None
    sentiment = felt if felt is None or felt in _SENTIMENTS else "other"
    named = {"provider": provider, "source_table": source_table, "sentiment": sentiment}
    return {**_BLANK, **columns, **named}


def _times(amount: float | None, factor: int | str) -> Decimal | None:
    """An exact product: what the provider has written, not what a float makes of it."""
    return None if amount is None else Decimal(str(amount)) * Decimal(factor)
