"""What is sent is counted where it belongs, and what is waited for can be said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from seam import fake_clock

from tap_callexports.http.traffic import (
    RATE_LIMIT,
    RECEIVING,
    RESPONSE,
    RETRY,
    Wait,
)


@pytest.mark.parametrize(
    ("doing", "tries", "until", "received", "said"),
    [
        (RATE_LIMIT, 0, None, None, "waiting for the rate limit: 30 s"),
        (RESPONSE, 2, None, None, "waiting for a response: 30 s, try 2"),
        (RETRY, 1, 112.4, None, "waiting to retry: 30 s, try 1, next in 12 s"),
        (RETRY, 1, 99.0, None, "waiting to retry: 30 s, try 1, next in 0 s"),
        (RECEIVING, 1, None, lambda: 3 << 19, "receiving a response: 30 s, try 1, 1.5 MiB so far"),
        (RECEIVING, 1, None, lambda: 0, "receiving a response: 30 s, try 1, 0.0 MiB so far"),
    ],
)
@fake_clock(monotonic=lambda: 100.0)
def test_a_wait_says_how_long_and_what_is_known_of_it(
    doing: str, tries: int, until: float | None, received: Callable[[], int] | None, said: str
) -> None:
    assert str(Wait(doing, tries, until, received, since=70.0)) == said
    named = Wait(RETRY, 3, 104.0, reason="api.example: name not found; try 3 of 8")
    assert str(named) == "api.example: name not found; try 3 of 8, next in 4 s"
