"""Column names."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+")


def snake_case(name: str) -> str:
    """Convert a provider's name, such as `aiCallLlmTotalCost`, `Started At` or `call_id`."""
    return "_".join(_WORD.findall(name)).lower()
