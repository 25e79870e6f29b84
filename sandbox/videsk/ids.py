"""Ids of Videsk, and the instants inside them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..instants import SECOND, UTC, floor, parse, text

if TYPE_CHECKING:
    import random

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")


def object_id(rng: random.Random, at: datetime) -> str:
    """An id whose first four bytes are the second it was made in."""
    return f"{int(at.timestamp()):08x}{rng.getrandbits(64):016x}"


def made_at(name: str, otherwise: str) -> datetime:
    """The second an id was made in; for what is no such id, the instant given as text."""
    if _OBJECT_ID.fullmatch(name):
        return datetime.fromtimestamp(int(name[:8], 16), UTC)
    return parse(otherwise)


def second(at: datetime) -> str:
    """An instant as a record shows it: Videsk knows whole seconds."""
    return text(floor(at, SECOND))


def names_in(value: Any) -> list[str]:  # noqa: ANN401 - one id, several, or none
    """The ids a column names."""
    if isinstance(value, list):
        return [str(name) for name in value]
    return [str(value)] if value else []
