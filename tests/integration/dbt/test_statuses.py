"""Words of the providers have their place in one vocabulary; a call in several lists is one.

The rows are some that the sandbox does not make; what has to become of them is told by the rules
that are written without SQL, in `sandbox/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable

from demo.expected import Row

pytestmark = pytest.mark.slow

_AT, _LATER = "2024-05-01T10:00:00.000000Z", "2024-05-01T10:04:00.000000Z"
#: What the providers document, https://wiki.twin-ai.com/voice-bots/concepts/call-statuses for one,
#: and some that are unknown.
_TWIN24 = (
    "ANSWERED CANCEL NOANSWER BUSY UNAVAILABLE CONGESTION CHANUNAVAIL FAILED BLACKLIST INVALID "
    "EXPIRED REJECTED SCHEDULED DIAL INPROGRESS FZ230 EMPTY_AON"
)
_BURKI = "completed transferred failed ongoing in-progress pending COMPLETED"
_ANUNZI = {
    "ended": "user_hangup voicemail_reached",
    "not_connected": "dial_no_answer dial_busy user_declined a_reason_of_tomorrow dial_failed "
    "invalid_destination telephony_provider_permission_denied telephony_provider_unavailable "
    "sip_routing_error marked_as_spam network_blocked scam_detected error_retell "
    "concurrency_limit_reached no_concurrency_fallback no_valid_payment credit_exhausted "
    "budget_reached",
    "error": "error_asr",
    "registered": "none",
    "ongoing": "none",
    "a_status_of_tomorrow": "none",
}
_VAPI = {
    "ended": "customer-ended-call voicemail customer-busy customer-did-not-answer vonage-rejected "
    "call.ringing.sip-inbound-caller-hungup-before-call-connect twilio-failed-to-connect-call "
    "pipeline-error-openai-llm-failed assistant-not-found a-reason-of-tomorrow",
    "deletion-failed": "call-deleted",
    **dict.fromkeys(("scheduled", "queued", "ringing", "in-progress", "forwarding"), ""),
    **dict.fromkeys(("not-found", "a-status-of-tomorrow"), ""),
}
_UNSTARTED = {
    "not_connected": "dial_busy",
    "ended": "user_declined error_user_not_joined",
    "registered": "registered_call_timeout",
    "error": "concurrency_limit_reached",
}
#: Of a queue entry: the flags dismissed and canceled, and whether it has ended.
_WAITS = [
    *[(False, True, True), (True, True, True), (True, False, True), (False, False, True)],
    *[(False, False, False), (None, None, False)],
]
_SENTIMENTS = ("Positive", "neutral", "NEGATIVE", "Unknown", "angry", None)


def _anunzi(table: dict[str, str], prefix: str) -> list[Row]:
    return [
        {"call_id": f"{prefix} {status} {reason}", "call_status": status}
        | {"disconnection_reason": None if reason == "none" else reason}
        for status, reasons in table.items()
        for reason in reasons.split()
    ]


def _wait(name: str, *, over: bool = True, **flags: bool | None) -> Row:
    times = {"start_time": _AT, "end_time": _AT if over else None, "duration": 0.5}
    return {"id": name, **times, "assigned": False, **flags}


def _talk(name: str, queue: str | None = None) -> Row:
    return {"id": name, "start_time": _AT, "end_time": _LATER, "duration": 4, "queue": queue}


def _built(tables: dict[str, list[Row]], folder: Path, *warned: str) -> list[Row]:
    """The calls that dbt makes, which are as expected."""
    one = OneTable(folder)
    one.load(tables)
    outcome = one.dbt("build")
    assert outcome.code == 0, outcome.log
    assert outcome.warned == warned
    assert one.wrong(tables) == []
    return one.calls()


def test_every_documented_word_has_its_place_and_others_are_warned_of(tmp_path: Path) -> None:
    felt = [(str(word), word) for word in _SENTIMENTS]
    tables: dict[str, list[dict[str, Any]]] = {
        "twin24_calls": [{"id": f"c {word}", "status": word} for word in _TWIN24.split()],
        "twin24_incoming_calls": [
            *({"call_id": f"i {word}", "current_status_name": word} for word in _TWIN24.split()),
            *({"call_id": name, "emotion": word} for name, word in felt),
        ],
        "anunzi_calls": [
            *_anunzi(_ANUNZI, "c"),
            *({"call_id": name, "call_analysis": {"user_sentiment": word}} for name, word in felt),
        ],
        "anunzi_unstarted_calls": _anunzi(_UNSTARTED, "u"),
        "vapi_calls": [
            {"id": f"{status} {reason}", "status": status, "ended_reason": reason}
            for status, reasons in _VAPI.items()
            for reason in (reasons.split() or (None,))
        ],
        "burki_calls": [{"id": n, "status": word} for n, word in enumerate(_BURKI.split())],
        "videsk_queues": [
            _wait(
                f"{dismissed} {canceled} {over}", dismissed=dismissed, canceled=canceled, over=over
            )
            for dismissed, canceled, over in _WAITS
        ],
        "videsk_calls": [_talk(name) for name, _ in felt],
        "videsk_ai_sentiments": [
            {"id": name, "entity_type": kind, "sentiment_text": text}
            for name, word in felt
            for kind, text in (("calls", word), ("appointments", "positive"))
        ],
    }
    calls = _built(tables, tmp_path, "every_status_of_a_provider_is_known")
    assert len({(row["provider"], row["status"]) for row in calls}) >= 20


def test_the_list_that_knows_the_end_counts_and_then_the_one_that_says_more(
    tmp_path: Path,
) -> None:
    ended = {"status": "completed", "started_at": _AT, "ended_at": _LATER, "duration": 240}
    costs = {"total_cost": 0.5, "cost_currency": "USD"}
    tables: dict[str, list[Row]] = {
        "burki_calls": [{"id": number, **ended} for number in (1, 2, 3)],
        "burki_call_list": [{"id": 1, "status": "ongoing"}, {"id": 2, **ended, **costs}],
        "anunzi_calls": [{"call_id": "a", "call_status": "ongoing"}],
        "anunzi_call_details": [
            {"call_id": "a", "call_status": "ended", "transcript": "Agent: Hola"},
            {"call_id": "b", "call_status": "ended", "transcript": ""},
        ],
        "anunzi_unstarted_calls": [{"call_id": "a", "call_status": "not_connected"}],
        "twin24_incoming_calls": [{"call_id": "x", "current_status_name": "ANSWERED"}],
        "twin24_calls": [{"id": "x", "status": "DIAL"}, {"id": "y", "status": "DIAL"}],
    }
    found = {row["call_id"]: row["source_table"] for row in _built(tables, tmp_path)}
    lists = ("burki_calls", "burki_call_list", "burki_calls")
    details = dict.fromkeys("ab", "anunzi_call_details")
    twin24 = {"x": "twin24_incoming_calls", "y": "twin24_calls"}
    assert found == {**dict(zip("123", lists, strict=True)), **details, **twin24}


def test_what_was_written_at_elevenlabs_is_no_call(tmp_path: Path) -> None:
    sources = ("twilio", "widget", "whatsapp", "twilio_sms", "slack_integration", None)
    tables: dict[str, list[Row]] = {
        "elevenlabs_conversations": [
            {
                "conversation_id": f"{source} {word}",
                "conversation_initiation_source": source,
                "status": "processing",
            }
            for source in sources
            for word in ("listed", "written", "spoken")
        ],
        "elevenlabs_conversation_details": [
            {
                "conversation_id": f"{source} {word}",
                "status": "done",
                "metadata": {"text_only": word == "written"},
            }
            for source in sources
            for word in ("written", "spoken")
        ],
    }
    found = {row["call_id"]: row["status"] for row in _built(tables, tmp_path)}
    spoken = {f"{source} spoken": "answered" for source in sources}
    assert found == {
        **spoken,
        **dict.fromkeys(("twilio listed", "widget listed", "None listed"), "ongoing"),
    }


def test_what_dialling_came_to_at_elevenlabs_is_the_status(tmp_path: Path) -> None:
    results = ("answered", "voicemail", "busy", "no_answer", "failed", None)
    statuses = ("done", "failed", "in-progress", "a_status_of_tomorrow")
    tables: dict[str, list[Row]] = {
        "elevenlabs_conversation_details": [
            {
                "conversation_id": f"{status} {result}",
                "status": status,
                "metadata": {"phone_call": {"call_result": result, "direction": "outbound"}},
            }
            for status in statuses
            for result in results
        ]
    }
    calls = _built(tables, tmp_path, "every_status_of_a_provider_is_known")
    found = {row["call_id"]: row["status"] for row in calls}
    assert found["done voicemail"] == found["done None"] == "answered"
    assert found["done busy"] == found["failed no_answer"] == "no_answer"
    assert found["done failed"] == found["failed answered"] == "failed"


def test_a_queue_entry_is_a_call_only_if_no_agent_took_it(tmp_path: Path) -> None:
    tables: dict[str, list[Row]] = {
        "videsk_queues": [
            _wait("taken", assigned=True),
            _wait("taken, the flag came late"),
            _wait("assigned, the call is yet to come", assigned=True),
            _wait("given up", canceled=True),
        ],
        "videsk_calls": [
            _talk("call", queue="taken"),
            _talk("passed on", queue="taken"),
            _talk("late flag", queue="taken, the flag came late"),
            _talk("without a queue"),
        ],
        "videsk_recordings": [
            {"id": "r2", "call": "call", "created_at": _LATER},
            {"id": "r1", "call": "call", "created_at": _AT},
            {"id": "r3", "call": None, "appointment": "x", "created_at": _AT},
        ],
    }
    found = {row["call_id"]: row["recording"] for row in _built(tables, tmp_path)}
    assert found == {
        "call": "r1, r2",
        **dict.fromkeys(("passed on", "late flag", "without a queue", "given up")),
    }
