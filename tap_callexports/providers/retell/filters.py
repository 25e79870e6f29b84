"""Filters of the call list, in the dialects of Retell AI and of Anunzi.

https://docs.retellai.com/api-references/list-calls, https://doc.anunzi.net/api-calls/listar-llamadas
"""

from __future__ import annotations

from typing import Any

#: The dialects.
RETELL, ANUNZI = "retell", "anunzi"


def between(dialect: str, low: int, high: int) -> dict[str, Any]:
    """Filter a number (epoch ms for a time); whether `low` and `high` pass is not documented."""
    if dialect == RETELL:
        return {"type": "range", "op": "bt", "value": [low, high]}
    return {"operator": "bt", "low_threshold": low, "high_threshold": high}


def equals(dialect: str, value: str) -> dict[str, Any]:
    """Filter an enumeration by one value."""
    if dialect == RETELL:
        return {"type": "enum", "op": "in", "value": [value]}
    return {"operator": "eq", "value": value}


def admits(condition: object, value: str) -> bool | None:
    """Whether an enumeration value passes a user's condition; None for an unknown form."""
    if not isinstance(condition, dict):
        return None
    verb, operand = condition.get("operator", condition.get("op")), condition.get("value")
    values = operand if isinstance(operand, list) else [operand]
    if verb in {"eq", "in"}:
        return value in values
    return value not in values if verb == "ne" else None


def other(dialect: str) -> str:
    """The other dialect."""
    return ANUNZI if dialect == RETELL else RETELL
