"""A range of time, cut anywhere and read in parts, comes to the whole.

Some cases here; as many as one likes with `make soak`. What holds of the streams:

- Whose rows show the column that the provider's range acts on: every record is in one part, the one
  its time is in.
- The others: every record is in the part it is placed in. It is in a neighbour, too, if it lies by
  their cut: at Videsk no more than a second before it, on the cut, or in its millisecond; at Twin24
  no further than the second before that of the cut, and the second of the cut.
- `anunzi_unstarted_calls` has no time: every part holds all of it. So do parts of another stream
  where the server sends rows without a time whatever it is asked for. Where it places them by a
  time that they do not show, they are as those of the second kind.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from inprocess import opened
from one_stream import options
from partitions import KINDS, play
from standing import (
    DAY,
    MICROSECOND,
    MILLISECOND,
    SECOND,
    STREAMS,
    Range,
    Standing,
)

from sandbox.instants import UTC

#: Nothing is made smaller: that takes a minute, and a case tells its story.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=12, phases=[Phase.generate])
UNSTARTED = "anunzi_unstarted_calls"
START = datetime(2024, 5, 1, tzinfo=UTC)
CUT = START + 2 * DAY
WHOLE = Range(START, START + 4 * DAY)


@pytest.mark.parametrize("stream", STREAMS)
@given(dice=st.randoms(use_true_random=False))
@PROPERTY
def test_any_partition_of_a_range_comes_to_the_whole(stream: str, dice: random.Random) -> None:
    report = play(stream, dice)
    assert not report.problems, "\n".join([*report.story, *report.problems])


def test_the_cases_cut_ranges_in_every_way() -> None:
    counts = Counter[str]()
    for seed in range(40):
        counts += play("burki_calls", random.Random(seed)).counts
    assert set(KINDS) <= set(counts)
    assert counts["records"] > 10 * counts["runs"]


@pytest.mark.parametrize(
    ("stream", "before", "behind"),
    [
        ("videsk_calls", SECOND, timedelta()),
        ("videsk_forms", SECOND, timedelta()),
        ("twin24_incoming_calls", SECOND, timedelta()),
        ("twin24_calls", timedelta(), -MICROSECOND),
        ("anunzi_calls", timedelta(), -MICROSECOND),
        ("burki_calls", timedelta(), -MICROSECOND),
        ("burki_call_list", timedelta(), -MICROSECOND),
    ],
)
def test_parts_share_what_lies_within_a_second_of_their_cut_and_no_more(
    stream: str, before: timedelta, behind: timedelta
) -> None:
    steps = (3 * SECOND, SECOND + MILLISECOND, SECOND, MILLISECOND)
    times = {CUT, *(CUT - step for step in steps), *(CUT + step for step in steps)}
    with opened(stream.split("_", 1)[0], WHOLE.end, seed=1, rows=0, start=START) as place:
        place.api.of(stream).add_at(*times)
        place.clock.now += DAY
        standing = Standing(place, stream, WHOLE, {})
        first = standing.run(Range(START, CUT)).table(stream)
        second = standing.run(Range(CUT, WHOLE.end)).table(stream)
        assert len(standing.at) == len(times)
        shared = {standing.at[key] for key in first.keys() & second.keys()}
        assert shared == {at for at in standing.at.values() if CUT - before <= at <= CUT + behind}
        assert first.keys() | second.keys() == standing.truth.keys()


def test_calls_that_never_connected_come_with_every_part() -> None:
    with opened("anunzi", WHOLE.end, seed=1, rows=0, start=START) as place:
        place.api.of(UNSTARTED).add_at(*[CUT + n * SECOND for n in range(-2, 3)])
        standing = Standing(place, UNSTARTED, WHOLE, {})
        for part in (Range(START, CUT), Range(CUT, WHOLE.end), WHOLE):
            ran = standing.run(part)
            assert ran.table(UNSTARTED).keys() == standing.truth.keys()
            assert len(ran.records(UNSTARTED)) == 5
            assert ran.bookmark(UNSTARTED) is None


def test_rows_without_a_time_come_with_every_part_where_the_server_does_not_filter() -> None:
    with opened("anunzi", WHOLE.end, seed=1, rows=0, start=START) as place:
        options(place).dialect, options(place).wrong_dialect = "retell", "ignore"
        place.api.of("anunzi_calls").add_at(*[CUT + n * DAY for n in (-1.5, -1, 0, 1, 1.5)])
        place.api.of(UNSTARTED).add_at(CUT, CUT)
        standing = Standing(place, "anunzi_calls", WHOLE, {"filter_dialect": "anunzi"})
        runs = [standing.run(part) for part in (Range(START, CUT), Range(CUT, WHOLE.end))]
        found = [ran.table("anunzi_calls").keys() for ran in runs]
        assert found[0] & found[1] == standing.also.keys()
        assert len(standing.also) == 2
        assert found[0] | found[1] == standing.also.keys() | standing.truth.keys()


def test_a_row_that_hides_the_time_it_is_placed_by_comes_with_both_parts_beside_a_cut() -> None:
    with opened("twin24", WHOLE.end, seed=1, rows=0, start=START) as place:
        handle = place.api.of("twin24_calls")
        far, near = handle.add_at(CUT - DAY, CUT)
        for row in (far, near):
            handle.amend(row, created_at=None)
        standing = Standing(place, "twin24_calls", WHOLE, {})
        runs = [standing.run(part) for part in (Range(START, CUT), Range(CUT, WHOLE.end))]
        assert [len(ran.records("twin24_calls")) for ran in runs] == [2, 1]
        assert runs[1].records("twin24_calls")[0]["id"] == near.canonical["id"]
