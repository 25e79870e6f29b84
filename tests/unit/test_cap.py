"""What the lengths of responses say of the cap on them."""

from __future__ import annotations

import doctest

import pytest

import tap_callexports.cap
from tap_callexports.cap import SUSPICIOUS_ROWS, TRUSTED_ROWS, Cap, looks_like_a_cap


@pytest.mark.parametrize(
    ("longest", "rows", "limit", "complete"),
    [
        (0, 0, 5000, True),
        (0, TRUSTED_ROWS, 5000, False),
        (0, TRUSTED_ROWS + 1, 5000, False),
        # A server that sent 1,200 rows does not cut at 1,199.
        (1200, 1199, 5000, True),
        (1200, 1200, 5000, False),
        (1200, 1201, 5000, False),
        # Lengths that look like a cap: a round one, and one that was the longest before.
        (0, SUSPICIOUS_ROWS, 5000, False),
        (0, 50, 5000, True),
        (0, 450, 5000, False),
        (451, 450, 5000, True),
        (451, 451, 5000, False),
        (SUSPICIOUS_ROWS - 1, SUSPICIOUS_ROWS - 1, 5000, True),
        # The limit may become lower from one response to the next.
        (5000, 300, 300, False),
    ],
)
def test_a_response_is_complete_if_no_cap_can_have_cut_it(
    longest: int, rows: int, limit: int, *, complete: bool
) -> None:
    assert Cap(5000, longest).is_complete(rows, limit) is complete


@pytest.mark.parametrize(
    ("limit", "responses", "fitting", "wanted"),
    [
        # Short responses say nothing of the cap, so more rows are requested until it is known.
        (5000, [1], TRUSTED_ROWS, 4 * TRUSTED_ROWS),
        (5000, [1800], 1800, 7200),
        (5000, [1800, 5000], 5000, 5000),
        (5000, [6000], 5000, 5000),
        (300, [40], 300, 1200),
        # A longest length that comes twice is taken for a hidden cap until one is longer.
        (100_000, [3001, 3001], 3001, 3001),
        (100_000, [3001, 3001, 3002], 3002, 4 * 3002),
    ],
)
def test_more_rows_are_requested_until_the_cap_is_known(
    limit: int, responses: list[int], fitting: int, wanted: int
) -> None:
    cap = Cap(limit)
    for rows in responses:
        cap.is_complete(rows, limit)
    assert (cap.fitting, cap.wanted) == (fitting, wanted)


def test_round_lengths_look_like_a_cap() -> None:
    assert [rows for rows in range(120) if looks_like_a_cap(rows)] == [50, 100]


def test_no_more_rows_are_requested_once_a_range_was_too_large_for_the_server() -> None:
    cap = Cap(100_000)
    cap.is_complete(3000, 100_000)
    cap.note_overload()
    assert cap.wanted == cap.fitting == 3000


def test_what_others_learned_is_added_whichever_was_first() -> None:
    first = Cap(5000, 5000, 4000)
    first.learn(Cap(7000, 1200, 5000))
    assert first == Cap(7000, 5000, 5000)


def test_the_worked_examples_are_right() -> None:
    result = doctest.testmod(tap_callexports.cap)
    assert result.attempted > result.failed == 0
