"""Calls without a start, found by status and by reason; and single calls with all that was said."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from provider_runs import asked, assert_complete, empty_sandbox, export
from support import DAY, UTC, failure, warnings_in

from sandbox import Sandbox
from tap_callexports.providers.retell.streams import PASSES, REASONS

CALLS, UNSTARTED, DETAILS = "retell_calls", "retell_unstarted_calls", "retell_call_details"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)


def add(box: Sandbox, *calls: tuple[str, str | None]) -> list[str]:
    """Add calls without a start, each a status and a reason; their ids."""
    handle = box.retell.of(UNSTARTED)
    return [
        handle.add_at(NOON, call_status=status, disconnection_reason=reason)[0].key
        for status, reason in calls
    ]


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["call_id"] for record in records}


def test_every_call_that_never_started_is_exported_once_whatever_its_status(box: Sandbox) -> None:
    # Several passes find these.
    add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
    run = export(box.retell, streams=[UNSTARTED], page_size=5)
    assert_complete(run, box.retell, UNSTARTED)
    statuses = {record["call_status"] for record in run.records(UNSTARTED)}
    assert statuses == {"not_connected", "error", "ended", "registered"}


def test_the_passes_are_the_two_statuses_and_then_each_reason() -> None:
    with empty_sandbox() as box:
        added = add(box, *(("ended", reason) for reason in REASONS))
        add(box, ("registered", None), ("ended", "a_reason_of_tomorrow"))
        # With a start: a call of the other stream.
        box.retell.add_at(NOON, call_status="error", disconnection_reason="error_user_not_joined")
        run = export(box.retell, streams=[CALLS, UNSTARTED])
        filters = [r.body["filter_criteria"] for r in asked(box.retell)]
    assert ids(run.records(UNSTARTED)) == set(added)
    assert len(run.records(CALLS)) == 1
    sent = [next(iter(one.items())) for one in filters if "start_timestamp" not in one]
    assert [(name, condition["value"][0]) for name, condition in sent] == list(PASSES)
    assert PASSES[:2] == (("call_status", "not_connected"), ("call_status", "error"))
    assert {name for name, _ in PASSES[2:]} == {"disconnection_reason"}


def test_a_reason_the_server_refuses_costs_a_warning_and_no_other_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.retell.options.unknown_reasons = {"budget_reached", "network_blocked"}
        added = add(box, ("ended", "no_valid_payment"), ("error", "budget_reached"))
        run = export(box.retell, streams=[UNSTARTED])
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
        box.retell.options.unfiltered = ignored
        box.retell.add(200, NOON, NOON + DAY)
        added = add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
        add(box, ("ended", "user_declined"))
        run = export(box.retell, streams=[UNSTARTED], page_size=20)
        assert len(asked(box.retell)) <= most
    assert run.code == 0
    assert set(added) <= ids(run.records(UNSTARTED))
    [warning] = warnings_in(caplog, f"did not apply the filter on {min(ignored)}")
    if len(ignored) == 2:
        assert_complete(run, box.retell, UNSTARTED)
        assert "filter_dialect" not in warning


CALLS_OF_EACH_KIND = [
    ("not_connected", "dial_busy"),
    ("not_connected", "dial_failed"),
    ("error", "no_valid_payment"),
    ("ended", "no_valid_payment"),
    ("ended", "user_declined"),
]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("call_status", ["not_connected"]),
        ("call_status", ["ended", "error"]),
        ("call_status", ["ended"]),
        ("disconnection_reason", ["no_valid_payment"]),
        ("disconnection_reason", ["user_hangup"]),
    ],
)
def test_a_condition_of_the_user_s_on_the_same_field_is_anded(name: str, values: list[str]) -> None:
    with empty_sandbox() as box:
        box.retell.add(20, NOON, NOON + DAY)
        added = add(box, *CALLS_OF_EACH_KIND)
        criteria = {name: {"type": "enum", "op": "in", "value": values}}
        run = export(box.retell, streams=[UNSTARTED], filter_criteria=criteria)
    assert run.code == 0
    kinds = zip(added, CALLS_OF_EACH_KIND, strict=True)
    wanted = {key for key, kind in kinds if kind[name == "disconnection_reason"] in values}
    assert wanted == ids(run.records(UNSTARTED)) & set(added)
    assert all(record[name] in values for record in run.records(UNSTARTED))


@pytest.mark.parametrize(
    ("condition", "statuses"),
    [
        ({"operator": "eq", "value": "error"}, {"error"}),
        ({"operator": "ne", "value": "error"}, {"not_connected"}),
        ({"op": "ne", "value": "ended"}, {"not_connected", "error"}),
        ({"op": "in", "value": ["error", "not_connected"]}, {"not_connected", "error"}),
    ],
)
def test_statuses_that_the_user_excludes_are_not_requested(
    condition: dict[str, Any], statuses: set[str]
) -> None:
    with empty_sandbox() as box:
        # Only what is requested counts here, in whichever dialect.
        box.retell.options.dialect, box.retell.options.wrong_dialect = "anunzi", "ignore"
        export(box.retell, streams=[UNSTARTED], filter_criteria={"call_status": condition})
        filters = [request.body["filter_criteria"] for request in asked(box.retell)]
    found = [each["call_status"] for each in filters if "disconnection_reason" not in each]
    assert {value for each in found for value in each["value"]} == statuses


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "string", "op": "co", "value": "not"},
        {"op": ["eq"], "value": 1},
        ["error"],
        "error",
    ],
)
def test_a_condition_that_cannot_be_combined_is_a_failure_that_says_what_to_do(
    condition: object,
) -> None:
    with empty_sandbox() as box:
        run = export(box.retell, streams=[UNSTARTED], filter_criteria={"call_status": condition})
        assert asked(box.retell) == []
    line = failure(run, UNSTARTED)
    assert "retell.filter_criteria.call_status cannot be combined" in line
    assert 'select "!retell_unstarted_calls.*"' in line


# Single calls.


@pytest.mark.parametrize("call_id", ["a/b", "a?b=1&c", "a%2Fb", "dos palabras", "ñandú#1;x+@:2"])
def test_an_id_of_any_characters_is_one_part_of_the_path(call_id: str) -> None:
    with empty_sandbox() as box:
        box.retell.add_at(NOON, call_id=call_id)
        run = export(box.retell, streams=[DETAILS])
    assert_complete(run, box.retell, DETAILS)
    [request] = asked(box.retell, "/get-call/")
    assert request.path.count("/") == "/retell/v2/get-call/x".count("/")
    assert request.query == {}


def test_the_path_of_a_call_is_a_setting(box: Sandbox) -> None:
    box.retell.options.details_path = "/v3/calls/{call_id}/all"
    run = export(box.retell, streams=[DETAILS])
    assert_complete(run, box.retell, DETAILS)
    assert len(asked(box.retell, "/all")) == len(run.records(DETAILS))
    run = export(box.retell, streams=[DETAILS], call_details_path="/v2/get-call/{call_id}")
    assert "/v2/get-call/{call_id}" in failure(run, DETAILS)
    assert "retell.call_details_path" in failure(run, DETAILS)
