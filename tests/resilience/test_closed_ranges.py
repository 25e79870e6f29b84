"""A closed range gives the same records however it is read: again, in parts, with faults.

Rows whose time the provider's range is known to act on are in exactly one part. Others may also be
in a neighbour of their part, if they lie within a second of the cut. Streams without a time are
whole in every part.
"""

from __future__ import annotations

import pytest
from closed_ranges import run_closed_range
from expected_streams import BY_NAME

STREAMS = tuple(BY_NAME)
SEEDS, SLOW_SEEDS = 2, 40


def assert_equal(stream: str, seeds: range) -> None:
    for seed in seeds:
        report = run_closed_range(stream, seed)
        story = "\n".join([*report.story, *map(str, report.problems)])
        assert not report.problems, f"{stream} {seed}\n{story}"


@pytest.mark.parametrize("stream", STREAMS)
def test_a_closed_range_gives_the_same_records_however_it_is_read(stream: str) -> None:
    assert_equal(stream, range(SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SEEDS, SLOW_SEEDS, 10))
@pytest.mark.parametrize("stream", STREAMS)
def test_many_closed_ranges_give_the_same_records(stream: str, first: int) -> None:
    assert_equal(stream, range(first, min(first + 10, SLOW_SEEDS)))
