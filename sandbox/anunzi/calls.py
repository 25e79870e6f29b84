"""Invented Anunzi calls: wide, nested, and filled in little by little."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import parse, text
from ..traffic import hex_text, phone
from .parts import ANALYSES, COSTS, LATENCIES, METADATA, TOKENS, VARIABLES

if TYPE_CHECKING:
    import random

    from ..table import Record

AGENTS = ("agent_6f1c2d9e40", "agent_0b7a35c8d1", "agent_e92d4471fa", "agent_51c8aa03be")
_AGENT_NAMES = ("Reactivación", "Cobranza", "Agenda médica", "Encuesta de salida")
_ENDINGS = ("user_hangup", "agent_hangup", "call_transfer", "inactivity", "voicemail_reached")
_NO_CONNECTION = (
    ("not_connected", "dial_no_answer"),
    ("not_connected", "dial_busy"),
    ("not_connected", "dial_failed"),
    ("not_connected", "invalid_destination"),
    ("error", "concurrency_limit_reached"),
    ("error", "no_valid_payment"),
    ("ended", "error_user_not_joined"),
    ("registered", "registered_call_timeout"),
)
#: Reasons that a call has only if it never started, whatever its status is.
NEVER_STARTED = frozenset(
    {
        "dial_busy",
        "dial_failed",
        "dial_no_answer",
        "invalid_destination",
        "telephony_provider_permission_denied",
        "telephony_provider_unavailable",
        "sip_routing_error",
        "marked_as_spam",
        "network_blocked",
        "user_declined",
        "concurrency_limit_reached",
        "no_concurrency_fallback",
        "no_valid_payment",
        "credit_exhausted",
        "budget_reached",
        "scam_detected",
        "error_user_not_joined",
        "registered_call_timeout",
    }
)
_STORAGE = ("everything", "everything_except_pii", "basic_attributes_only", None)
_UNSTARTED = 0.06
_ERROR = 0.02
_ANALYSIS_DELAY = timedelta(minutes=10)


def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
    """A call of `at`; beyond `end` it is still going on, and shortly before not yet analysed."""
    record = _registered(rng, at)
    if end is not None and rng.random() < _UNSTARTED:
        record.update(_never_connected(rng))
        return record
    millis = 2_000 + int(rng.expovariate(1 / 150_000))
    over = at + timedelta(milliseconds=millis)
    if end is None or over <= end:
        record.update(_ended(rng, at, millis))
        if end is None or over + _ANALYSIS_DELAY <= end:
            record.update(_analysed(rng))
    return record


def mature(rng: random.Random, record: Record) -> Record:
    """What comes later: the end, then cost and analysis, then an edit of the metadata."""
    if record["call_status"] == "ongoing":
        millis = 30_000 + int(rng.expovariate(1 / 150_000))
        started = parse(record["start_timestamp"])
        return {**_ended(rng, started, millis), **_analysed(rng)}
    if record["call_status"] == "ended" and record.get("call_analysis") is None:
        return _analysed(rng)
    return {"metadata": {"customer_id": f"c-{hex_text(rng, 6)}", "reviewed": True}}


def _registered(rng: random.Random, at: datetime) -> Record:
    agent = int(rng.random() * len(AGENTS))
    web = rng.random() < 0.2
    record: Record = {
        "call_id": "call_" + hex_text(rng, 27),
        "call_type": "web_call" if web else "phone_call",
        "agent_id": AGENTS[agent],
        "agent_version": int(rng.random() * 4),
        "agent_name": _AGENT_NAMES[agent],
        "agent_tag": "prod" if rng.random() < 0.3 else None,
        "call_status": "ongoing",
        "start_timestamp": text(at),
        "metadata": METADATA[int(rng.random() * len(METADATA))],
        "retell_llm_dynamic_variables": VARIABLES[int(rng.random() * len(VARIABLES))],
        "data_storage_setting": _STORAGE[int(rng.random() * len(_STORAGE))],
        "opt_in_signed_url": False,
    }
    if not web:
        record["direction"] = "inbound" if rng.random() < 0.4 else "outbound"
        record["from_number"] = phone(rng)
        record["to_number"] = phone(rng)
        record["telephony_identifier"] = {"twilio_call_sid": "CA" + hex_text(rng, 32)}
        if rng.random() < 0.2:
            record["custom_sip_headers"] = {"X-Campaign": f"mayo-{int(rng.random() * 9)}"}
    return record


def _never_connected(rng: random.Random) -> Record:
    """Such a call has no start and no end, and a duration of 0."""
    status, reason = _NO_CONNECTION[int(rng.random() * len(_NO_CONNECTION))]
    return {
        "call_status": status,
        "start_timestamp": None,
        "duration_ms": 0,
        "disconnection_reason": reason,
        "call_cost": {"product_costs": [], "combined_cost": 0},
    }


def _ended(rng: random.Random, at: datetime, millis: int) -> Record:
    failed = rng.random() < _ERROR
    reason = _ENDINGS[int(rng.random() * len(_ENDINGS))]
    ended = at + timedelta(milliseconds=millis)
    recording = f"https://recordings.example.com/{hex_text(rng, 16)}"
    columns: Record = {
        "call_status": "error" if failed else "ended",
        "end_timestamp": text(ended),
        "duration_ms": millis,
        "disconnection_reason": "error_llm_websocket_open" if failed else reason,
        "collected_dynamic_variables": {"fecha": "jueves", "intentos": "2"},
        "recording_url": f"{recording}/recording.wav",
        "recording_multi_channel_url": f"{recording}/multichannel.wav",
        "public_log_url": f"{recording}/public.log",
        "latency": LATENCIES[int(rng.random() * len(LATENCIES))],
        "llm_token_usage": TOKENS[int(rng.random() * len(TOKENS))],
    }
    if reason == "call_transfer" and not failed:
        columns["transfer_destination"] = phone(rng)
        columns["transfer_end_timestamp"] = text(ended + timedelta(seconds=40))
    return columns


def _analysed(rng: random.Random) -> Record:
    return {
        "call_cost": COSTS[int(rng.random() * len(COSTS))],
        "call_analysis": ANALYSES[int(rng.random() * len(ANALYSES))],
    }
