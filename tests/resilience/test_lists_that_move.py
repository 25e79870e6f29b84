"""Lists that change while their pages are read: finite, each row once, the newest version last."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from inprocess import Ran
from one_stream import DAY, END, HOUR, NOON, assert_complete, empty, options, run
from support import JSON, assert_table_is, upserted

from sandbox.instants import SECOND, text

MINUTE = timedelta(minutes=1)
ALONE: JSON = {"max_concurrency": 1}


def versions(ran: Ran, stream: str, key: object) -> list[JSON]:
    """Each record of one row, in the order they came."""
    return [row for row in ran.records(stream) if key in {row.get("id"), row.get("call_id")}]


@pytest.mark.covers(21)
@pytest.mark.parametrize("stream", ["anunzi_calls", "twin24_calls", "burki_calls", "videsk_calls"])
def test_calls_that_keep_arriving_do_not_keep_a_run_going(stream: str) -> None:
    with empty(stream) as place:
        handle = place.api.of(stream)
        handle.add_at(*(NOON + step * 5 * MINUTE for step in range(30)))
        settled = END - 5 * MINUTE

        def arrive(number: int) -> None:
            # One that has just settled by a clock that is never read again, one of right now.
            handle.add_at(settled + number * SECOND, END + number * SECOND)

        place.events = {number: partial(arrive, number) for number in range(1, 400)}
        pages = {"anunzi": "page_size", "twin24": "page_size"}.get(place.api.name)
        small: JSON = {pages: 3} if pages else {}
        ran = run(place, stream, **ALONE, **small)
        assert ran.code == 0, ran.complaints
        assert ran.wire is not None
        assert len(ran.wire.sent) < 100
        assert len(handle.rows) > 30 + 2 * 3
        assert all(text(NOON - DAY) < when < text(settled + 2 * SECOND) for when in _times(ran))
        assert ran.bookmark(stream) == text(settled)
        place.events = {}
        place.clock.now += 1 * HOUR
        config = {place.api.name: place.api.config(), "start_date": "2024-05-01"}
        again = place.run(config, streams=(stream,), state=ran.state)
        assert_table_is(upserted(ran.table(stream), again, stream), place.api.truth(stream))


def _times(ran: Ran) -> list[str]:
    columns = ("start_time", "start_timestamp", "created_at", "started_at")
    rows = [line["record"] for line in ran.lines if line["type"] == "RECORD"]
    return [next(row[name] for name in columns if row.get(name)) for row in rows]


@pytest.mark.covers(24, 30, 43)
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("stream", ["twin24_calls", "twin24_incoming_calls"])
def test_a_row_that_is_pushed_to_the_next_page_comes_once_or_in_its_new_form_last(
    stream: str, *, changed: bool
) -> None:
    with empty(stream) as place:
        options(place).count = "absent"
        handle = place.api.of(stream)
        rows = handle.add_at(*(NOON + step * MINUTE for step in range(20)), duration=10)
        pushed = rows[4]
        key = pushed.canonical[place.api.keys[stream][0]]

        def push() -> None:
            handle.add_at(NOON - MINUTE)
            if changed:
                handle.amend(pushed, duration=11)

        before = run(place, stream, page_size=5, **ALONE)
        assert before.wire is not None
        # The second of the pages that hold the rows.
        pages = [n for n, sent in enumerate(before.wire.sent, 1) if "offset=5&" in sent.url + "&"]
        place.events = {pages[0]: push}
        ran = run(place, stream, page_size=5, **ALONE)
        assert place.events == {}
        assert ran.code == 0, ran.complaints
        told = [row["duration"] for row in versions(ran, stream, key)]
        assert told == ([10, 11] if changed else [10])
        missing = set(place.api.truth(stream)) - set(ran.table(stream))
        # Without a count nobody notices the one that came in front of what was read.
        assert len(missing) == 1
        again = run(place, stream, **ALONE)
        assert_complete(again, place, stream)


@pytest.mark.covers(24, 30, 43)
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("count", ["int", "text"])
def test_where_rows_are_counted_the_one_in_front_is_noticed(count: str, *, changed: bool) -> None:
    stream = "twin24_calls"
    with empty(stream) as place:
        options(place).count = count
        handle = place.api.of(stream)
        rows = handle.add_at(*(NOON + step * MINUTE for step in range(20)), duration=10)

        def push() -> None:
            handle.add_at(NOON - MINUTE)
            if changed:
                handle.amend(rows[4], duration=11)

        before = run(place, stream, page_size=5, **ALONE)
        assert before.wire is not None
        pages = [n for n, sent in enumerate(before.wire.sent, 1) if "offset=5&" in sent.url + "&"]
        place.events = {pages[0]: push}
        assert_complete(run(place, stream, page_size=5, **ALONE), place, stream)
        assert place.events == {}


@pytest.mark.covers(24, 43)
@pytest.mark.parametrize("changed", [False, True])
def test_a_call_that_moves_behind_the_cursor_comes_in_its_new_form_last(*, changed: bool) -> None:
    stream = "anunzi_calls"
    with empty(stream) as place:
        rows = place.api.add_at(*(NOON + step * MINUTE for step in range(20)), agent_version=1)
        moved = NOON + 15 * MINUTE + 30 * SECOND

        def move() -> None:
            place.api.amend(rows[1], start_timestamp=text(moved))
            if changed:
                place.api.amend(rows[1], agent_version=2)

        before = run(place, stream, page_size=5, **ALONE)
        assert before.wire is not None
        pages = [n for n, sent in enumerate(before.wire.sent, 1) if "pagination_key" in sent.body]
        place.events = {pages[1]: move}
        ran = run(place, stream, page_size=5, **ALONE)
        assert place.events == {}
        assert ran.code == 0, ran.complaints
        told = versions(ran, stream, rows[1].key)
        assert [row["start_timestamp"] for row in told] == [text(NOON + MINUTE), text(moved)]
        assert told[-1]["agent_version"] == (2 if changed else 1)
        assert_table_is(ran.table(stream), place.api.truth(stream))
