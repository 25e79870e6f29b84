"""The nested parts of a call. A call picks from these: inventing each anew would be slow."""

from __future__ import annotations

import random
from typing import Any

Part = dict[str, Any]

_rng = random.Random(2024)
_POOL = 128


def _latency(values: int) -> Part:
    """One latency object: milliseconds, with every measured value."""
    measured = [round(200 + _rng.expovariate(1 / 500), 2) for _ in range(values)]
    ranked = sorted(measured)
    picked = {f"p{p}": ranked[min(values - 1, values * p // 100)] for p in (50, 90, 95, 99)}
    return {**picked, "max": ranked[-1], "min": ranked[0], "num": values, "values": measured}


def _latencies() -> Part:
    names = ["e2e", "llm", "tts", "asr"] + (["knowledge_base"] if _rng.random() < 0.3 else [])
    turns = 3 + int(_rng.random() * 9)
    return {name: _latency(turns) for name in names}


def _cost() -> Part:
    seconds = 20 + int(_rng.random() * 400)
    products = [
        {"product": "elevenlabs_tts", "unit_price": 0.1166667, "cost": round(seconds * 0.1167, 4)},
        {"product": "gpt_4o", "unit_price": 0.0833333, "cost": round(seconds * 0.0833, 4)},
    ]
    if _rng.random() < 0.3:
        products.append({"product": "twilio", "cost": 1.5, "is_transfer_leg_cost": True})
    return {
        "product_costs": products,
        "combined_cost": round(sum(float(str(item["cost"])) for item in products), 4),
        "total_duration_seconds": seconds,
        "total_duration_unit_price": 0.2,
    }


def _tokens() -> Part:
    values = [1500 + int(_rng.random() * 2500) for _ in range(2 + int(_rng.random() * 8))]
    return {"average": sum(values) / len(values), "num_requests": len(values), "values": values}


def _analysis() -> Part:
    feeling = ("Positive", "Neutral", "Negative", "Unknown")[int(_rng.random() * 4)]
    return {
        "call_summary": "La persona llamó para cambiar su cita; el agente ofreció dos horas, "
        "confirmó la del jueves y envió un mensaje con la dirección.",
        "in_voicemail": _rng.random() < 0.1,
        "user_sentiment": feeling,
        "call_successful": _rng.random() < 0.8,
        "custom_analysis_data": {
            "¿Desea ser contactado?": _rng.random() < 0.5,
            "motivo de la llamada": "cambio de cita",
            "puntaje": int(_rng.random() * 10),
        },
    }


def _metadata() -> Part | None:
    number = int(_rng.random() * 10_000)
    return None if number % 4 == 0 else {"customer_id": f"c-{number}", "origin": {"crm": True}}


def _variables() -> Part:
    return {
        "nombre": ("Ana", "Luis", "Zoë", "Ángel")[int(_rng.random() * 4)],
        "campaña": f"reactivacion-{1 + int(_rng.random() * 12)}",
        "saldo": str(int(_rng.random() * 90_000)),
    }


LATENCIES = [_latencies() for _ in range(_POOL)]
COSTS = [_cost() for _ in range(_POOL)]
TOKENS = [_tokens() for _ in range(_POOL)]
ANALYSES = [_analysis() for _ in range(_POOL)]
METADATA = [_metadata() for _ in range(_POOL)]
VARIABLES = [_variables() for _ in range(_POOL)]
