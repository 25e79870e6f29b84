"""Small things that invented records are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from .http import Json

T = TypeVar("T")


def pick(rng: random.Random, choices: Sequence[T]) -> T:
    """One of them; quicker than `Random.choice`."""
    return choices[int(rng.random() * len(choices))]


def compact(value: object) -> str:
    """The form in which records hold values of unknown shape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def opened(value: Json) -> Json:
    """The reverse of `compact`; a text that is none of its objects and lists stays as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return value
