"""The two dialects of a filter: Anunzi's page and Retell's own. Pure; knows no field.

https://doc.anunzi.net/api-calls/listar-llamadas, https://docs.retellai.com/api-references/list-calls
"""

from __future__ import annotations

from typing import Any

#: Value of `filter_dialect`; any other is Anunzi's.
RETELL = "retell"


def between(dialect: str, low: int, high: int) -> dict[str, Any]:
    """The filter of a number from `low` to `high`; whether the ends pass is not documented.

    Args:
        dialect: Value of `filter_dialect`, as below.
        low: Epoch ms, where the field is a time.
        high: The same.
    """
    if dialect == RETELL:
        return {"type": "range", "op": "bt", "value": [low, high]}
    return {"operator": "bt", "low_threshold": low, "high_threshold": high}


def equals(dialect: str, value: str) -> dict[str, Any]:
    """The filter of an enumeration that has this value."""
    if dialect == RETELL:
        return {"type": "enum", "op": "in", "value": [value]}
    return {"operator": "eq", "value": value}


def admits(condition: object, value: str) -> bool | None:
    """Whether an enumeration with this value passes a user's condition, in either dialect.

    Returns:
        None where the condition is of a form that is not known.
    """
    if not isinstance(condition, dict):
        return None
    verb, operand = condition.get("operator", condition.get("op")), condition.get("value")
    values = operand if isinstance(operand, list) else [operand]
    if verb in {"eq", "in"}:
        return value in values
    return value not in values if verb == "ne" else None


def other(dialect: str) -> str:
    """The dialect to try when this one is refused."""
    return "anunzi" if dialect == RETELL else RETELL
