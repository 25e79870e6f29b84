"""Twin24's list: pages that are clamped, shifted or repeated, and a period that is too full."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    after_requests,
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    failure,
    warnings_in,
)
from support import assert_table_is, upserted

from sandbox.instants import MILLISECOND, SECOND, UTC

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.table import Ends

CALLS = "twin24_incoming_calls"
LIST = "/statistics/cis/sessions/incoming"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Count = Literal["int", "text", "absent"]
COUNTS = pytest.mark.parametrize("count", ["int", "text", "absent"])


@pytest.mark.covers(34, 42)
@COUNTS
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_shorter_pages_than_asked_for_are_not_the_end(count: Count, limit: int) -> None:
    with empty_sandbox() as box:
        box.twin24.options.limit_max = limit
        box.twin24.options.count = count
        box.twin24.add(50, NOON, NOON + 20 * HOUR)
        run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(42)
def test_answers_without_a_count_are_mentioned_once(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.twin24.options.count = "absent"
    run = export(box.twin24, page_size=20)
    assert_complete(run, box.twin24, CALLS)
    assert len(warnings_in(caplog, "no count")) == 1


@pytest.mark.covers(35)
@COUNTS
def test_a_server_that_ignores_the_offset_fails(box: Sandbox, count: Count) -> None:
    box.twin24.options.count = count
    box.twin24.options.repeat_page = True
    run = export(box.twin24, page_size=4)
    assert "the same page twice" in failure(run, CALLS)
    assert_safe(run, box.twin24, CALLS)


@pytest.mark.covers(30)
@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("rows", [1, 3])
def test_calls_that_shift_the_pages_make_none_missing_and_none_double(
    rows: int, times: int
) -> None:
    with empty_sandbox() as box:
        box.twin24.options.shift = rows
        box.twin24.options.shift_times = times
        box.twin24.add(60, NOON, NOON + 10 * HOUR)
        run = export(box.twin24, page_size=10, max_concurrency=1)
    assert box.twin24.options.shift_times == 0
    assert len(box.twin24.rows) == 60 + rows * times
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(31)
@pytest.mark.parametrize("vanished", [1, 3])
def test_calls_that_vanish_between_two_pages_pull_no_other_out_of_sight(vanished: int) -> None:
    with empty_sandbox() as box:
        api = box.twin24
        api.add(60, NOON, NOON + 10 * HOUR)
        gone = api.rows[:vanished]

        def remove() -> None:
            for row in gone:
                api.remove(row)

        after_requests(api, 2, LIST, remove)
        run = export(api, start_date="2024-05-09", end_date="2024-05-10", page_size=10)
    assert len(api.rows) == 60 - vanished
    assert run.code == 0
    # Calls that were there when they were read may be in the table too.
    assert set(api.truth(CALLS)) <= set(run.table(CALLS))


@pytest.mark.covers(33)
@COUNTS
def test_a_period_as_full_as_the_provider_lists_is_split(count: Count) -> None:
    with empty_sandbox() as box:
        box.twin24.options.ceiling = 50
        box.twin24.options.count = count
        box.twin24.add(400, NOON, NOON + 20 * HOUR)
        run = export(box.twin24, max_records=50)
    assert_complete(run, box.twin24, CALLS)


@pytest.mark.covers(33)
@COUNTS
def test_more_calls_in_a_second_than_a_period_may_have_fail(count: Count) -> None:
    with empty_sandbox() as box:
        box.twin24.options.ceiling = 50
        box.twin24.options.count = count
        box.twin24.add(30, NOON - 60 * HOUR, NOON - 40 * HOUR)
        crowd = box.twin24.add_at(*[NOON + 500 * MILLISECOND] * 51)
        run = export(box.twin24, max_records=50)
        line = failure(run, CALLS)
        assert "50" in line
        assert (run.bookmark(CALLS) or "") <= "2024-05-09T12:00:01.000000Z"
        assert_safe(run, box.twin24, CALLS)
        assert len(run.table(CALLS)) >= 30
        for row in crowd:
            assert (row.canonical["call_id"],) not in run.table(CALLS)

        # A contract that allows more is one setting away, and nothing was lost till then.
        box.twin24.options.ceiling = 500
        again = export(box.twin24, max_records=500, state=run.state)
    assert again.code == 0
    assert_table_is(upserted(run.table(CALLS), again, CALLS), box.twin24.truth(CALLS))


def test_the_line_about_a_second_that_is_too_full_says_where_it_is() -> None:
    with empty_sandbox() as box:
        box.twin24.options.ceiling = 50
        box.twin24.add_at(*[NOON + 500 * MILLISECOND] * 51)
        line = failure(export(box.twin24, max_records=50), CALLS)
    assert CALLS in line
    assert "2024-05-09T1" in line


@COUNTS
@pytest.mark.parametrize("ends", ["[]", "[)", "(]", "()"])
def test_the_ends_of_a_period_may_or_may_not_belong_to_it(ends: Ends, count: Count) -> None:
    with empty_sandbox() as box:
        box.twin24.options.range_ends = ends
        box.twin24.options.count = count
        for day in range(1, 31):
            at = datetime(2024, 5, day, tzinfo=UTC)
            box.twin24.add_at(at, at + 24 * HOUR - SECOND, at + SECOND)
        run = export(box.twin24, page_size=9)
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(37)
def test_every_page_of_a_period_asks_the_same_question(box: Sandbox) -> None:
    export(box.twin24, page_size=10, max_concurrency=1)
    requests = [request.query for request in asked(box.twin24, LIST)]
    assert requests
    for query in requests:
        assert query["sort"] == "startedAt"
        assert query["limit"] == "10"
        assert "page" not in query
        assert query["from"].endswith("+00:00")
        assert query["to"].endswith("+00:00")
    offsets = [int(query["offset"]) for query in requests]
    assert max(offsets) > 0
    for before, after in pairwise(requests):
        if after["offset"] != "0":
            assert {**before, "offset": ""} == {**after, "offset": ""}


def test_a_path_that_is_not_there_names_the_setting_and_is_asked_once(box: Sandbox) -> None:
    box.twin24.options.path = "/telephony/sessions"
    run = export(box.twin24, incoming_calls_path=LIST, max_concurrency=1)
    assert "twin24.incoming_calls_path" in failure(run, CALLS)
    assert len(asked(box.twin24, LIST)) == 1


def test_another_path_is_a_setting(box: Sandbox) -> None:
    box.twin24.options.path = "/telephony/sessions"
    run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)
