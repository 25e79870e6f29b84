"""What the two lists of Twin24 have in common: how fields are called and shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..traffic import hex_text

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable


def columns_of(fields: Iterable[str]) -> dict[str, str]:
    """Our column of each field."""
    return {name: re.sub(r"([A-Z])", r"_\1", name).lower() for name in fields}


def uuid(rng: random.Random) -> str:
    """A random UUID."""
    digits = hex_text(rng, 30)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{digits[18:]}"
