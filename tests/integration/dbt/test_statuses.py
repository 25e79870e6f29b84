"""Words of the providers have their place in one vocabulary; a call in several lists is one."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable

pytestmark = pytest.mark.slow

_AT, _LATER = "2024-05-01T10:00:00.000000Z", "2024-05-01T10:04:00.000000Z"

#: What the providers document, https://wiki.twin-ai.com/voice-bots/concepts/call-statuses for one,
#: by what it means here.
TWIN24 = {
    "answered": "ANSWERED",
    "abandoned": "CANCEL",
    "no_answer": "NOANSWER BUSY UNAVAILABLE",
    "failed": "CONGESTION CHANUNAVAIL FAILED BLACKLIST INVALID EXPIRED REJECTED",
    "ongoing": "SCHEDULED DIAL INPROGRESS",
    # Listed, and not explained.
    "other": "FZ230 EMPTY_AON",
}
BURKI = {
    "answered": "completed transferred",
    "failed": "failed",
    "ongoing": "ongoing in-progress pending",
    "other": "COMPLETED",
}
#: Status and reason of a call.
ANUNZI = {
    "answered": "ended/user_hangup ended/voicemail_reached",
    "no_answer": "not_connected/dial_no_answer not_connected/dial_busy not_connected/user_declined "
    "not_connected/a_reason_of_tomorrow not_connected/",
    "failed": "error/error_asr not_connected/dial_failed not_connected/invalid_destination "
    "not_connected/telephony_provider_permission_denied not_connected/sip_routing_error "
    "not_connected/telephony_provider_unavailable not_connected/marked_as_spam "
    "not_connected/network_blocked not_connected/scam_detected not_connected/error_retell "
    "not_connected/concurrency_limit_reached not_connected/no_concurrency_fallback "
    "not_connected/no_valid_payment not_connected/credit_exhausted not_connected/budget_reached",
    "ongoing": "registered/ ongoing/",
    "other": "a_status_of_tomorrow/",
}
#: Of calls without a start.
ANUNZI_UNSTARTED = {
    "no_answer": "not_connected/dial_busy ended/user_declined registered/registered_call_timeout",
    "failed": "error/concurrency_limit_reached ended/error_user_not_joined",
}
#: Of a queue entry: the flags dismissed and canceled, and whether it has ended.
VIDESK = {
    "abandoned": [(False, True, True), (True, True, True)],
    "no_answer": [(True, False, True)],
    "ongoing": [(False, False, False), (None, None, False)],
    "other": [(False, False, True)],
}
SENTIMENTS = ("Positive", "neutral", "NEGATIVE", "Unknown", "angry", None)


def test_every_documented_word_has_its_place_and_others_are_warned_of(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    one.load(
        {
            "twin24_calls": [{"id": f"c {word}", "status": word} for word in _words(TWIN24)],
            "twin24_incoming_calls": [
                {"call_id": f"i {word}", "current_status_name": word} for word in _words(TWIN24)
            ],
            "anunzi_calls": [_anunzi(word) for word in _words(ANUNZI)],
            "anunzi_unstarted_calls": [_anunzi(word, "u ") for word in _words(ANUNZI_UNSTARTED)],
            "burki_calls": [{"id": n, "status": word} for n, word in enumerate(_words(BURKI))],
            "videsk_queues": [
                _wait(str(flags), dismissed=flags[0], canceled=flags[1], over=flags[2])
                for flags in _words(VIDESK)
            ],
        }
    )

    outcome = one.dbt("build")

    assert outcome.code == 0, outcome.log
    assert outcome.warned == ("every_status_of_a_provider_is_known",)
    found = {(row["provider"], row["call_id"]): row["status"] for row in one.calls()}
    assert found == {
        **{
            ("twin24", f"{kind} {word}"): to for kind in "ci" for word, to in _words(TWIN24).items()
        },
        **{("anunzi", word): to for word, to in _words(ANUNZI).items()},
        **{("anunzi", f"u {word}"): to for word, to in _words(ANUNZI_UNSTARTED).items()},
        **{("burki", str(n)): to for n, to in enumerate(_words(BURKI).values())},
        **{("videsk", str(flags)): to for flags, to in _words(VIDESK).items()},
    }


def test_every_word_for_a_sentiment_has_its_place(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    words = [(str(word), word) for word in SENTIMENTS]
    one.load(
        {
            "videsk_calls": [{"id": name, "end_time": _AT} for name, _ in words],
            "videsk_ai_sentiments": [
                {"id": name, "entity_type": kind, "sentiment_text": text}
                for name, word in words
                for kind, text in (("calls", word), ("appointments", "positive"))
            ],
            "anunzi_calls": [
                {"call_id": name, "call_analysis": {"user_sentiment": word}} for name, word in words
            ],
            "twin24_incoming_calls": [{"call_id": name, "emotion": word} for name, word in words],
        }
    )

    one.run()

    ours = ("positive", "neutral", "negative", "unknown", "other", None)
    found = {(row["provider"], row["call_id"]): row["sentiment"] for row in one.calls()}
    assert found == {
        (provider, name): sentiment
        for provider, ((name, _), sentiment) in product(
            ("videsk", "anunzi", "twin24"), zip(words, ours, strict=True)
        )
    }


def test_the_list_that_knows_the_end_counts_and_then_the_one_that_says_more(
    tmp_path: Path,
) -> None:
    ended = {"status": "completed", "started_at": _AT, "ended_at": _LATER, "duration": 240}
    costs = {"total_cost": 0.5, "cost_currency": "USD"}
    one = OneTable(tmp_path)
    one.load(
        {
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
    )

    one.build()

    found = {row["call_id"]: (row["status"], row["source_table"]) for row in one.calls()}
    assert found == {
        "1": ("answered", "burki_calls"),
        "2": ("answered", "burki_call_list"),
        "3": ("answered", "burki_calls"),
        "a": ("answered", "anunzi_call_details"),
        "b": ("answered", "anunzi_call_details"),
        "x": ("answered", "twin24_incoming_calls"),
        "y": ("ongoing", "twin24_calls"),
    }
    assert {row["call_id"]: float(row["cost"]) for row in one.calls() if row["cost"]} == {"2": 0.5}
    assert [row["call_id"] for row in one.calls() if row["transcript_table"]] == ["a"]


def test_a_queue_entry_is_a_call_only_if_no_agent_took_it(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    one.load(
        {
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
                _talk("without a queue", queue=None),
            ],
            "videsk_recordings": [
                {"id": "r2", "call": "call", "created_at": _LATER},
                {"id": "r1", "call": "call", "created_at": _AT},
                {"id": "r3", "call": None, "appointment": "x", "created_at": _AT},
            ],
        }
    )

    one.build()

    columns = ("status", "direction", "waited_seconds", "recording")
    assert {row["call_id"]: tuple(row[name] for name in columns) for row in one.calls()} == {
        "call": ("answered", "inbound", 30, "r1, r2"),
        "passed on": ("answered", "inbound", 30, None),
        "late flag": ("answered", "inbound", 30, None),
        "without a queue": ("answered", None, None, None),
        "given up": ("abandoned", "inbound", 30, None),
    }


def _words(table: dict[str, Any]) -> dict[Any, str]:
    """What each word means."""
    return {
        word: status
        for status, words in table.items()
        for word in (words.split() if isinstance(words, str) else words)
    }


def _anunzi(word: str, prefix: str = "") -> dict[str, Any]:
    status, _, reason = word.partition("/")
    return {"call_id": prefix + word, "call_status": status, "disconnection_reason": reason or None}


def _wait(name: str, *, over: bool = True, **flags: bool | None) -> dict[str, Any]:
    times = {"start_time": _AT, "end_time": _AT if over else None, "duration": 0.5}
    return {"id": name, **times, "assigned": False, **flags}


def _talk(name: str, queue: str | None) -> dict[str, Any]:
    return {"id": name, "start_time": _AT, "end_time": _LATER, "duration": 4, "queue": queue}
