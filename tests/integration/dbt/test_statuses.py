"""Every status a provider documents has its place in the one vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from one_table import OneTable

pytestmark = pytest.mark.dbt

_AT = "2024-05-01T10:00:00.000000Z"

#: What the providers document, https://wiki.twin-ai.com/voice-bots/concepts/call-statuses for one.
TWIN24 = {
    "ANSWERED": "answered",
    "CANCEL": "abandoned",
    "NOANSWER": "no_answer",
    "BUSY": "no_answer",
    "UNAVAILABLE": "no_answer",
    "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
    "FAILED": "failed",
    "BLACKLIST": "failed",
    "INVALID": "failed",
    "EXPIRED": "failed",
    "REJECTED": "failed",
    "SCHEDULED": "ongoing",
    "DIAL": "ongoing",
    "INPROGRESS": "ongoing",
    # Listed, and not explained.
    "FZ230": "other",
    "EMPTY_AON": "other",
}
ANUNZI = {
    ("registered", None): "ongoing",
    ("ongoing", None): "ongoing",
    ("ended", "user_hangup"): "answered",
    ("ended", "voicemail_reached"): "answered",
    ("error", "error_asr"): "failed",
    ("not_connected", "dial_no_answer"): "no_answer",
    ("not_connected", "dial_busy"): "no_answer",
    ("not_connected", "user_declined"): "no_answer",
    ("not_connected", "a_reason_of_tomorrow"): "no_answer",
    ("not_connected", None): "no_answer",
    ("not_connected", "dial_failed"): "failed",
    ("not_connected", "invalid_destination"): "failed",
    ("not_connected", "telephony_provider_permission_denied"): "failed",
    ("not_connected", "telephony_provider_unavailable"): "failed",
    ("not_connected", "sip_routing_error"): "failed",
    ("not_connected", "marked_as_spam"): "failed",
    ("not_connected", "network_blocked"): "failed",
    ("not_connected", "scam_detected"): "failed",
    ("not_connected", "concurrency_limit_reached"): "failed",
    ("not_connected", "no_concurrency_fallback"): "failed",
    ("not_connected", "no_valid_payment"): "failed",
    ("not_connected", "credit_exhausted"): "failed",
    ("not_connected", "budget_reached"): "failed",
    ("not_connected", "error_retell"): "failed",
    ("a_status_of_tomorrow", None): "other",
}
#: Of calls without a start.
ANUNZI_UNSTARTED = {
    ("not_connected", "dial_busy"): "no_answer",
    ("error", "concurrency_limit_reached"): "failed",
    ("ended", "error_user_not_joined"): "failed",
    ("ended", "user_declined"): "no_answer",
    ("registered", "registered_call_timeout"): "no_answer",
}
BURKI = {
    "ongoing": "ongoing",
    "in-progress": "ongoing",
    "pending": "ongoing",
    "completed": "answered",
    "transferred": "answered",
    "failed": "failed",
    "COMPLETED": "other",
}
#: Of a queue entry: dismissed, canceled, whether it has ended; and the flag that is shown.
VIDESK = {
    (False, True, True): ("abandoned", "canceled"),
    (True, True, True): ("abandoned", "canceled"),
    (True, False, True): ("no_answer", "dismissed"),
    (False, False, False): ("ongoing", None),
    (None, None, False): ("ongoing", None),
    (False, False, True): ("other", None),
}
SENTIMENTS = {
    "Positive": "positive",
    "neutral": "neutral",
    "NEGATIVE": "negative",
    "Unknown": "unknown",
    "angry": "other",
    None: None,
}


def test_every_documented_status_has_its_place_and_others_are_warned_of(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    one.load(
        {
            "twin24_calls": [{"id": f"c-{word}", "status": word} for word in TWIN24],
            "twin24_incoming_calls": [
                {"call_id": f"i-{word}", "current_status_name": word} for word in TWIN24
            ],
            "anunzi_calls": [
                {"call_id": f"{word}/{why}", "call_status": word, "disconnection_reason": why}
                for word, why in ANUNZI
            ],
            "anunzi_unstarted_calls": [
                {"call_id": f"u-{word}/{why}", "call_status": word, "disconnection_reason": why}
                for word, why in ANUNZI_UNSTARTED
            ],
            "burki_calls": [{"id": number, "status": word} for number, word in enumerate(BURKI)],
            "videsk_queues": [_entry(*flags) for flags in VIDESK],
        }
    )

    outcome = one.dbt("build")

    assert outcome.code == 0, outcome.log
    assert outcome.warned == ("every_status_of_a_provider_is_known",)
    statuses = {(row["provider"], row["call_id"]): row["status"] for row in one.calls()}
    assert statuses == {
        **{("twin24", f"{list_}-{word}"): to for list_ in "ci" for word, to in TWIN24.items()},
        **{("anunzi", f"{word}/{why}"): to for (word, why), to in ANUNZI.items()},
        **{("anunzi", f"u-{word}/{why}"): to for (word, why), to in ANUNZI_UNSTARTED.items()},
        **{("burki", str(number)): to for number, to in enumerate(BURKI.values())},
        **{("videsk", _entry(*flags)["id"]): to for flags, (to, _) in VIDESK.items()},
    }
    raw = {row["call_id"]: row["raw_status"] for row in one.calls()}
    assert {_entry(*flags)["id"]: shown for flags, (_, shown) in VIDESK.items()}.items() <= (
        raw.items()
    )


def test_every_word_for_a_sentiment_has_its_place(tmp_path: Path) -> None:
    one = OneTable(tmp_path)
    one.load(
        {
            "videsk_calls": [{"id": str(word), "end_time": _AT} for word in SENTIMENTS],
            "videsk_ai_sentiments": [
                {"id": str(word), "entity_type": kind, "sentiment_text": text}
                for word in SENTIMENTS
                for kind, text in (("calls", word), ("appointments", "positive"))
            ],
            "anunzi_calls": [
                {
                    "call_id": str(word),
                    "call_status": "ended",
                    "call_analysis": {"user_sentiment": word},
                }
                for word in SENTIMENTS
            ],
            "twin24_incoming_calls": [
                {"call_id": str(word), "current_status_name": "ANSWERED", "emotion": word}
                for word in SENTIMENTS
            ],
        }
    )

    one.run()

    found = {(row["provider"], row["call_id"]): row["sentiment"] for row in one.calls()}
    assert found == {
        (provider, str(word)): ours
        for provider in ("videsk", "anunzi", "twin24")
        for word, ours in SENTIMENTS.items()
    }


def _entry(dismissed: bool | None, canceled: bool | None, over: bool) -> dict[str, Any]:  # noqa: FBT001 - flags are what it is about
    return {
        "id": f"{dismissed}/{canceled}/{over}",
        "start_time": _AT,
        "end_time": _AT if over else None,
        "dismissed": dismissed,
        "canceled": canceled,
        "assigned": False,
    }
