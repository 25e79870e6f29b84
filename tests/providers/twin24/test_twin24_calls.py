"""Twin24's call statistics: the second list, with a period that is known to act on creation."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    failure,
    shifted,
    warnings_in,
    with_columns,
)
from support import assert_table_is, clock_at, upserted

from sandbox import Fault
from sandbox.instants import MILLISECOND, SECOND, UTC, parse, text
from sandbox.twin24 import OUTGOING

if TYPE_CHECKING:
    from support import Run

    from sandbox import Api, Sandbox
    from sandbox.table import Ends

CALLS, LIST = "twin24_calls", "/search/cis/calls"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Count = Literal["int", "text", "absent"]
COUNTS = pytest.mark.parametrize("count", ["int", "text", "absent"])


def _run(api: Api, **settings: object) -> Run:
    return export(api, streams=[CALLS], **settings)  # type: ignore[arg-type] # any settings


@pytest.mark.covers(34, 42)
@COUNTS
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_shorter_pages_than_asked_for_are_not_the_end(count: Count, limit: int) -> None:
    with empty_sandbox() as box:
        box.twin24.options.limit_max = limit
        box.twin24.options.count = count
        box.twin24.of(CALLS).add(40, NOON, NOON + 20 * HOUR)
        run = _run(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


def test_answers_without_a_count_are_mentioned_once(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.twin24.options.count = "absent"
    run = _run(box.twin24, page_size=20)
    assert_complete(run, box.twin24, CALLS)
    assert len(warnings_in(caplog, "no count")) == 1


@pytest.mark.covers(35)
@COUNTS
def test_a_server_that_ignores_the_offset_fails(box: Sandbox, count: Count) -> None:
    box.twin24.options.count = count
    box.twin24.options.repeat_page = True
    run = _run(box.twin24, page_size=4)
    assert "the same page twice" in failure(run, CALLS)
    assert_safe(run, box.twin24, CALLS)


@pytest.mark.covers(30)
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("rows", [1, 3])
def test_calls_that_shift_the_pages_make_none_missing_and_none_double(
    rows: int, times: int
) -> None:
    with empty_sandbox() as box:
        box.twin24.options.shift = rows
        box.twin24.options.shift_times = times
        box.twin24.of(CALLS).add(60, NOON, NOON + 10 * HOUR)
        run = _run(box.twin24, page_size=10, max_concurrency=1)
    assert box.twin24.options.shift_times == 0
    assert len(box.twin24.of(CALLS).rows) == 60 + rows * times
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(33)
@COUNTS
def test_a_period_as_full_as_the_provider_lists_is_split(count: Count) -> None:
    with empty_sandbox() as box:
        box.twin24.options.ceiling = 50
        box.twin24.options.count = count
        box.twin24.of(CALLS).add(300, NOON, NOON + 20 * HOUR)
        run = _run(box.twin24, max_records=50)
    assert_complete(run, box.twin24, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(33)
@COUNTS
def test_more_calls_in_a_second_than_a_period_may_have_fail_and_nothing_is_lost(
    count: Count,
) -> None:
    with empty_sandbox() as box:
        api = box.twin24
        api.options.ceiling, api.options.count = 50, count
        api.of(CALLS).add(30, NOON - 60 * HOUR, NOON - 40 * HOUR)
        api.of(CALLS).add_at(*[NOON + (300 + step) * MILLISECOND for step in range(51)])
        run = _run(api, max_records=50)
        line = failure(run, CALLS)
        assert "50" in line
        assert "2024-05-09T1" in line
        assert_safe(run, api, CALLS)
        api.options.ceiling = 500
        again = _run(api, max_records=500, state=run.state)
    assert again.code == 0
    assert_table_is(upserted(run.table(CALLS), again, CALLS), api.truth(CALLS))


@COUNTS
@pytest.mark.parametrize("ends", ["[]", "[)", "(]", "()"])
def test_calls_outside_the_export_are_dropped_and_none_inside_is(ends: Ends, count: Count) -> None:
    around = [-SECOND, -MILLISECOND, timedelta(), MILLISECOND, SECOND]
    with empty_sandbox() as box:
        box.twin24.options.range_ends, box.twin24.options.count = ends, count
        for day in range(8, 12):
            at = datetime(2024, 5, day, tzinfo=UTC)
            box.twin24.of(CALLS).add_at(*[at + shift for shift in around])
        run = _run(
            box.twin24, page_size=3, start_date="2024-05-09", end_date="2024-05-11T00:00:00.001Z"
        )
    truth = {
        key: record
        for key, record in box.twin24.truth(CALLS).items()
        if "2024-05-09T00" <= record["created_at"] < "2024-05-11T00:00:00.001000Z"
    }
    assert len(truth) == 11
    assert run.code == 0
    assert_table_is(run.table(CALLS), truth)
    assert_each_once(run, CALLS)


def test_a_call_that_was_never_dialled_has_no_start_and_is_there(box: Sandbox) -> None:
    box.twin24.of(CALLS).add_at(NOON, NOON + HOUR, started_at=None, status="BLACKLIST")
    run = _run(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    undialled = [record for record in run.records(CALLS) if record["started_at"] is None]
    assert len(undialled) >= 2


@pytest.mark.covers(37)
def test_all_fields_are_asked_for_by_name_and_sorted_by_creation(box: Sandbox) -> None:
    run = _run(box.twin24, page_size=10, max_concurrency=1, date_field="updatedAt")
    assert_complete(run, box.twin24, CALLS)
    queries = [request.query for request in asked(box.twin24, LIST)]
    for query in queries:
        assert sorted(query["fields"].split(",")) == sorted(OUTGOING.columns)
        assert set(query) == {"fields", "from", "to", "sort", "limit", "offset"}
        assert query["sort"] == "createdAt"
    assert max(int(query["offset"]) for query in queries) > 0
    for before, after in pairwise(queries):
        if after["offset"] != "0":
            assert {**before, "offset": ""} == {**after, "offset": ""}


def test_the_filtered_time_of_incoming_calls_is_no_parameter_here(box: Sandbox) -> None:
    run = _run(box.twin24, date_field_param="dateField", date_field="startedAt")
    assert_complete(run, box.twin24, CALLS)
    assert all("dateField" not in request.query for request in asked(box.twin24, LIST))


def test_only_selected_columns_are_asked_for_and_handed_over(box: Sandbox) -> None:
    columns = ("price", "messages_as_string")
    run = export(box.twin24, catalog=with_columns(box.twin24, CALLS, *columns))
    assert run.code == 0
    for request in asked(box.twin24, LIST):
        assert set(request.query["fields"].split(",")) == {
            "id",
            "createdAt",
            "price",
            "messagesAsString",
        }
    truth = box.twin24.truth(CALLS)
    assert len(run.records(CALLS)) == len(truth)
    for record in run.records(CALLS):
        assert set(record) == {"id", "created_at", *columns}
        assert {name: record[name] for name in columns} == {
            name: truth[(record["id"],)][name] for name in columns
        }


def test_extra_fields_are_asked_for_and_arrive_in_extra(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OUTGOING.columns, "campaignId", "task_id")
    run = _run(box.twin24, extra_fields=["campaignId"])
    assert_complete(run, box.twin24, CALLS)
    assert all(r["extra"] == {"campaignId": r["task_id"]} for r in run.records(CALLS))


def test_a_field_the_server_does_not_know_fails_and_is_asked_for_once(box: Sandbox) -> None:
    run = _run(box.twin24, extra_fields=["nonsense"], max_concurrency=1)
    assert "400" in failure(run, CALLS)
    assert run.bookmark(CALLS) is None
    assert len(asked(box.twin24, LIST)) == 1


def test_a_list_that_is_not_there_is_blamed_on_the_address(box: Sandbox) -> None:
    box.twin24.faults.add(Fault("status", status=404, times=99), LIST)
    run = _run(box.twin24, max_concurrency=1)
    line = failure(run, CALLS)
    assert "api_url" in line
    assert "incoming_calls_path" not in line
    assert len(asked(box.twin24, LIST)) == 1


def test_companies_are_asked_for_one_at_a_time(box: Sandbox) -> None:
    api = box.twin24
    api.options.companies = [1, 2, 3]
    api.of(CALLS).add(60, NOON, NOON + 90 * HOUR)
    run = _run(api, company_ids=[1, 3], page_size=9)
    wanted = {
        (row.canonical["id"],) for row in api.of(CALLS).rows if row.canonical["company_id"] != 2
    }
    assert 0 < len(wanted) < len(api.of(CALLS).rows)
    assert run.code == 0
    truth = {key: record for key, record in api.truth(CALLS).items() if key in wanted}
    assert_table_is(run.table(CALLS), truth)
    assert {request.query["companyIds"] for request in asked(api, LIST)} == {"1", "3"}


def test_a_server_that_ignores_the_company_is_noticed_by_calls_that_come_for_two(
    box: Sandbox,
) -> None:
    # Whatever is asked for, this server gives the calls of both.
    box.twin24.faults.add(Fault("slow", times=10**9), LIST, when=_forget_company)
    run = _run(box.twin24, company_ids=[1, 2])
    assert "twin24.company_ids" in failure(run, CALLS)
    assert_safe(run, box.twin24, CALLS)
    assert run.records(CALLS) == []
    assert run.bookmark(CALLS) is None


def _forget_company(request: object) -> bool:
    request.query.pop("companyIds", None)  # type: ignore[attr-defined] # a dict
    return False


@pytest.mark.parametrize("times", ["offset", "z", "naive"])
def test_times_are_read_in_any_of_their_forms(
    box: Sandbox, times: Literal["offset", "z", "naive"]
) -> None:
    box.twin24.options.times = times
    run = _run(box.twin24)
    assert_complete(run, box.twin24, CALLS)


def test_times_without_offset_are_of_the_zone_in_the_settings() -> None:
    with empty_sandbox() as box:
        box.twin24.options.times = "naive"
        box.twin24.of(CALLS).add_at(NOON, started_at=None, updated_at=NOON)
        # The server writes noon of Santiago, and filters by the instant it means.
        (row,) = box.twin24.of(CALLS).rows
        row.at = NOON + 4 * HOUR
        run = _run(box.twin24, timezone="America/Santiago")
    truth = box.twin24.truth(CALLS)
    for column in ("created_at", "updated_at"):
        truth = shifted(truth, column, lambda told: text(parse(told) + 4 * HOUR))
    assert run.code == 0
    assert_table_is(run.table(CALLS), truth)


def test_numbers_written_as_texts_become_numbers(box: Sandbox) -> None:
    box.twin24.options.numbers_as_text = True
    run = _run(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    assert all(record["extra"] is None for record in run.records(CALLS))


@pytest.mark.covers(82, 86)
def test_what_ends_or_is_billed_later_comes_with_the_next_run(box: Sandbox) -> None:
    with clock_at(box.end):
        first = _run(box.twin24)
    assert_complete(first, box.twin24, CALLS)
    grown = box.grow(7)["twin24"]
    assert grown["changed"] > 0
    second = _run(box.twin24, state=first.state, end_date="2024-06-05")
    assert second.code == 0
    table = upserted(first.table(CALLS), second, CALLS)
    assert_table_is(table, box.twin24.truth(CALLS))
