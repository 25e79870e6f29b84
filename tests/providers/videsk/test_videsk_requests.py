"""How many requests Videsk's exports take: each row is to be asked for about once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import assert_complete, assert_each_once, empty_sandbox, export

from sandbox import Fault
from sandbox.instants import UTC, parse, text

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.http import Request

CALLS = "videsk_calls"
START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CAP = 500


@pytest.mark.parametrize("days", [31, 365])
@pytest.mark.parametrize(("order", "most"), [("honest", 1.2), ("shuffled", 1.8)])
def test_each_row_is_asked_for_about_once(
    order: Literal["honest", "shuffled"], most: float, days: int
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP
        box.videsk.options.order = order
        box.videsk.add(20 * CAP, START, START + days * DAY)
        end = text(START + days * DAY)
        run = export(box.videsk, end_date=end, max_concurrency=1)
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
        assert len(box.videsk.requests) <= most * 20


def _asked(box: Sandbox) -> list[tuple[str, str]]:
    """Start and end of each request, to the second."""
    return [(sent.body["start"][:19], sent.body["end"][:19]) for sent in box.videsk.requests]


@pytest.mark.parametrize("order", ["honest", "shuffled"])
def test_what_is_asked_to_learn_of_the_cap_is_not_asked_again(
    order: Literal["honest", "shuffled"],
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 1300
        box.videsk.options.order = order
        # Something in between might cut lower than the cap that is named: 1,200 rows prove nothing.
        box.videsk.add(1200, START, START + DAY)
        box.videsk.add(4000, START + DAY, START + 4 * DAY)
        run = export(box.videsk, end_date="2024-05-05", max_concurrency=1)
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
        asked = _asked(box)
    assert asked[0] == ("2024-04-30T23:59:59", "2024-05-02T00:00:00")
    assert {start for start, _ in asked[1:]} >= {"2024-05-01T23:59:59"}
    assert sum(start < "2024-05-01T23" for start, _ in asked) == 1


def test_an_idle_run_asks_once_and_empty_years_are_asked_for_in_a_handful() -> None:
    with empty_sandbox() as box:
        first = export(box.videsk, start_date="2014-06-01", max_concurrency=1)
        assert first.code == 0
        assert len(box.videsk.requests) <= 16
        box.videsk.add(50, datetime(2024, 5, 29, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC))
        box.videsk.requests.clear()
        again = export(box.videsk, state=first.state, max_concurrency=1)
        assert_complete(again, box.videsk, CALLS)
        assert _asked(box) == [("2024-05-28T23:59:59", "2024-06-01T00:00:00")]


def test_bookmarks_move_with_every_answer_or_two_the_first_after_a_day() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP
        box.videsk.add(20 * CAP, START, START + 31 * DAY)
        run = export(box.videsk, max_concurrency=1)
        assert_complete(run, box.videsk, CALLS)
        states = [line["value"] for line in run.lines if line["type"] == "STATE"]
    marks = [state["bookmarks"][CALLS]["replication_key_value"] for state in states]
    assert marks[0] == text(START + DAY)
    assert marks == sorted(marks)
    assert len(set(marks)) >= 9


def test_a_server_that_long_ranges_are_too_much_for_is_asked_for_shorter_ones() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP

        def too_long(request: Request) -> bool:
            start, end = (parse(request.body[name]) for name in ("start", "end"))
            return end - start > 3 * DAY

        box.videsk.faults.add(Fault("status", status=413, times=10**9), when=too_long)
        box.videsk.add(1500, START, START + 31 * DAY)
        run = export(box.videsk, max_concurrency=1)
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
        assert len(box.videsk.requests) <= 36
