"""The nested parts of a voice bot's calls: latencies, costs, tokens, analyses, what was said.

Calls pick from pools of these: inventing each anew would be slow.
"""

from __future__ import annotations

import json
import random
from typing import Any

from .invent import Tables, below

Part = dict[str, Any]

_TABLES = Tables("retell")
_SAID = ("Hola, ¿en qué puedo ayudar?", "Quiero cambiar mi cita.", "Claro, ¿para cuándo?")


def _latencies(rng: random.Random) -> Part:
    """Milliseconds of each component, with every measured value."""
    names = ["e2e", "llm", "tts", "asr"] + (["knowledge_base"] if rng.random() < 0.3 else [])
    turns = 3 + below(rng, 9)
    latencies = {}
    for name in names:
        measured = [round(200 + rng.expovariate(1 / 500), 2) for _ in range(turns)]
        ranked = sorted(measured)
        picked = {f"p{p}": ranked[min(turns - 1, turns * p // 100)] for p in (50, 90, 95, 99)}
        ends = {"max": ranked[-1], "min": ranked[0], "num": turns}
        latencies[name] = {**picked, **ends, "values": measured}
    return latencies


def _costs(rng: random.Random) -> Part:
    cost = _TABLES.columns("cost", rng)
    total = sum(item["cost"] for item in cost["product_costs"])
    return {**cost, "combined_cost": round(total, 4)}


def _tokens(rng: random.Random) -> Part:
    values = [1500 + below(rng, 2500) for _ in range(2 + below(rng, 8))]
    return {"average": sum(values) / len(values), "num_requests": len(values), "values": values}


_rng = random.Random(2024)
_POOL = range(128)
LATENCIES = [_latencies(_rng) for _ in _POOL]
COSTS = [_costs(_rng) for _ in _POOL]
TOKENS = [_tokens(_rng) for _ in _POOL]
ANALYSES = [_TABLES.columns("analysis", _rng) for _ in _POOL]
METADATA: list[Part | None] = [{"customer_id": f"c-{n}", "origin": {"crm": True}} for n in _POOL]
METADATA[::4] = [None for _ in METADATA[::4]]
VARIABLES = [_TABLES.columns("variables", _rng) for _ in _POOL]


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
