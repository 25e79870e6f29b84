"""What the one-call endpoint says of a call besides what the list says: what was spoken."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..table import Record

#: The columns the list does not have.
COLUMNS = ("transcript", "transcript_object", "transcript_with_tool_calls")
#: Calls in these states are not over.
UNFINISHED = ("registered", "ongoing")
_SAID = ("Hola, ¿en qué puedo ayudar?", "Quiero cambiar mi cita.", "Claro, ¿para cuándo?")


def listed(record: Record) -> Record:
    """A record as the list has it."""
    return {name: value for name, value in record.items() if name not in COLUMNS}


def detailed(record: Record) -> Record:
    """A record with its transcripts: those it was given, else made from the call id alone."""
    said = _utterances(record)
    lines = "".join(f"{item['role'].title()}: {item['content']}\n" for item in said)
    made = {
        "transcript": lines,
        "transcript_object": said,
        "transcript_with_tool_calls": _with_tools(record["call_id"], said),
    }
    return {**made, **record}


def _utterances(record: Record) -> list[Record]:
    rng = random.Random(record["call_id"])
    if record.get("start_timestamp") is None:
        return []
    return [
        {
            "role": "user" if turn % 2 else "agent",
            "content": _SAID[turn % len(_SAID)],
            "words": [
                {"word": _SAID[turn % len(_SAID)], "start": 2.5 * turn, "end": 2.5 * turn + 2}
            ],
        }
        for turn in range(2 + int(rng.random() * 6))
    ]


def _with_tools(call_id: str, said: list[Record]) -> list[Record]:
    """The same with what the agent did in between; in one call of three it did something."""
    rng = random.Random(f"tools:{call_id}")
    if not said or rng.random() > 1 / 3:
        return said
    name = f"tool_call_{rng.getrandbits(32):08x}"
    arguments = json.dumps({"día": "jueves", "hora": 9 + int(rng.random() * 9)})
    calls: list[Record] = [
        {
            "role": "tool_call_invocation",
            "tool_call_id": name,
            "name": "buscar_hora",
            "arguments": arguments,
        },
        {
            "role": "tool_call_result",
            "tool_call_id": name,
            "content": '{"libre": true}',
            "successful": rng.random() < 0.9,
        },
    ]
    return [*said[:2], *calls, *said[2:]]
