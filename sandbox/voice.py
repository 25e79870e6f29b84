"""The nested parts of a voice bot's calls: latencies, costs, tokens, analyses, what was said.

Calls pick from pools of these: inventing each anew would be slow.
"""

from __future__ import annotations

import json
import random
from typing import Any

from .invent import below, pick

Part = dict[str, Any]

_rng = random.Random(2024)
_POOL = range(128)
_SAID = ("Hola, ¿en qué puedo ayudar?", "Quiero cambiar mi cita.", "Claro, ¿para cuándo?")


def _latencies() -> Part:
    """Milliseconds of each component, with every measured value."""
    names = ["e2e", "llm", "tts", "asr"] + (["knowledge_base"] if _rng.random() < 0.3 else [])
    turns = 3 + below(_rng, 9)
    latencies = {}
    for name in names:
        measured = [round(200 + _rng.expovariate(1 / 500), 2) for _ in range(turns)]
        ranked = sorted(measured)
        picked = {f"p{p}": ranked[min(turns - 1, turns * p // 100)] for p in (50, 90, 95, 99)}
        ends = {"max": ranked[-1], "min": ranked[0], "num": turns}
        latencies[name] = {**picked, **ends, "values": measured}
    return latencies


def _cost() -> Part:
    seconds = 20 + below(_rng, 400)
    products: list[Part] = [
        {"product": "elevenlabs_tts", "unit_price": 0.1166667, "cost": round(seconds * 0.1167, 4)},
        {"product": "gpt_4o", "unit_price": 0.0833333, "cost": round(seconds * 0.0833, 4)},
    ]
    if _rng.random() < 0.3:
        products.append({"product": "twilio", "cost": 1.5, "is_transfer_leg_cost": True})
    return {
        "product_costs": products,
        "combined_cost": round(sum(item["cost"] for item in products), 4),
        "total_duration_seconds": seconds,
        "total_duration_unit_price": 0.2,
    }


def _tokens() -> Part:
    values = [1500 + below(_rng, 2500) for _ in range(2 + below(_rng, 8))]
    return {"average": sum(values) / len(values), "num_requests": len(values), "values": values}


def _analysis() -> Part:
    return {
        "call_summary": "La persona llamó para cambiar su cita; el agente ofreció dos horas, "
        "confirmó la del jueves y envió un mensaje con la dirección.",
        "in_voicemail": _rng.random() < 0.1,
        "user_sentiment": pick(_rng, ("Positive", "Neutral", "Negative", "Unknown")),
        "call_successful": _rng.random() < 0.8,
        "custom_analysis_data": {
            "¿Desea ser contactado?": _rng.random() < 0.5,
            "motivo de la llamada": "cambio de cita",
            "puntaje": below(_rng, 10),
        },
    }


def _variables() -> Part:
    return {
        "nombre": pick(_rng, ("Ana", "Luis", "Zoë", "Ángel")),
        "campaña": f"reactivacion-{1 + below(_rng, 12)}",
        "saldo": str(below(_rng, 90_000)),
    }


LATENCIES = [_latencies() for _ in _POOL]
COSTS = [_cost() for _ in _POOL]
TOKENS = [_tokens() for _ in _POOL]
ANALYSES = [_analysis() for _ in _POOL]
METADATA = [
    None if n % 4 == 0 else {"customer_id": f"c-{n * 71}", "origin": {"crm": True}} for n in _POOL
]
VARIABLES = [_variables() for _ in _POOL]


def transcripts(record: Part) -> Part:
    """What was said and done in a Retell call that started, made from its id alone."""
    call_id = record["call_id"]
    said, done = [], []
    if record.get("start_timestamp") is not None:
        said, done = _utterances(random.Random(call_id)), _tool_calls(f"tools:{call_id}")
    return {
        "transcript": "".join(f"{item['role'].title()}: {item['content']}\n" for item in said),
        "transcript_object": said,
        "transcript_with_tool_calls": [*said[:2], *done, *said[2:]],
    }


def _utterances(rng: random.Random) -> list[Part]:
    turns = [_SAID[turn % len(_SAID)] for turn in range(2 + below(rng, 6))]
    return [
        {
            "role": "user" if turn % 2 else "agent",
            "content": said,
            "words": [{"word": said, "start": 2.5 * turn, "end": 2.5 * turn + 2}],
        }
        for turn, said in enumerate(turns)
    ]


def _tool_calls(seed: str) -> list[Part]:
    """What the agent did: in one call of three it did something."""
    rng = random.Random(seed)
    if rng.random() > 1 / 3:
        return []
    name = f"tool_call_{rng.getrandbits(32):08x}"
    arguments = json.dumps({"día": "jueves", "hora": 9 + below(rng, 9)})
    asked = {"role": "tool_call_invocation", "tool_call_id": name, "name": "buscar_hora"}
    answered = {"role": "tool_call_result", "tool_call_id": name, "content": '{"libre": true}'}
    return [{**asked, "arguments": arguments}, {**answered, "successful": rng.random() < 0.9}]
