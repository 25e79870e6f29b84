"""From providers' spellings to column names. Pure; knows no schema."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def snake_case(name: str) -> str:
    """`aiCallLlmTotalCost`, `Started At` and `call_id` as a column name."""
    return "_".join(_WORD.findall(name)).lower()
