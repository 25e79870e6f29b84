"""The rows of a plan as the bytes a server sends. Encoded once: serving them costs next to nothing.

The long parts of a nested call are a pool that rows share.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from benchmarks.plan import EPOCH, MILLISECOND, SECOND_MS
from sandbox.invent import hex_text, phone
from sandbox.voice import ANALYSES, COSTS, LATENCIES, METADATA, TOKENS, VARIABLES

if TYPE_CHECKING:
    from benchmarks.plan import Plan

#: How many different tails nested calls have.
_POOL = 997
_MOST_TURNS = 9
_LATENCIES = [one for one in LATENCIES if one["e2e"]["num"] <= _MOST_TURNS]
CSV_HEADER = (
    b"Call ID,Call SID,Assistant Name,Customer Phone,Status,Duration (seconds),Started At,Ended At"
    b"\r\n"
)
_CSV_FORM = '%d,%s,"%s",%s,%s,%d,%s,%s\r\n'
_JSON_FORM = """  {
    "id": %d,
    "call_sid": "%s",
    "assistant_name": "%s",
    "customer_phone_number": "%s",
    "status": "%s",
    "duration": %d,
    "started_at": "%s",
    "ended_at": "%s"
  }"""
VIDESK_COLUMNS = (
    "id",
    "segment",
    "agent",
    "startTime",
    "endTime",
    "duration",
    "survey",
    "extraData",
    "customerLeave",
    "transferredAgent",
    "transferredSegment",
    "queue",
    "surveyId",
    "agentForm",
    "baseForm",
    "After Call Work (ACW)",
    "Effective Duration",
    "tags",
    "comments",
)


def anunzi_rows(plan: Plan) -> list[tuple[bytes, bytes]]:
    """Every call as what is its own, and what it shares with others."""
    rng = random.Random(1)
    tails = [_tail(rng) for _ in range(_POOL)]
    return [
        (
            b'{"call_id":"%s","start_timestamp":%d,"end_timestamp":%d,'
            % (str(plan.id_of(number, time)).encode(), time, time + _millis(number)),
            tails[number % _POOL],
        )
        for number, time in enumerate(plan.times())
    ]


def burki_rows(plan: Plan, *, as_csv: bool) -> list[bytes]:
    """Every call as a line of CSV, or an indented object."""
    form = _CSV_FORM if as_csv else _JSON_FORM
    return [
        (form % _burki(plan, number, time)).encode() for number, time in enumerate(plan.times())
    ]


def videsk_rows(plan: Plan) -> list[bytes]:
    """Every call as an object, keyed by column id."""
    return [
        json.dumps(_videsk(plan, number, time), separators=(",", ":")).encode()
        for number, time in enumerate(plan.times())
    ]


def _millis(number: int) -> int:
    """How long a call took."""
    return 3_000 + number * 7919 % 600_000


def _tail(rng: random.Random) -> bytes:
    """A nested call of about 2.2 KB but for its id and times, without the opening brace."""
    seconds = 20 + rng.randrange(400)
    recording = f"https://recordings.example.com/{hex_text(rng, 24)}"
    tail = {
        "call_type": "phone_call",
        "agent_id": f"agent_{hex_text(rng, 26)}",
        "agent_version": rng.randrange(9),
        "agent_name": "Agenda médica",
        "agent_tag": rng.choice(["prod", None]),
        "call_status": "ended",
        "direction": "inbound",
        "from_number": phone(rng),
        "to_number": phone(rng),
        "telephony_identifier": {"twilio_call_sid": "CA" + hex_text(rng, 32)},
        "duration_ms": seconds * SECOND_MS,
        "disconnection_reason": "user_hangup",
        "metadata": rng.choice(METADATA),
        "retell_llm_dynamic_variables": rng.choice(VARIABLES),
        "collected_dynamic_variables": {"fecha": "jueves", "intentos": "2"},
        "data_storage_setting": "everything",
        "opt_in_signed_url": False,
        "recording_url": f"{recording}/recording.wav",
        "recording_multi_channel_url": f"{recording}/multichannel.wav",
        "public_log_url": f"{recording}/public.log",
        "latency": rng.choice(_LATENCIES),
        "call_cost": rng.choice(COSTS),
        "llm_token_usage": rng.choice(TOKENS),
        "call_analysis": rng.choice(ANALYSES),
    }
    text = json.dumps(tail, ensure_ascii=False, separators=(",", ":"))
    return text.removeprefix("{").encode()


def _burki(plan: Plan, number: int, time: int) -> tuple[object, ...]:
    seconds = _millis(number) // SECOND_MS
    return (
        plan.id_of(number, time),
        f"CA{number * 2654435761 % 2**64:032x}",
        ("Support Bot", "Ventas, region sur", "Cobranza")[number % 3],
        f"+155555501{number % 100:02d}",
        "completed",
        seconds,
        _naive(time),
        _naive(time + seconds * SECOND_MS),
    )


def _videsk(plan: Plan, number: int, time: int) -> dict[str, object]:
    millis = _millis(number)
    ended = _clock(time + millis)
    made = f"{time // SECOND_MS:08x}"
    values: tuple[object, ...] = (
        plan.id_of(number, time),
        ("Ventas", "Soporte", "Atención")[number % 3],
        f"agent{number % 20}@example.com",
        _clock(time),
        ended,
        round(millis / 60_000, 3),
        None,
        f"{made}aa{number:014x}",
        ended if number % 5 < 3 else None,
        number % 20 == 0,
        number % 33 == 0,
        f"{made}bb{number:014x}",
        f"{made}cc{number:014x}" if number % 4 == 0 else None,
        f"{made}dd{number:014x}" if number % 3 == 0 else None,
        f"{made}ee{number:014x}" if number % 5 < 2 else None,
        0 if number % 10 < 7 else round(number % 4000 / 1000, 3),
        millis / 60_000 + 0.0001,
        [f"{n:024x}" for n in range(number % 3)] or "",
        f"{made}ff{number:014x}" if number % 5 == 1 else None,
    )
    return dict(zip(VIDESK_COLUMNS, values, strict=True))


def _naive(time: int) -> str:
    """UTC without a mark, to the microsecond."""
    instant = EPOCH + time * MILLISECOND
    return instant.replace(tzinfo=None).isoformat(timespec="microseconds")


def _clock(time: int) -> str:
    """UTC as Videsk shows it, to the second."""
    return (EPOCH + time * MILLISECOND).strftime("%Y-%m-%d %H:%M:%S")
