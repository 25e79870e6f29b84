"""JSON texts are repaired as their decoded values would be."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from json_texts import VALUES, text_of

from tap_callexports.records.repair import repaired


def value_of(value: Any, counts: Counter[str]) -> Any:
    """A decoded value as it should be repaired; objects are lists of pairs."""
    if isinstance(value, str):
        return text_of(value, counts)
    if isinstance(value, list):
        return [value_of(part, counts) for part in value]
    if isinstance(value, tuple):
        return tuple(value_of(part, counts) for part in value)
    return value


def decoded(text: bytes) -> Any:
    """A JSON text decoded as Python does, with objects as lists of pairs."""
    return json.loads(
        text.decode("utf-8"),
        strict=False,
        object_pairs_hook=lambda pairs: [tuple(p) for p in pairs],
    )


@settings(max_examples=300)
@given(VALUES)
def test_a_text_is_repaired_as_its_decoded_values_would_be(text: str) -> None:
    counts: Counter[str] = Counter()
    wanted = value_of(decoded(text.encode()), counts)
    body, counted = repaired(text.encode())
    assert decoded(body) == wanted
    assert counted == +counts
    if not +counts:
        assert body == text.encode()
