"""Twin24's two lists: pages that are clamped, shifted or repeated, periods, fields, companies."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from provider_runs import (
    FOR_EVER,
    answer_with,
    asked,
    assert_complete,
    assert_safe,
    empty_sandbox,
    export,
    truth_where,
    with_columns,
)
from support import (
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    UTC,
    assert_table_is,
    failure,
    instant,
    text,
    upserted,
    warnings_in,
)

from sandbox import Fault, LoggedRequest, Sandbox
from sandbox.twin24 import Twin24Api

INCOMING, CALLS = "twin24_incoming_calls", "twin24_calls"
#: Part of the path of each list, and of no other.
PATHS = {INCOMING: "/sessions/incoming", CALLS: "/search/cis/calls"}
TIMES = {INCOMING: "started_at", CALLS: "created_at"}
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
LISTS = pytest.mark.parametrize("stream", PATHS)
COUNTS = pytest.mark.parametrize("count", ["int", "text", "absent"])


def lists_of(api: Twin24Api) -> list[LoggedRequest]:
    """Requests so far, logins apart."""
    return [request for request in api.requests if "login" not in request.path]


# Pages.


@LISTS
def test_responses_without_a_count_are_mentioned_once(
    box: Sandbox, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    box.twin24.options.count = "absent"
    run = export(box.twin24, streams=[stream], page_size=20)
    assert_complete(run, box.twin24, stream)
    assert len(warnings_in(caplog, "no count")) == 1


# Periods.


@LISTS
@COUNTS
def test_more_calls_in_a_second_than_a_period_may_have_fail_and_are_read_by_a_later_run(
    stream: str, count: Any
) -> None:
    with empty_sandbox() as box:
        api = box.twin24
        api.options.ceiling, api.options.count = 50, count
        api.of(stream).add(30, NOON - 60 * HOUR, NOON - 40 * HOUR)
        api.of(stream).add_at(*[NOON + 500 * MILLISECOND] * 51)
        run = export(api, streams=[stream], max_records=50)
        line = failure(run, stream)
        assert "50" in line
        assert "2024-05-09T1" in line
        assert (run.bookmark(stream) or "") <= text(NOON + SECOND)
        assert_safe(run, api, stream)
        assert len(run.table(stream)) == 30
        # A contract that allows more is one setting away, and nothing was lost till then.
        api.options.ceiling = 500
        again = export(api, streams=[stream], max_records=500, state=run.state)
    assert again.code == 0
    assert_table_is(upserted(run.table(stream), again, stream), api.truth(stream))


def test_a_filter_on_another_time_loses_no_incoming_call() -> None:
    with empty_sandbox() as box:
        box.twin24.add(80, NOON - 90 * HOUR, NOON)
        for number, row in enumerate(box.twin24.rows):
            # Filed minutes or hours after they began: in another window than their start.
            row.at = row.sort_at + 37 * (number % 60) * MINUTE
        run = export(box.twin24, page_size=7)
    assert_complete(run, box.twin24)


# Requests.


@LISTS
def test_every_page_of_a_period_asks_the_same_and_nothing_is_guessed(
    box: Sandbox, stream: str
) -> None:
    run = export(
        box.twin24, streams=[stream], page_size=10, max_concurrency=1, date_field="updatedAt"
    )
    assert_complete(run, box.twin24, stream)
    queries = [request.query for request in lists_of(box.twin24)]
    sort = {INCOMING: "startedAt", CALLS: "createdAt"}[stream]
    for query in queries:
        assert set(query) == {"fields", "from", "to", "sort", "limit", "offset"}
        assert (query["sort"], query["limit"]) == (sort, "10")
        assert query["from"][-6:] == query["to"][-6:] == "+00:00"
    assert max(int(query["offset"]) for query in queries) > 0
    for before, after in pairwise(queries):
        if after["offset"] != "0":
            assert {**before, "offset": ""} == {**after, "offset": ""}


@pytest.mark.parametrize(
    ("stream", "fields"),
    [
        (INCOMING, {"callId", "startedAt", "companyId", "duration"}),
        (CALLS, {"id", "createdAt", "duration"}),
    ],
)
def test_only_selected_columns_are_requested_and_handed_over(
    box: Sandbox, stream: str, fields: set[str]
) -> None:
    companies: Any = {"company_ids": [1]} if "companyId" in fields else {}
    run = export(box.twin24, catalog=with_columns(box.twin24, stream, "duration"), **companies)
    assert run.code == 0
    for request in lists_of(box.twin24):
        assert set(request.query["fields"].split(",")) == fields
    wanted = {box.twin24.keys[stream][0], TIMES[stream], "duration"}
    truth = box.twin24.truth(stream)
    assert run.table(stream) == {
        key: {name: record[name] for name in wanted} for key, record in truth.items()
    }


@LISTS
def test_extra_fields_are_requested_and_arrive_in_extra(box: Sandbox, stream: str) -> None:
    row = {"callId": "c1", "id": "c1", "startedAt": text(NOON), "createdAt": text(NOON)}
    body = {"count": 1, "items": [{**row, "companyId": 1, "campaignId": 5}]}
    answer_with(box.twin24, PATHS[stream], body)
    run = export(
        box.twin24,
        streams=[stream],
        extra_fields=["campaignId"],
        start_date="2024-05-09",
        end_date="2024-05-10",
    )
    [record] = run.records(stream)
    assert record["extra"]["campaignId"] == 5
    for request in lists_of(box.twin24):
        assert "campaignId" in request.query["fields"].split(",")


@LISTS
def test_a_field_the_server_does_not_know_fails_and_is_requested_once(
    box: Sandbox, stream: str
) -> None:
    run = export(box.twin24, streams=[stream], extra_fields=["nonsense"], max_concurrency=1)
    assert "400" in failure(run, stream)
    assert run.bookmark(stream) is None
    assert len(lists_of(box.twin24)) == 1


def test_parameters_of_ones_own_go_with_every_page(box: Sandbox) -> None:
    given: Any = {"extra_params": {"paid": "true", "newLinks": 1}}
    given |= {"date_field_param": "dateField", "date_field": "createdAt"}
    box.twin24.options.date_field_param = "dateField"
    run = export(box.twin24, streams=[INCOMING, CALLS], page_size=10, **given)
    assert_complete(run, box.twin24, INCOMING, CALLS)
    for request in lists_of(box.twin24):
        assert (request.query["paid"], request.query["newLinks"]) == ("true", "1")
        # The filtered time is chosen for incoming calls only.
        field = "createdAt" if PATHS[INCOMING] in request.path else None
        assert request.query.get("dateField") == field


def test_the_path_of_incoming_calls_is_a_setting(box: Sandbox) -> None:
    box.twin24.options.path = "/telephony/sessions"
    run = export(box.twin24)
    assert_complete(run, box.twin24)
    path = "/statistics/cis/sessions/incoming"
    run = export(box.twin24, incoming_calls_path=path, max_concurrency=1)
    assert "twin24.incoming_calls_path" in failure(run, INCOMING)
    assert len(asked(box.twin24, path)) == 1


def test_call_statistics_that_are_not_there_are_blamed_on_the_address(box: Sandbox) -> None:
    box.twin24.faults.add(Fault("status", status=404, times=99), PATHS[CALLS])
    line = failure(export(box.twin24, streams=[CALLS], max_concurrency=1), CALLS)
    assert "api_url" in line
    assert "incoming_calls_path" not in line
    assert len(lists_of(box.twin24)) == 1


# Companies.


@LISTS
def test_companies_are_requested_one_at_a_time(box: Sandbox, stream: str) -> None:
    api = box.twin24
    api.options.companies = [1, 2, 3]
    api.of(stream).add(60, NOON, NOON + 90 * HOUR)
    run = export(api, streams=[stream], company_ids=[1, 3], page_size=9)
    key = api.keys[stream][0]
    wanted = {row.canonical[key] for row in api.of(stream).rows if row.canonical["company_id"] != 2}
    truth = truth_where(api, stream, lambda record: record[key] in wanted)
    assert_complete(run, api, stream, truth=truth)
    assert {request.query["companyIds"] for request in lists_of(api)} == {"1", "3"}


@pytest.mark.parametrize("columns", [None, ("duration",)])
def test_an_incoming_call_of_another_company_than_requested_fails(
    box: Sandbox, columns: tuple[str, ...] | None
) -> None:
    box.twin24.rows[5].extra_wire = {"companyId": 9}
    catalog = with_columns(box.twin24, INCOMING, *columns) if columns else None
    run = export(box.twin24, company_ids=[1], catalog=catalog)
    assert "twin24.company_ids" in failure(run, INCOMING)
    assert (box.twin24.rows[5].canonical["call_id"],) not in run.table(INCOMING)


def test_calls_that_come_for_two_companies_say_that_the_server_ignores_them(box: Sandbox) -> None:
    def forget_company(request: Any) -> bool:
        request.query.pop("companyIds", None)
        return False

    box.twin24.faults.add(Fault("slow", times=FOR_EVER), PATHS[CALLS], when=forget_company)
    run = export(box.twin24, streams=[CALLS], company_ids=[1, 2])
    assert "twin24.company_ids" in failure(run, CALLS)
    assert run.records(CALLS) == []
    assert run.bookmark(CALLS) is None


# Values.


@LISTS
@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
@pytest.mark.parametrize("times", ["offset", "z", "naive"])
def test_times_are_read_in_any_form_and_only_naive_ones_in_the_zone_of_the_settings(
    stream: str, times: Any, zone: str
) -> None:
    with empty_sandbox() as box:
        box.twin24.options.times = times
        rows = box.twin24.of(stream).add_at(*(NOON + number * 9 * HOUR for number in range(9)))
        # In May, Santiago is four hours behind: so much later is the instant that is meant.
        later = 4 * HOUR if (times, zone) == ("naive", "America/Santiago") else 0 * HOUR
        for row in rows:
            row.at += later
        run = export(box.twin24, streams=[stream], timezone=zone)
    assert run.code == 0
    column = TIMES[stream]
    assert {key: record[column] for key, record in run.table(stream).items()} == {
        key: text(instant(record[column]) + later)
        for key, record in box.twin24.truth(stream).items()
    }
