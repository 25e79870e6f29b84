"""Calls without a start, found by status and by reason; and single calls with all that was said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from provider_runs import asked, assert_complete, empty_sandbox, export
from support import DAY, UTC, failure, warnings_in

from sandbox import Sandbox
from tap_callexports.providers.anunzi.filters import admits, equals
from tap_callexports.providers.anunzi.unstarted import PASSES, REASONS

CALLS, UNSTARTED, DETAILS = "anunzi_calls", "anunzi_unstarted_calls", "anunzi_call_details"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
DIALECTS = pytest.mark.parametrize("dialect", ["anunzi", "retell"])


def add(box: Sandbox, *calls: tuple[str, str | None]) -> list[str]:
    """Add calls without a start, each a status and a reason; their ids."""
    handle = box.anunzi.of(UNSTARTED)
    return [
        handle.add_at(NOON, call_status=status, disconnection_reason=reason)[0].key
        for status, reason in calls
    ]


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["call_id"] for record in records}


@DIALECTS
def test_every_call_that_never_started_is_exported_once_whatever_its_status(
    box: Sandbox, dialect: Any
) -> None:
    box.anunzi.options.dialect = dialect
    # Several passes find these.
    add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
    run = export(box.anunzi, streams=[UNSTARTED], filter_dialect=dialect, page_size=5)
    assert_complete(run, box.anunzi, UNSTARTED)
    statuses = {record["call_status"] for record in run.records(UNSTARTED)}
    assert statuses == {"not_connected", "error", "ended", "registered"}


def test_the_passes_are_the_two_statuses_and_then_each_reason() -> None:
    with empty_sandbox() as box:
        added = add(box, *(("ended", reason) for reason in REASONS))
        add(box, ("registered", None), ("ended", "a_reason_of_tomorrow"))
        # With a start: a call of the other stream.
        box.anunzi.add_at(NOON, call_status="error", disconnection_reason="error_user_not_joined")
        run = export(box.anunzi, streams=[CALLS, UNSTARTED])
        filters = [r.body["filter_criteria"] for r in asked(box.anunzi)]
    assert ids(run.records(UNSTARTED)) == set(added)
    assert len(run.records(CALLS)) == 1
    sent = [next(iter(one.items())) for one in filters if "start_timestamp" not in one]
    assert [(name, condition["value"]) for name, condition in sent] == list(PASSES)
    assert PASSES[:2] == (("call_status", "not_connected"), ("call_status", "error"))
    assert {name for name, _ in PASSES[2:]} == {"disconnection_reason"}


@DIALECTS
def test_a_reason_the_server_refuses_costs_a_warning_and_no_other_call(
    caplog: pytest.LogCaptureFixture, dialect: Any
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.dialect = dialect
        box.anunzi.options.unknown_reasons = {"budget_reached", "network_blocked"}
        added = add(box, ("ended", "no_valid_payment"), ("error", "budget_reached"))
        run = export(box.anunzi, streams=[UNSTARTED], filter_dialect=dialect)
    assert run.code == 0
    assert ids(run.records(UNSTARTED)) == set(added)
    [warning] = warnings_in(caplog, "disconnection_reason")
    assert "refused 2 of 18 values" in warning
    assert "network_blocked, budget_reached" in warning


@pytest.mark.parametrize(
    ("ignored", "most"),
    [({"disconnection_reason"}, 5), ({"disconnection_reason", "call_status"}, 12)],
)
def test_ignored_filters_read_every_call_once_and_that_of_reasons_alone_none(
    caplog: pytest.LogCaptureFixture, ignored: set[str], most: int
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.unfiltered = ignored
        box.anunzi.add(200, NOON, NOON + DAY)
        added = add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
        add(box, ("ended", "user_declined"))
        run = export(box.anunzi, streams=[UNSTARTED], page_size=20)
        assert len(asked(box.anunzi)) <= most
    assert run.code == 0
    assert set(added) <= ids(run.records(UNSTARTED))
    [warning] = warnings_in(caplog, f"did not apply the filter on {min(ignored)}")
    if len(ignored) == 2:
        assert_complete(run, box.anunzi, UNSTARTED)
        assert "anunzi.filter_dialect: retell" in warning


CALLS_OF_EACH_KIND = [
    ("not_connected", "dial_busy"),
    ("not_connected", "dial_failed"),
    ("error", "no_valid_payment"),
    ("ended", "no_valid_payment"),
    ("ended", "user_declined"),
]


@DIALECTS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("call_status", "not_connected"),
        ("call_status", "ended"),
        ("disconnection_reason", "no_valid_payment"),
        ("disconnection_reason", "user_hangup"),
    ],
)
def test_a_condition_of_the_user_s_on_the_same_field_is_anded(
    dialect: Any, name: str, value: str
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.dialect = dialect
        box.anunzi.add(20, NOON, NOON + DAY)
        added = add(box, *CALLS_OF_EACH_KIND)
        run = export(
            box.anunzi,
            streams=[UNSTARTED],
            filter_dialect=dialect,
            filter_criteria={name: equals(dialect, value)},
        )
    assert run.code == 0
    kinds = zip(added, CALLS_OF_EACH_KIND, strict=True)
    wanted = {key for key, kind in kinds if kind[name == "disconnection_reason"] == value}
    assert wanted == ids(run.records(UNSTARTED)) & set(added)
    assert all(record[name] == value for record in run.records(UNSTARTED))


def test_a_condition_that_cannot_be_combined_is_a_failure_that_says_what_to_do() -> None:
    with empty_sandbox() as box:
        condition = {"operator": "co", "value": "not"}
        run = export(box.anunzi, streams=[UNSTARTED], filter_criteria={"call_status": condition})
        assert asked(box.anunzi) == []
    line = failure(run, UNSTARTED)
    assert "anunzi.filter_criteria.call_status cannot be combined" in line
    assert 'select "!anunzi_unstarted_calls.*"' in line


@pytest.mark.parametrize(
    ("condition", "admitted"),
    [
        ({"operator": "eq", "value": "error"}, True),
        ({"operator": "eq", "value": "ended"}, False),
        ({"operator": "ne", "value": "ended"}, True),
        ({"type": "enum", "op": "in", "value": ["ended", "error"]}, True),
        ({"type": "enum", "op": "in", "value": ["ended"]}, False),
        ({"operator": "co", "value": "err"}, None),
        (["error"], None),
        ("error", None),
    ],
)
def test_what_a_condition_admits(condition: object, *, admitted: bool | None) -> None:
    assert admits(condition, "error") is admitted


# Single calls.


@pytest.mark.parametrize("call_id", ["a/b", "a?b=1&c", "a%2Fb", "dos palabras", "ñandú#1;x+@:2"])
def test_an_id_of_any_characters_is_one_part_of_the_path(call_id: str) -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(NOON, call_id=call_id)
        run = export(box.anunzi, streams=[DETAILS])
    assert_complete(run, box.anunzi, DETAILS)
    [request] = asked(box.anunzi, "/get-call/")
    assert request.path.count("/") == "/anunzi/v2/get-call/x".count("/")
    assert request.query == {}


def test_the_path_of_a_call_is_a_setting(box: Sandbox) -> None:
    box.anunzi.options.details_path = "/v3/calls/{call_id}/all"
    run = export(box.anunzi, streams=[DETAILS])
    assert_complete(run, box.anunzi, DETAILS)
    assert len(asked(box.anunzi, "/all")) == len(run.records(DETAILS))
    run = export(box.anunzi, streams=[DETAILS], call_details_path="/v2/get-call/{call_id}")
    assert "/v2/get-call/{call_id}" in failure(run, DETAILS)
    assert "anunzi.call_details_path" in failure(run, DETAILS)
