"""How many requests Videsk's exports take: each row should be sent about once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import assert_complete, assert_each_once, empty_sandbox, export
from support import clock_at

from sandbox import Fault
from sandbox.instants import UTC, parse, text

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.http import Request

CALLS = "videsk_calls"
START = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CAP = 500


@pytest.mark.parametrize(("days", "cap"), [(31, 5000), (366, 100_000)])
def test_sixty_thousand_rows_in_no_order_are_at_most_thirty_requests(days: int, cap: int) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = cap
        box.videsk.options.order = "shuffled"
        box.videsk.add(60_000, START, START + days * DAY)
        run = export(box.videsk, end_date=text(START + days * DAY))
        assert len(run.records(CALLS)) == 60_000
        assert len(box.videsk.requests) <= 30


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
@pytest.mark.parametrize(("days", "most"), [(31, 30), (365, 32)])
@pytest.mark.parametrize("order", ["honest", "shuffled"])
def test_each_row_is_sent_about_once_or_twice_with_any_number_of_workers(
    order: Literal["honest", "shuffled"], days: int, most: int, workers: int
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP
        box.videsk.options.order = order
        box.videsk.add(12 * CAP, START, START + days * DAY)
        end = text(START + days * DAY)
        run = export(box.videsk, end_date=end, max_concurrency=workers)
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
        assert len(box.videsk.requests) <= most


def _asked(box: Sandbox) -> list[tuple[str, str]]:
    """Start and end of each request, to the second."""
    return [(sent.body["start"][:19], sent.body["end"][:19]) for sent in box.videsk.requests]


def test_an_idle_run_asks_once_and_empty_years_are_asked_for_in_a_handful() -> None:
    with empty_sandbox() as box, clock_at(datetime(2024, 6, 1, tzinfo=UTC)):
        first = export(box.videsk, start_date="2014-06-01")
        assert first.code == 0
        assert len(box.videsk.requests) <= 18
        box.videsk.add(50, datetime(2024, 5, 29, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC))
        box.videsk.requests.clear()
        again = export(box.videsk, state=first.state)
        assert_complete(again, box.videsk, CALLS)
        assert _asked(box) == [("2024-05-28T23:59:59", "2024-06-01T00:00:00")]


def test_bookmarks_move_with_every_response_or_two_the_first_after_a_day() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP
        box.videsk.add(20 * CAP, START, START + 31 * DAY)
        run = export(box.videsk)
        assert_complete(run, box.videsk, CALLS)
        states = [line["value"] for line in run.lines if line["type"] == "STATE"]
    marks = [state["bookmarks"][CALLS]["replication_key_value"] for state in states]
    assert marks[0] == text(START + DAY)
    assert marks == sorted(marks)
    assert len(set(marks)) >= 20


def test_a_server_that_long_ranges_are_too_much_for_is_asked_for_shorter_ones() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = CAP

        def too_long(request: Request) -> bool:
            start, end = (parse(request.body[name]) for name in ("start", "end"))
            return end - start > 3 * DAY

        box.videsk.faults.add(Fault("status", status=413, times=10**9), when=too_long)
        box.videsk.add(1500, START, START + 31 * DAY)
        run = export(box.videsk)
        assert_complete(run, box.videsk, CALLS)
        assert_each_once(run, CALLS)
        assert len(box.videsk.requests) <= 36
