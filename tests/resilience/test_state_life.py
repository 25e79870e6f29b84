"""The life of a state: a hundred runs, long silences, late rows, clocks that are set back."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from expected_streams import TIMED, entry_of
from inprocess import Place, Ran, opened
from one_stream import DAY, HOUR, options, provider_of
from support import JSON, assert_table_is, upserted

from sandbox.instants import EPOCH, MILLISECOND, SECOND, UTC, text

if TYPE_CHECKING:
    from sandbox import Row

START = datetime(2024, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
#: One of each way to read: walked, in partitions, by cursor, one by one, in pages, as a file.
STREAMS = (
    "videsk_calls", "videsk_forms", "anunzi_calls", "anunzi_call_details", "twin24_calls",
    "burki_calls", "burki_call_list", "burki_call_transcripts",
)  # fmt: skip
SETTLE = timedelta(minutes=5)
LOOKBACK = 24
FORM = "65f0a1b2c3d4e5f6010203aa"


def config_of(place: Place, stream: str, **settings: object) -> JSON:
    """Settings with a day of lookback, and nothing that is not settled."""
    entry = entry_of(stream)
    known: JSON = {**entry.no_lookback, entry.lookback: LOOKBACK, "settle_minutes": 5, **settings}
    return {place.api.name: {**place.api.config(), **known}, "start_date": START.isoformat()}


def opened_at(stream: str, now: datetime, *, rows: int = 0) -> Any:
    """The provider of a stream, whose clock and everybody's stands at `now`."""
    return opened(provider_of(stream), now, seed=4, rows=rows, start=START)


def pass_time(place: Place, length: timedelta) -> None:
    """Move all clocks on."""
    place.clock.now += length
    place.box.end = place.api.now = place.clock.now


def due_keys(place: Place, stream: str) -> set[tuple[Any, ...]]:
    """The keys of what can be exported and has settled."""
    keys, settled = place.api.keys[stream], place.clock.now - SETTLE
    past = [row for row in place.api.of(stream).rows if row.at < settled]
    return {tuple(row.canonical[key] for key in keys) for row in past} & set(
        place.api.truth(stream)
    )


def bookmark(state: JSON, stream: str) -> str:
    """The lowest bookmark of a stream, "" before the first."""
    entry = state.get("bookmarks", {}).get(stream, {})
    parts = entry.get("partitions") or [entry]
    return min(part.get("replication_key_value") or "" for part in parts)


def highest(ran: Ran, stream: str) -> list[str]:
    """The bookmark in each STATE of a run; of partitions, of each in turn."""
    found: dict[str, list[str]] = {}
    for state in ran.states:
        entry = state.get("bookmarks", {}).get(stream, {})
        for part in entry.get("partitions") or [entry]:
            if value := part.get("replication_key_value"):
                found.setdefault(json.dumps(part.get("context")), []).append(value)
    for values in found.values():
        assert values == sorted(values)
    return [value for values in found.values() for value in values]


@pytest.mark.covers(71, 87, 90, 91, 92, 94, 154, 157)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_hundred_runs_with_and_without_news_never_lower_a_bookmark(stream: str) -> None:
    dice = random.Random(stream)
    with opened_at(stream, START + 3 * DAY, rows=12) as place:
        # Small enough that windows are read in parts, which end before the bookmark.
        small: JSON = {"max_records": 10} if provider_of(stream) == "twin24" else {}
        for name in {"videsk": ["cap"], "twin24": ["ceiling"]}.get(provider_of(stream), []):
            setattr(options(place), name, 10)
        state: JSON = {"bookmarks": {"strange": {"kept": [1]}}, "more": {"kept": 2}}
        before, steps = "", set()
        table: dict[tuple[Any, ...], JSON] = {}
        for number in range(100):
            step = dice.choice(["news", "nothing", "delete", "amend", "future", "clock", "late"])
            steps.add(step)
            _happen(step, place, stream, dice)
            config = config_of(place, stream, **small)
            ran = place.run(config, streams=(stream,), state=state)
            assert ran.code == 0, (number, step, ran.complaints)
            seen = highest(ran, stream)
            assert all(value >= before for value in seen), (number, step)
            assert all(value <= text(place.clock.now - SETTLE) for value in seen)
            state, table = ran.state or state, upserted(table, ran, stream)
            assert bookmark(state, stream) >= before
            before = bookmark(state, stream)
            assert state["more"] == {"kept": 2}
            assert state["bookmarks"]["strange"] == {"kept": [1]}
            # What it takes to keep it does not grow with the rows and the runs.
            assert len(json.dumps(state["bookmarks"][stream])) < 500
        assert len(steps) == 7
        due, truth = due_keys(place, stream), place.api.truth(stream)
        assert due
        assert_table_is(
            {key: table[key] for key in due if key in table}, {key: truth[key] for key in due}
        )


def _happen(step: str, place: Place, stream: str, dice: random.Random) -> None:
    """Something of what goes on between two runs; changes are no older than the lookback."""
    handle, now = place.api.of(stream), place.clock.now
    recent = [row for row in handle.rows if now - (LOOKBACK - 5) * HOUR < row.at < now - SETTLE]
    if step == "news":
        pass_time(place, 2 * HOUR)
        handle.add_at(place.clock.now - dice.randrange(6, 110) * MINUTE)
    elif step == "late":
        handle.add_at(now - dice.random() * (LOOKBACK - 5) * HOUR)
    elif step == "delete" and recent:
        handle.remove(dice.choice(recent))
    elif step == "amend" and recent:
        handle.table.mature(dice, dice.choice(recent))
    elif step == "future":
        handle.add_at(now + dice.randrange(1, 2000) * HOUR)
    elif step == "clock":
        # A clock that is set right goes on a little, or stands still.
        pass_time(place, dice.choice([0, 1, 90]) * SECOND)


@pytest.mark.covers(72)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_clock_that_was_set_back_lowers_the_bookmark_once_and_loses_nothing(stream: str) -> None:
    now = START + 10 * DAY
    with opened_at(stream, now, rows=20) as place:
        config = config_of(place, stream)
        first = place.run(config, streams=(stream,))
        table = upserted({}, first, stream)
        # The host believed in a day to come; now its clock is right.
        pass_time(place, -8 * HOUR)
        second = place.run(config, streams=(stream,), state=first.state)
        assert second.code == 0
        warned = [line for line in second.log if "lowered to" in line]
        assert len(warned) == (len(_parts(first.state, stream)))
        assert bookmark(second.state, stream) == text(place.clock.now - SETTLE)
        place.api.of(stream).add_at(place.clock.now + HOUR)
        pass_time(place, 3 * HOUR)
        third = place.run(config, streams=(stream,), state=second.state)
        assert [line for line in third.log if "lowered to" in line] == []
        assert bookmark(third.state, stream) == text(place.clock.now - SETTLE)
        table = upserted(upserted(table, second, stream), third, stream)
        due = due_keys(place, stream)
        assert len(due) > 5
        assert due <= set(table)


@pytest.mark.covers(70)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", [*STREAMS, "videsk_appointments"])
def test_a_clock_that_is_days_ahead_moves_no_bookmark_into_the_future(
    stream: str, workers: int
) -> None:
    with opened_at(stream, START + 10 * DAY, rows=20) as place:
        config = config_of(place, stream, max_concurrency=workers)
        place.clock.ahead = 3 * DAY
        first = place.run(config, streams=(stream,))
        assert first.code == 0, first.complaints
        assert bookmark(first.state, stream) == text(place.clock.now - SETTLE)
        assert [part["as_of"] for part in _parts(first.state, stream)] == [
            part["replication_key_value"] for part in _parts(first.state, stream)
        ]
        [warning] = [line for line in first.log if "this machine's clock is" in line]
        assert "259200 s ahead of the server's" in warning
        table = upserted({}, first, stream)
        # Calls of the time that this machine believed to be past.
        place.api.of(stream).add_at(*(place.clock.now + number * HOUR for number in (1, 30, 60)))
        pass_time(place, 3 * DAY)
        place.clock.ahead = timedelta()
        second = place.run(config, streams=(stream,), state=first.state)
        table = upserted(table, second, stream)
        assert bookmark(second.state, stream) == text(place.clock.now - SETTLE)
        assert due_keys(place, stream) <= set(table)


@pytest.mark.covers(70)
@pytest.mark.parametrize("workers", [1, 4])
def test_the_first_response_of_a_provider_bounds_all_its_streams(workers: int) -> None:
    streams = ("videsk_calls", "videsk_queues", "videsk_recordings")
    with opened_at(streams[0], START + 10 * DAY, rows=20) as place:
        config = config_of(place, streams[0], max_concurrency=workers)
        place.clock.ahead = 3 * DAY
        ran = place.run(config, streams=streams)
        assert ran.code == 0, ran.complaints
        assert sum("this machine's clock is" in line for line in ran.log) == 1
        for stream in streams:
            assert bookmark(ran.state, stream) == text(place.clock.now - SETTLE)


@pytest.mark.covers(70)
@pytest.mark.parametrize("lookback", [0, LOOKBACK])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_clock_that_is_behind_neither_lowers_a_bookmark_nor_loses_a_call(
    stream: str, lookback: int
) -> None:
    with opened_at(stream, START + 10 * DAY, rows=20) as place:
        config = config_of(place, stream, **{entry_of(stream).lookback: lookback})
        first = place.run(config, streams=(stream,))
        table = upserted({}, first, stream)
        place.clock.ahead = -2 * HOUR
        second = place.run(config, streams=(stream,), state=first.state)
        assert second.code == 0, second.complaints
        assert (second.state or first.state)["bookmarks"] == first.state["bookmarks"]
        assert not any("lowered to" in line for line in second.log)
        place.api.of(stream).add_at(place.clock.now + HOUR)
        pass_time(place, 4 * HOUR)
        third = place.run(config, streams=(stream,), state=first.state)
        assert bookmark(third.state, stream) == text(place.clock.local - SETTLE)
        table = upserted(table, third, stream)
        past = {key for key in due_keys(place, stream) if key not in table}
        assert past == set()


@pytest.mark.covers(70)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_date_before_the_start_is_nothing_to_do(stream: str) -> None:
    """A proxy that answers with a date of 1970."""
    with opened_at(stream, START + 10 * DAY, rows=20) as place:
        config = config_of(place, stream)
        first = place.run(config, streams=(stream,))
        place.clock.now, place.clock.ahead = EPOCH, START + 11 * DAY - EPOCH
        ran = place.run(config, streams=(stream,), state=first.state)
        assert ran.code == 0, ran.complaints
        assert (ran.state or first.state)["bookmarks"] == first.state["bookmarks"]
        assert sum("this machine's clock is" in line for line in ran.log) == 1


def _parts(state: JSON, stream: str) -> list[JSON]:
    entry = state["bookmarks"][stream]
    return entry.get("partitions") or [entry]


def asked_by(ran: Ran) -> int:
    """How many requests a run sent, logins apart."""
    assert ran.wire is not None
    return sum("/auth/login" not in sent.url for sent in ran.wire.sent)


@pytest.mark.covers(96)
@pytest.mark.parametrize(
    "stream", ["videsk_calls", "anunzi_calls", "twin24_calls", "burki_calls", "burki_call_list"]
)
def test_each_of_ninety_days_without_a_call_costs_two_requests_at_most(stream: str) -> None:
    with opened_at(stream, START + 3 * DAY, rows=10) as place:
        config = config_of(place, stream)
        ran = place.run(config, streams=(stream,))
        pass_time(place, 2 * DAY)
        ran = place.run(config, streams=(stream,), state=ran.state)
        for _ in range(90):
            pass_time(place, DAY)
            ran = place.run(config, streams=(stream,), state=ran.state)
            assert ran.code == 0, ran.complaints
            assert ran.records(stream) == []
            # Burki's export is counted and read.
            assert asked_by(ran) == (2 if stream == "burki_calls" else 1)
            assert bookmark(ran.state, stream) == text(place.clock.now - SETTLE)


@pytest.mark.covers(96)
@pytest.mark.parametrize("stream", TIMED)
def test_ninety_days_nobody_ran_and_nobody_called_cost_few_requests(stream: str) -> None:
    with opened_at(stream, START + 3 * DAY, rows=10) as place:
        server = options(place)
        if provider_of(stream) == "videsk":
            server.forms = server.surveys = {FORM: ["nps"]}
        config = config_of(place, stream)
        first = place.run(config, streams=(stream,))
        pass_time(place, 4 * DAY)
        second = place.run(config, streams=(stream,), state=first.state)
        pass_time(place, 90 * DAY)
        third = place.run(config, streams=(stream,), state=second.state)
        assert third.code == 0, third.complaints
        assert third.records(stream) == []
        assert asked_by(third) <= 10
        assert bookmark(third.state, stream) == text(place.clock.now - SETTLE)
        # What is asked is the lookback and the new time, once.
        pass_time(place, 5 * MINUTE)
        fourth = place.run(config, streams=(stream,), state=third.state)
        assert asked_by(fourth) <= 2


@pytest.mark.covers(84, 85, 86, 88, 89)
@pytest.mark.parametrize("stream", STREAMS)
def test_rows_late_by_up_to_the_lookback_come_and_older_ones_may_not(stream: str) -> None:
    dice = random.Random(stream)
    with opened_at(stream, START + 5 * DAY, rows=6) as place:
        handle, keys = place.api.of(stream), place.api.keys[stream]
        config = config_of(place, stream)
        first = place.run(config, streams=(stream,))
        assert first.code == 0, first.complaints
        state, table = first.state, upserted({}, first, stream)
        missed: list[Row] = []
        inside: list[Row] = []
        for _ in range(12):
            edge = datetime.fromisoformat(bookmark(state, stream).replace("Z", "+00:00"))
            edge -= LOOKBACK * HOUR
            late = [edge, edge + MILLISECOND, edge + dice.random() * LOOKBACK * HOUR]
            inside += handle.add_at(*(at.replace(microsecond=0) + SECOND for at in late))
            missed += handle.add_at(edge - dice.random() * HOUR - 2 * MINUTE)
            pass_time(place, dice.choice([0, 1, 7, 40]) * MINUTE)
            ran = place.run(config, streams=(stream,), state=state)
            assert ran.code == 0, ran.complaints
            state, table = ran.state, upserted(table, ran, stream)
        due = {tuple(row.canonical[key] for key in keys) for row in inside} & set(
            place.api.truth(stream)
        )
        assert len(due) >= 12
        assert due <= set(table)
        # The documented loss; a run from the start finds them.
        gone = {tuple(row.canonical[key] for key in keys) for row in missed} - set(table)
        assert gone
        whole = place.run(config, streams=(stream,))
        assert gone & set(place.api.truth(stream)) <= set(whole.table(stream))


#: What a call that is going on lacks, and what it has when it is over.
OPEN: dict[str, tuple[JSON, JSON]] = {
    "anunzi_calls": (
        {"call_status": "ongoing", "end_timestamp": None, "duration_ms": None},
        {"call_status": "ended", "end_timestamp": text(START + 10 * DAY), "duration_ms": 5000},
    ),
    "twin24_calls": (
        {"is_finished": False, "price": None},
        {"is_finished": True, "price": 0.25},
    ),
    "burki_calls": (
        {"status": "ongoing", "duration": None, "ended_at": None},
        {"status": "completed", "duration": 61, "ended_at": text(START + 10 * DAY)},
    ),
    "burki_call_list": (
        {"status": "ongoing", "duration": None, "ended_at": None},
        {"status": "completed", "duration": 61, "ended_at": text(START + 10 * DAY)},
    ),
}


@pytest.mark.covers(82, 83, 87)
@pytest.mark.parametrize("stream", OPEN)
def test_calls_that_go_on_come_as_they_are_then_ended_and_hold_up_nothing(stream: str) -> None:
    ongoing, over = OPEN[stream]
    with opened_at(stream, START + 3 * DAY) as place:
        handle, config = place.api.of(stream), config_of(place, stream)
        at = place.clock.now - HOUR
        ends, never = handle.add_at(at, at - MINUTE, **ongoing)
        first = place.run(config, streams=(stream,))
        table = upserted({}, first, stream)
        assert_table_is(table, place.api.truth(stream))
        key = tuple(ends.canonical[name] for name in place.api.keys[stream])
        assert {table[key][name] for name, value in ongoing.items() if value is None} == {None}
        assert bookmark(first.state, stream) == text(place.clock.now - SETTLE)
        pass_time(place, 20 * HOUR)
        handle.amend(ends, **over)
        ran = place.run(config, streams=(stream,), state=first.state)
        table = upserted(table, ran, stream)
        assert {name: table[key][name] for name in over} == over
        for _ in range(5):
            pass_time(place, 2 * DAY)
            ran = place.run(config, streams=(stream,), state=ran.state)
            assert bookmark(ran.state, stream) == text(place.clock.now - SETTLE)
        assert ran.records(stream) == []
        assert never.canonical != ends.canonical
        assert_table_is(table, place.api.truth(stream))


@pytest.mark.covers(85, 95)
def test_what_a_user_has_to_know_of_late_calls_and_loaders_that_append_is_written_down() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    for words in ("lookback_hours", "--full-refresh", "Loaders that append", "_sdc_extracted_at"):
        assert words in readme
