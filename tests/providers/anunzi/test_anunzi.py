"""Anunzi and Retell AI: two ways to write a filter, understood, refused or ignored."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from provider_runs import (
    asked,
    assert_complete,
    assert_each_once,
    empty_sandbox,
    export,
    failure,
    warnings_in,
)
from seam import rows_per_window
from support import assert_table_is

from sandbox import Fault
from sandbox.anunzi import AGENTS
from sandbox.instants import MILLISECOND, UTC

if TYPE_CHECKING:
    from sandbox import Sandbox
    from sandbox.filters import Dialect

BOTH = CALLS, UNSTARTED = "anunzi_calls", "anunzi_unstarted_calls"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
OTHER = {"anunzi": "retell", "retell": "anunzi"}
DIALECTS = pytest.mark.parametrize("dialect", ["anunzi", "retell"])


def _equals(dialect: str, name: str, value: str) -> dict[str, Any]:
    """A condition of one's own, in a dialect."""
    if dialect == "retell":
        return {name: {"type": "enum", "op": "in", "value": [value]}}
    return {name: {"operator": "eq", "value": value}}


@pytest.mark.parametrize(
    ("server", "setting"),
    [("anunzi", "anunzi"), ("retell", "retell"), ("both", "anunzi"), ("both", "retell")],
)
def test_both_dialects_give_every_call(box: Sandbox, server: Dialect, setting: str) -> None:
    box.anunzi.options.dialect = server
    run = export(box.anunzi, streams=BOTH, filter_dialect=setting, page_size=30)
    assert_complete(run, box.anunzi, CALLS)
    assert_complete(run, box.anunzi, UNSTARTED)
    assert_each_once(run, CALLS)


@pytest.mark.covers(15)
@DIALECTS
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", [CALLS, UNSTARTED])
def test_a_refused_dialect_fails_at_once_and_names_the_other(
    box: Sandbox, dialect: Literal["anunzi", "retell"], stream: str, workers: int
) -> None:
    box.anunzi.options.dialect = dialect
    wrong = OTHER[dialect]
    run = export(box.anunzi, streams=[stream], filter_dialect=wrong, max_concurrency=workers)
    line = failure(run, stream)
    assert f"anunzi.filter_dialect: {dialect}" in line
    assert "has an invalid format" in line
    assert run.records(stream) == []
    # No question is put twice, and no worker puts more than one.
    questions = [json.dumps(request.body) for request in asked(box.anunzi)]
    assert len(questions) == len(set(questions)) <= workers


@pytest.mark.covers(14)
@DIALECTS
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
@pytest.mark.parametrize("page_size", [7, 500])
def test_an_ignored_dialect_costs_one_warning_and_one_scan_but_no_call(
    caplog: pytest.LogCaptureFixture,
    dialect: Literal["anunzi", "retell"],
    sort: Literal["honoured", "ignored"],
    page_size: int,
) -> None:
    with empty_sandbox() as box:
        options = box.anunzi.options
        options.dialect, options.wrong_dialect, options.sort = dialect, "ignore", sort
        # Calls before and after the export, which an ignored filter brings in.
        instants = [NOON + timedelta(hours=7 * step) for step in range(-80, 80)]
        box.anunzi.add_at(*instants)
        run = export(
            box.anunzi,
            streams=[CALLS],
            filter_dialect=OTHER[dialect],
            page_size=page_size,
            start_date="2024-05-05",
            end_date="2024-05-15",
        )
    truth = {
        key: record
        for key, record in box.anunzi.truth(CALLS).items()
        if "2024-05-05" <= record["start_timestamp"] < "2024-05-15"
    }
    assert run.code == 0
    assert_table_is(run.table(CALLS), truth)
    assert_each_once(run, CALLS)
    assert run.bookmark(CALLS) == "2024-05-15T00:00:00.000000Z"
    (warning,) = warnings_in(caplog, "filter_dialect")
    assert f"anunzi.filter_dialect: {dialect}" in warning
    # The windows begun before it was noticed, and one scan.
    assert len(asked(box.anunzi)) <= 4 + len(instants) / page_size + 1


@pytest.mark.covers(14, 17)
def test_calls_without_a_start_are_handed_over_where_the_filter_is_ignored(box: Sandbox) -> None:
    box.anunzi.options.dialect = "retell"
    box.anunzi.options.wrong_dialect = "ignore"
    run = export(box.anunzi, streams=BOTH, filter_dialect="anunzi")
    assert_complete(run, box.anunzi, UNSTARTED)
    # No filter can have placed them, so no filter field drops them.
    assert_table_is(run.table(CALLS), box.anunzi.truth(CALLS) | box.anunzi.truth(UNSTARTED))


@pytest.mark.covers(14, 17)
def test_calls_without_a_start_stay_where_others_in_their_answer_are_left_out() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.wrong_dialect = "ignore"
        box.anunzi.of(UNSTARTED).add_at(*[NOON] * 3)
        box.anunzi.add_at(NOON, NOON + timedelta(days=100))
        run = export(box.anunzi, filter_dialect="retell", end_date="2024-05-15")
    starts = [record["start_timestamp"] for record in run.table(CALLS).values()]
    assert run.code == 0
    assert sorted(starts, key=str) == ["2024-05-09T12:00:00.000000Z", None, None, None]


@pytest.mark.covers(17)
@DIALECTS
def test_calls_without_a_start_are_only_in_their_own_stream(
    box: Sandbox, dialect: Literal["anunzi", "retell"]
) -> None:
    box.anunzi.options.dialect = dialect
    # Not connected, and yet with a start: an ordinary call.
    box.anunzi.add_at(NOON, call_status="not_connected")
    run = export(box.anunzi, streams=BOTH, filter_dialect=dialect)
    started, unstarted = run.records(CALLS), run.records(UNSTARTED)
    assert unstarted
    assert all(record["start_timestamp"] for record in started)
    assert all(record["start_timestamp"] is None for record in unstarted)
    assert_complete(run, box.anunzi, CALLS)
    assert_complete(run, box.anunzi, UNSTARTED)


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_ends_of_a_range_may_or_may_not_belong_to_it(*, inclusive: bool) -> None:
    midnights = [datetime(2024, 5, day, tzinfo=UTC) for day in range(1, 31)]
    with empty_sandbox() as box:
        box.anunzi.options.bt_inclusive = inclusive
        for at in midnights:
            box.anunzi.add_at(at, at + MILLISECOND, at + timedelta(days=1) - MILLISECOND)
        run = export(box.anunzi, page_size=10)
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(22, 40)
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_an_order_that_is_not_the_one_asked_for_changes_nothing(
    box: Sandbox, sort: Literal["honoured", "ignored"]
) -> None:
    box.anunzi.options.sort = sort
    run = export(box.anunzi, page_size=9)
    assert_complete(run, box.anunzi, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(23)
@DIALECTS
def test_filters_reach_every_page_and_all_pages_of_a_window_ask_the_same(
    box: Sandbox, dialect: Literal["anunzi", "retell"]
) -> None:
    box.anunzi.options.dialect = dialect
    criteria = _equals(dialect, "direction", "outbound")
    run = export(
        box.anunzi,
        streams=[CALLS],
        filter_dialect=dialect,
        filter_criteria=criteria,
        agent_ids=list(AGENTS[:2]),
        page_size=5,
    )
    truth = {
        key: record
        for key, record in box.anunzi.truth(CALLS).items()
        if record.get("direction") == "outbound" and record["agent_id"] in AGENTS[:2]
    }
    assert truth
    assert_table_is(run.table(CALLS), truth)
    pages: dict[str, int] = {}
    for request in asked(box.anunzi):
        body = dict(request.body)
        body.pop("pagination_key", None)
        sent = body["filter_criteria"]
        assert sent["direction"] == criteria["direction"]
        assert sent["agent"] == [{"agent_id": agent} for agent in AGENTS[:2]]
        assert set(body) == {"filter_criteria", "sort_order", "limit"}
        question = json.dumps(body, sort_keys=True)
        pages[question] = pages.get(question, 0) + 1
    assert max(pages.values()) > 1


@DIALECTS
def test_a_condition_on_the_status_of_ones_own_reaches_the_server(
    box: Sandbox, dialect: Literal["anunzi", "retell"]
) -> None:
    box.anunzi.options.dialect = dialect
    criteria = _equals(dialect, "call_status", "ended")
    run = export(box.anunzi, streams=BOTH, filter_dialect=dialect, filter_criteria=criteria)
    assert run.code == 0
    assert {record["call_status"] for record in run.records(CALLS)} == {"ended"}
    assert {record["call_status"] for record in run.records(UNSTARTED)} == {"ended"}


def test_an_empty_balance_fails_without_another_try(box: Sandbox) -> None:
    box.anunzi.faults.add(Fault("status", status=402, times=99))
    run = export(box.anunzi, streams=[CALLS], max_concurrency=1)
    assert "402" in failure(run, CALLS)
    assert len(asked(box.anunzi)) == 1


def test_the_key_to_a_call_s_room_is_never_exported(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    run = export(box.anunzi)
    web_calls = [record for record in run.records(CALLS) if record["call_type"] == "web_call"]
    assert web_calls
    assert all(record["extra"] is None for record in web_calls)
    output = json.dumps(run.lines) + caplog.text
    assert "canary-access-token" not in output
    assert "access_token" not in output


def test_a_field_nobody_knows_is_kept_and_the_room_key_is_not(box: Sandbox) -> None:
    (row,) = box.anunzi.add_at(NOON, call_type="web_call")
    row.extra_wire = {"new_field": {"a": 1}, "campaña": "mayo"}
    run = export(box.anunzi)
    assert run.table(CALLS)[(row.key,)]["extra"] == {"new_field": {"a": 1}, "campaña": "mayo"}


def test_a_slash_at_the_end_of_the_address_changes_nothing(box: Sandbox) -> None:
    run = export(box.anunzi, api_url=box.anunzi.config()["api_url"] + "/")
    assert_complete(run, box.anunzi, CALLS)
    assert {request.path for request in asked(box.anunzi)} == {"/anunzi/v3/list-calls"}


@rows_per_window(10)
def test_calls_without_a_start_that_come_with_every_window_do_not_make_windows_smaller() -> None:
    with empty_sandbox() as box:
        box.anunzi.of(UNSTARTED).add_at(*[NOON] * 30)
        # The filter is ignored, and no call has a time that would show it.
        box.anunzi.options.wrong_dialect = "ignore"
        run = export(box.anunzi, filter_dialect="retell")
    assert run.code == 0
    assert len(run.table(CALLS)) == 30
    assert len(asked(box.anunzi)) < 20
