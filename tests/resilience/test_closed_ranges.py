"""A closed range gives the same records however it is read: again, in parts, with faults.

Rows whose time the provider's range is known to act on are in exactly one part. Others may also be
in a neighbour of their part, if they lie within a second of the cut. Streams without a time are
whole in every part.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from closed_ranges import (
    DAY,
    Account,
    Range,
    run_closed_range,
    slow_responses,
    written,
)
from expected_streams import BY_NAME, TIMED, entry_of
from inprocess import START, opened
from seam import limits

from sandbox.instants import MICROSECOND, MILLISECOND, SECOND, text

CUT = START + 2 * DAY
WHOLE = Range(START, START + 4 * DAY)
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


@pytest.mark.parametrize("stream", [name for name in TIMED if not BY_NAME[name].per_call])
def test_parts_share_what_lies_within_a_second_of_their_cut_and_no_more(stream: str) -> None:
    entry = entry_of(stream)
    before, behind = (timedelta(), -MICROSECOND) if entry.filtered_by else (SECOND, timedelta())
    steps = (3 * SECOND, SECOND + MILLISECOND, SECOND, MILLISECOND)
    times = {CUT, *(CUT - step for step in steps), *(CUT + step for step in steps)}
    with opened(entry.api, WHOLE.end) as place:
        place.api.of(stream).add_at(*times)
        place.clock.now += DAY
        settings = {entry.ahead: 0} if entry.ahead else {}
        account = Account(place, stream, WHOLE, settings)
        first = account.run(Range(START, CUT)).table(stream)
        second = account.run(Range(CUT, WHOLE.end)).table(stream)
    assert len(account.at) == len(times)
    shared = {account.at[key] for key in first.keys() & second.keys()}
    assert shared == {at for at in account.at.values() if CUT - before <= at <= CUT + behind}
    assert first.keys() | second.keys() == account.truth.keys()


@pytest.mark.parametrize("seed", range(2))
# Small numbers: responses of thousands of rows take long to make.
@limits(TRUSTED_ROWS=20, SUSPICIOUS_ROWS=10)
def test_what_one_worker_learns_of_the_cap_changes_no_byte_of_another_ones(seed: int) -> None:
    whole = Range(START, START + 40 * DAY)
    with opened("videsk", whole.end + DAY, seed=3, rows=700, window_rows=40) as place:
        place.options.cap = 45
        account = Account(place, "videsk_calls", whole, {"max_concurrency": 4})
        first = account.run(whole)
        assert len(first.states) > 10
        with slow_responses(seed, 0.01):
            assert written(account.run(whole)) == written(first)


@pytest.mark.parametrize("early", [True, False])
def test_a_range_is_closed_once_its_end_has_settled(early: bool) -> None:  # noqa: FBT001 - the case
    end = START + DAY
    with opened("burki", end + DAY - early * SECOND, rows=3) as place:
        settings = {**place.api.config(), "settle_minutes": 24 * 60}
        config = {"burki": settings, "start_date": text(START), "end_date": text(end)}
        ran = place.run(config, streams=("burki_calls", "burki_call_list"))
    assert ran.code == 0
    assert ran.bookmark("burki_calls") == text(end - early * SECOND)
    assert sum("is not closed" in line for line in ran.log) == early
