"""Twin24's fields: what is asked for, in which spelling it comes, and whose calls they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    empty_sandbox,
    export,
    failure,
    shifted,
    with_columns,
)
from support import assert_table_is

from sandbox.instants import UTC, parse, text
from sandbox.twin24 import INCOMING

if TYPE_CHECKING:
    from sandbox import Sandbox

CALLS = "twin24_incoming_calls"
LIST = "/statistics/cis/sessions/incoming"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_all_fields_are_asked_for_by_name(box: Sandbox) -> None:
    run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    for request in asked(box.twin24, LIST):
        assert sorted(request.query["fields"].split(",")) == sorted(INCOMING.columns)


def test_only_selected_columns_are_asked_for_and_handed_over(box: Sandbox) -> None:
    catalog = with_columns(box.twin24, CALLS, "duration", "ai_call_llm_total_cost")
    run = export(box.twin24, catalog=catalog)
    assert run.code == 0
    asked_for = {"callId", "startedAt", "companyId", "duration", "aiCallLlmTotalCost"}
    for request in asked(box.twin24, LIST):
        assert set(request.query["fields"].split(",")) <= asked_for
        assert {"callId", "startedAt", "duration"} <= set(request.query["fields"].split(","))
    wanted = ("call_id", "started_at", "duration", "ai_call_llm_total_cost")
    records = run.records(CALLS)
    assert len(records) == len(box.twin24.rows)
    truth = box.twin24.truth(CALLS)
    for record in records:
        expected = truth[(record["call_id"],)]
        assert {name: record[name] for name in wanted} == {n: expected[n] for n in wanted}
        assert "messages_as_string" not in record


def test_extra_fields_are_asked_for_and_arrive_in_extra(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INCOMING.columns, "createdAt", "region_name")
    monkeypatch.setitem(INCOMING.columns, "botId", "company_id")
    run = export(box.twin24, extra_fields=["createdAt", "botId"])
    assert_complete(run, box.twin24, CALLS)
    for record in run.records(CALLS):
        assert record["extra"] == {"createdAt": record["region_name"], "botId": 1}


def test_extra_params_go_with_every_page(box: Sandbox) -> None:
    run = export(box.twin24, page_size=10, extra_params={"paid": "true", "newLinks": 1})
    assert_complete(run, box.twin24, CALLS)
    for request in asked(box.twin24, LIST):
        assert (request.query["paid"], request.query["newLinks"]) == ("true", "1")


@pytest.mark.parametrize("field", ["startedAt", "createdAt"])
def test_the_filtered_time_is_a_parameter_where_its_name_is_known(box: Sandbox, field: str) -> None:
    box.twin24.options.date_field_param = "dateField"
    run = export(box.twin24, date_field_param="dateField", date_field=field)
    assert_complete(run, box.twin24, CALLS)
    assert {request.query["dateField"] for request in asked(box.twin24, LIST)} == {field}


def test_no_name_of_a_parameter_is_guessed(box: Sandbox) -> None:
    export(box.twin24, date_field="updatedAt", page_size=20)
    known = {"fields", "from", "to", "sort", "limit", "offset"}
    assert {name for request in asked(box.twin24, LIST) for name in request.query} == known


@pytest.mark.covers(38, 40)
def test_a_filter_on_another_time_loses_no_call() -> None:
    with empty_sandbox() as box:
        box.twin24.add(80, NOON - 90 * HOUR, NOON)
        for number, row in enumerate(box.twin24.rows):
            # Filed minutes or hours after they began: in another window than their start.
            row.at = row.sort_at + timedelta(minutes=37 * (number % 60))
        run = export(box.twin24, page_size=7)
    assert_complete(run, box.twin24, CALLS)


def test_one_company_is_asked_for_at_a_time(box: Sandbox) -> None:
    box.twin24.options.companies = [1, 2, 3]
    box.twin24.add(60, NOON, NOON + 90 * HOUR)
    run = export(box.twin24, company_ids=[1, 3])
    truth = {
        key: record
        for key, record in box.twin24.truth(CALLS).items()
        if record["company_id"] in {1, 3}
    }
    assert {record["company_id"] for record in truth.values()} == {1, 3}
    assert run.code == 0
    assert_table_is(run.table(CALLS), truth)
    assert {r.query["companyIds"] for r in asked(box.twin24, LIST)} == {"1", "3"}


def test_without_companies_the_token_decides(box: Sandbox) -> None:
    run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    assert all("companyIds" not in request.query for request in asked(box.twin24, LIST))


def test_a_call_of_another_company_than_asked_for_fails(box: Sandbox) -> None:
    box.twin24.rows[5].extra_wire = {"companyId": 9}
    run = export(box.twin24, company_ids=[1])
    assert "twin24.company_ids" in failure(run, CALLS)
    assert (box.twin24.rows[5].canonical["call_id"],) not in run.table(CALLS)


def test_the_company_of_a_call_is_looked_at_though_its_column_is_not_selected(
    box: Sandbox,
) -> None:
    box.twin24.rows[5].extra_wire = {"companyId": 9}
    run = export(box.twin24, company_ids=[1], catalog=with_columns(box.twin24, CALLS, "duration"))
    assert "twin24.company_ids" in failure(run, CALLS)


@pytest.mark.parametrize("times", ["offset", "z", "naive"])
def test_times_are_read_in_any_of_their_forms(
    box: Sandbox, times: Literal["offset", "z", "naive"]
) -> None:
    box.twin24.options.times = times
    run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)


def test_times_without_offset_are_of_the_zone_in_the_settings(box: Sandbox) -> None:
    box.twin24.options.times = "naive"
    run = export(box.twin24, timezone="America/Santiago")
    # In May, Santiago is four hours behind.
    truth = shifted(
        box.twin24.truth(CALLS), "started_at", lambda told: text(parse(told) + 4 * HOUR)
    )
    assert run.code == 0
    assert_table_is(run.table(CALLS), truth)


@pytest.mark.parametrize("times", ["offset", "z"])
def test_times_with_offset_do_not_care_for_the_zone_in_the_settings(
    box: Sandbox, times: Literal["offset", "z"]
) -> None:
    box.twin24.options.times = times
    run = export(box.twin24, timezone="America/Santiago")
    assert_complete(run, box.twin24, CALLS)


def test_numbers_written_as_texts_become_numbers(box: Sandbox) -> None:
    box.twin24.options.numbers_as_text = True
    run = export(box.twin24)
    assert_complete(run, box.twin24, CALLS)
    assert all(record["extra"] is None for record in run.records(CALLS))


def test_a_list_without_call_ids_is_not_the_list_asked_for(box: Sandbox) -> None:
    for row in box.twin24.rows:
        row.extra_wire = {"callId": None}
    run = export(box.twin24)
    assert "call_id" in failure(run, CALLS)
    assert run.records(CALLS) == []
    assert run.bookmark(CALLS) is None
