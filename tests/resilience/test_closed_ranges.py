"""A run over a closed range, without a state, is a function of the range: the same bytes each time.

`time_extracted` and `as_of` aside, which say when it was read. So are the files of BATCH messages,
but for the random part of their names. That the host's zone, language and hash seed change nothing
is in test_host_settings.py.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from unittest.mock import patch

import pytest
import requests
from expected_streams import TIMED
from faulty import add_passing, excused
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from inprocess import Ran, opened
from one_stream import provider_of
from oracle import bookmarks
from seam import limits
from standing import DAY, HOUR, MICROSECOND, SECOND, STREAMS, UNTIMED, Range, Standing, standing
from support import run_tap
from transport import Wire

from sandbox import Sandbox
from sandbox.instants import UTC, parse, text

#: Nothing is made smaller: that takes a minute.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=5, phases=[Phase.generate])
DICE = st.randoms(use_true_random=False)
MINUTE = HOUR / 60
START = datetime(2024, 5, 1, tzinfo=UTC)
#: Seconds an answer may take.
SLOWEST = 0.002
_EXTRACTED = re.compile(r',"(time_extracted|as_of)":"[^"]*"')


def written(ran: Ran) -> list[str]:
    """The lines of a complete run, without the moments at which its rows were read."""
    assert ran.code == 0, ran.complaints
    return _EXTRACTED.sub("", ran.text).splitlines()


def lines_of(ran: Ran, kind: str) -> list[str]:
    return [line for line in written(ran) if line.startswith(f'{{"type":"{kind}"')]


def assert_same_records(place: Standing, ran: Ran, expected: Ran) -> None:
    """The same SCHEMA and RECORD lines and the same last STATE; others may be between them.

    A window that had to be halved, or was planned after others, ends elsewhere. Where records do
    not show when they are placed, that is seen in their order, too.
    """
    assert lines_of(ran, "SCHEMA") == lines_of(expected, "SCHEMA")
    assert lines_of(ran, "STATE")[-1:] == lines_of(expected, "STATE")[-1:]
    records, before = lines_of(ran, "RECORD"), lines_of(expected, "RECORD")
    assert set(records) == set(before)
    if place.once:
        assert Counter(records) == Counter(before)
    if place.in_order:
        assert records == before


@contextmanager
def sending(before: Callable[[], None]) -> Iterator[None]:
    """Requests of which each thread does something before it sends one."""
    honest = Wire.send

    def send(wire: Wire, request: requests.PreparedRequest, **how: object) -> requests.Response:
        before()
        return honest(wire, request, **how)

    with patch.object(Wire, "send", send):
        yield


def slow_answers(seed: int, slowest: float = SLOWEST) -> AbstractContextManager[None]:
    """Answers that take a while, each another one, so that workers overtake each other."""
    dice = random.Random(seed)
    return sending(lambda: time.sleep(dice.random() * slowest))


def no_answers(numbers: set[int]) -> AbstractContextManager[None]:
    """Requests that are never answered, by their numbers."""
    sent = iter(range(10**6))

    def wait() -> None:
        if next(sent) in numbers:
            raise requests.exceptions.ReadTimeout

    return sending(wait)


@pytest.mark.parametrize("stream", STREAMS)
@given(dice=DICE)
@PROPERTY
def test_a_closed_range_gives_the_same_bytes_whenever_it_is_read(
    stream: str, dice: random.Random
) -> None:
    with standing(stream, dice) as place:
        first = written(place.run(place.whole))
        place.place.clock.now += dice.randrange(10**7) * MICROSECOND + 200 * DAY
        assert written(place.run(place.whole)) == first


@pytest.mark.parametrize("stream", STREAMS)
@given(dice=DICE, seed=st.integers(0, 99))
@settings(PROPERTY, max_examples=2)
def test_workers_that_overtake_each_other_change_no_byte(
    stream: str, dice: random.Random, seed: int
) -> None:
    with standing(stream, dice) as place:
        workers = place.settings["max_concurrency"]
        first = written(place.run(place.whole))
        with slow_answers(seed):
            assert written(place.run(place.whole, max_concurrency=workers)) == first


@pytest.mark.parametrize("seed", range(3))
# Small numbers: answers of thousands of rows take long to make.
@limits(TRUSTED_ROWS=20, SUSPICIOUS_ROWS=10)
def test_what_one_worker_learns_of_the_cap_changes_no_byte_of_another_ones(seed: int) -> None:
    whole = Range(START, START + 40 * DAY)
    with opened(
        "videsk", whole.end + DAY, seed=3, rows=700, start=START, window_rows=40
    ) as opened_place:
        opened_place.api.options.cap = 45  # type: ignore[attr-defined] # Videsk's
        place = Standing(opened_place, "videsk_calls", whole, {"max_concurrency": 4})
        first = place.run(whole)
        assert len(first.states) > 10
        with slow_answers(seed, 5 * SLOWEST):
            assert written(place.run(whole)) == written(first)


@pytest.mark.parametrize("stream", STREAMS)
@given(dice=DICE)
@PROPERTY
def test_settings_of_how_to_ask_change_no_record(stream: str, dice: random.Random) -> None:
    with standing(stream, dice) as place:
        expected, other = place.run(place.whole), place.otherwise(dice)
        # CSV has the same values; a text in JSON may be escaped, and stays so.
        other.pop("format", None)
        assert_same_records(place, place.run(place.whole, **other), expected)


@pytest.mark.parametrize("stream", STREAMS)
@given(dice=DICE)
@PROPERTY
def test_trouble_on_the_way_changes_no_record(stream: str, dice: random.Random) -> None:
    with standing(stream, dice) as place:
        expected = place.run(place.whole)
        # A date to wait for is one of May.
        place.place.clock.now += 100 * DAY
        add_passing(dice, place.place)
        first = dice.randrange(6)
        with no_answers({first, first + 1} if dice.random() < 0.5 else set()):
            ran = place.run(place.whole)
        if not excused(place.place, ran):
            assert_same_records(place, ran, expected)


# Where a range ends, and what a run says of that.


@pytest.mark.parametrize("stream", TIMED)
@pytest.mark.parametrize("rows", [0, 9])
def test_the_bookmark_of_a_closed_range_is_its_end(stream: str, rows: int) -> None:
    end = START + 3 * DAY + 123_457 * MICROSECOND
    with opened(provider_of(stream), end + HOUR, seed=2, rows=rows, start=START) as place:
        config = {
            place.api.name: place.api.config(),
            "start_date": START.isoformat(),
            "end_date": end.isoformat(),
        }
        ran = place.run(config, streams=(stream,))
        assert ran.code == 0
        assert set(bookmarks(ran.state, stream).values()) == {end}
        assert [line for line in ran.log if "is not closed" in line] == []


def test_a_range_that_is_not_over_is_read_up_to_what_has_settled_and_the_run_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    with Sandbox(seed=1, rows=20, start=now - 2 * DAY, end=now) as box:
        config = {
            **box.config(),
            "start_date": text(now - 2 * DAY),
            "end_date": text(now + 30 * DAY),
        }
        config["anunzi"]["settle_minutes"] = 60
        with caplog.at_level("INFO"):
            run = run_tap(config, streams=STREAMS)
    assert run.code == 0
    said = [record for record in caplog.records if "is not closed" in record.getMessage()]
    ends = {vars(record)["provider"]: vars(record)["cutoff"] for record in said}
    assert len(said) == len(ends) == len(box.apis)
    assert {record.levelname for record in said} == {"INFO"}
    assert {vars(record)["end_date"] for record in said} == {config["end_date"]}
    settled = parse(ends["Burki"])
    assert now - 5 * MINUTE <= settled <= datetime.now(UTC) - 5 * MINUTE
    assert settled - parse(ends["Anunzi"]) == 55 * MINUTE
    for stream in TIMED:
        end = settled - 55 * MINUTE if provider_of(stream) == "anunzi" else settled
        assert set(bookmarks(run.state, stream).values()) == {end}


def test_a_range_of_which_nothing_has_settled_is_said_not_to_be_closed() -> None:
    with opened("burki", START + DAY, seed=1, rows=3, start=START) as place:
        config = {
            "burki": place.api.config(),
            "start_date": text(START + DAY - 2 * MINUTE),
            "end_date": text(START + DAY),
        }
        ran = place.run(config, streams=("burki_calls", "burki_call_list"))
    assert ran.code == 0
    assert ran.records("burki_calls") == []
    assert ran.bookmark("burki_calls") is None
    (line,) = (line for line in ran.log if "is not closed" in line)
    assert "the cutoff 2024-05-01T23:55Z" in line


@pytest.mark.parametrize("early", [True, False])
def test_a_range_is_closed_once_its_end_has_settled(
    early: bool,  # noqa: FBT001 - the case
) -> None:
    end = START + DAY
    with opened("videsk", end + 5 * MINUTE - early * SECOND, seed=1, rows=3, start=START) as place:
        config = {"videsk": place.api.config(), "start_date": text(START), "end_date": text(end)}
        ran = place.run(config, streams=("videsk_calls",))
    assert ran.bookmark("videsk_calls") == text(end - early * SECOND)
    assert any("is not closed" in line for line in ran.log) == early


@pytest.mark.parametrize("stream", sorted(UNTIMED))
def test_a_stream_without_a_time_says_nothing_of_a_range(stream: str) -> None:
    with opened(provider_of(stream), START + DAY, seed=1, rows=3, start=START) as place:
        config = {place.api.name: place.api.config(), "end_date": text(START + 9 * DAY)}
        ran = place.run(config, streams=(stream,))
    assert ran.code == 0
    assert [line for line in ran.log if "closed" in line] == []
