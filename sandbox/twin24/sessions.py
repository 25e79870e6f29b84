"""Invented incoming call sessions of Twin24."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..instants import SECOND, text
from ..parts import compact
from ..traffic import hex_text, phone
from .fields import columns_of, uuid

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ..table import Record

FIELDS = [
    "callId",
    "startedAt",
    "number",
    "callingNumber",
    "regionName",
    "timezone",
    "duration",
    "totalCost",
    "recordPath",
    "messagesAsString",
    "resultsString",
    "emotion",
    "robotCallDuration",
    "robotCallTotalCost",
    "hungUpBy",
    "gender",
    "nps",
    "isAssistantRequest",
    "markers",
    "externalId",
    "additional",
    "currentStatusName",
    "mainCallCost",
    "mainCallDiscount",
    "mainCallDuration",
    "mainCallTotalCost",
    "aiCallDuration",
    "aiCallTotalCost",
    "aiCallCost",
    "aiCallLlmTotalCost",
    "aiCallTtsTotalCost",
    "aiCallSttTotalCost",
    "autoCallCost",
    "autoCallDiscount",
    "autoCallDuration",
    "autoCallTotalCost",
    "robotCallCost",
    "robotCallDiscount",
    "transferCallCost",
    "transferCallDiscount",
    "transferCallDuration",
    "transferCallTotalCost",
    "companyId",
    "allResults",
    "depersonalized",
]
#: Our column of each field.
COLUMNS = columns_of(FIELDS)
#: Fields that may hold an object or a list; records hold it as compact JSON text.
OPEN_SHAPES = ("markers", "additional", "all_results")
_OPEN_STATUSES = ("DIAL", "INPROGRESS")
_UNANSWERED = ("NOANSWER", "BUSY", "CANCEL", "FAILED")
_LINES = ("+15555550100", "+15555550101", "+15555550102")
_REGIONS = ("Norte", "Región Metropolitana", "Biobío", None)
_FAILED = 0.08


_BLANK: Record = dict.fromkeys(COLUMNS.values())
_RESULTS = [compact({"resultado": "turno", "intentos": number}) for number in range(11)]
_ALL_RESULTS = [compact({"turno": {"día": "jueves", "confirmado": yes}}) for yes in (False, True)]
_MARKERS = compact(["nuevo", "turno"])
_NO_LEGS = {
    f"{leg}_call_{price}": 0
    for leg in ("main", "auto", "robot", "transfer")
    for price in ("cost", "discount", "total_cost")
}
_ADDITIONAL = compact({"origen": "línea 2"})


def is_open(record: Record) -> bool:
    """Whether the call is still going on."""
    return record["current_status_name"] in _OPEN_STATUSES


def maker(
    companies: Callable[[], Sequence[int]],
) -> Callable[[random.Random, datetime, datetime | None, int], Record]:
    """How to make calls of these companies; they are looked up for each call."""

    def make(rng: random.Random, at: datetime, end: datetime | None, _number: int) -> Record:
        known = companies()
        record = _begun(rng, at, known[int(rng.random() * len(known))])
        seconds = 1 + int(rng.expovariate(1 / 150))
        if rng.random() < _FAILED:
            status = _UNANSWERED[int(rng.random() * len(_UNANSWERED))]
            record.update({"current_status_name": status, "duration": 0, "total_cost": 0})
        elif end is None or at + seconds * SECOND <= end:
            record.update(_ended(rng, seconds))
            if end is None or rng.random() < 0.97:
                record.update(_billed(rng, record))
        return record

    return make


def mature(rng: random.Random, record: Record) -> Record:
    """What comes later: the end, the bill with the recording, and at last depersonalisation."""
    if is_open(record):
        ended = _ended(rng, 20 + int(rng.expovariate(1 / 150)))
        return {**ended, **_billed(rng, {**record, **ended})}
    if record["duration"] and record["record_path"] is None and not record["depersonalized"]:
        return _billed(rng, record)
    return {
        "depersonalized": True,
        "record_path": None,
        "messages_as_string": None,
        "calling_number": None,
    }


def _begun(rng: random.Random, at: datetime, company: int) -> Record:
    record = dict(_BLANK)
    record.update(
        {
            "call_id": uuid(rng),
            "started_at": text(at),
            "number": _LINES[int(rng.random() * len(_LINES))],
            "calling_number": phone(rng),
            "region_name": _REGIONS[int(rng.random() * len(_REGIONS))],
            "timezone": -10_800 if rng.random() < 0.8 else -14_400,
            "current_status_name": _OPEN_STATUSES[int(rng.random() * 2)],
            "external_id": hex_text(rng, 8) if rng.random() < 0.3 else None,
            "is_assistant_request": rng.random() < 0.1,
            "depersonalized": False,
            "company_id": company,
        }
    )
    return record


def _ended(rng: random.Random, seconds: int) -> Record:
    robot = 1 + int(rng.random() * seconds)
    chance = rng.random()
    stars = int(rng.random() * 11)
    return {
        "current_status_name": "ANSWERED",
        "duration": seconds,
        "messages_as_string": "Robot: Hola, ¿en qué puedo ayudar?\nCliente: Quiero un turno.",
        "results_string": _RESULTS[stars],
        "all_results": _ALL_RESULTS[chance < 0.5],
        "markers": _MARKERS if chance < 0.4 else None,
        "additional": "canal=web" if chance < 0.2 else _ADDITIONAL,
        "emotion": ("neutral", "positive", "negative")[int(rng.random() * 3)],
        "gender": ("female", "male", "unknown")[int(rng.random() * 3)],
        "nps": str(stars) if chance < 0.3 else None,
        "hung_up_by": "client" if chance < 0.7 else "robot",
        "main_call_duration": seconds,
        "robot_call_duration": robot,
        "ai_call_duration": robot,
        "auto_call_duration": 0,
        "transfer_call_duration": seconds - robot,
    }


def _billed(rng: random.Random, record: Record) -> Record:
    """Prices of every leg; the parts of the AI leg add up to its total."""
    seconds = int(record["duration"])
    llm, tts, stt = (round(rng.random() * seconds / 900, 4) for _ in range(3))
    ai = round(llm + tts + stt, 4)
    robot = round(int(record["robot_call_duration"]) * 0.02, 4)
    transfer = round(int(record["transfer_call_duration"]) * 0.01, 4)
    return {
        **_NO_LEGS,
        "record_path": f"https://records.example.com/{record['call_id']}.mp3",
        "ai_call_cost": 0.5,
        "ai_call_llm_total_cost": llm,
        "ai_call_tts_total_cost": tts,
        "ai_call_stt_total_cost": stt,
        "ai_call_total_cost": ai,
        "robot_call_cost": 1.2,
        "robot_call_total_cost": robot,
        "transfer_call_cost": 0.6,
        "transfer_call_discount": 0.1 if transfer > 1 else 0,
        "transfer_call_total_cost": transfer,
        "total_cost": round(ai + robot + transfer, 4),
    }
