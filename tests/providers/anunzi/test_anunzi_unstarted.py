"""Calls without a start: found by status and by reason, once each, without reading all calls."""

from __future__ import annotations

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

from sandbox.instants import UTC
from tap_callexports.providers.anunzi.filters import admits, equals
from tap_callexports.providers.anunzi.unstarted import PASSES, REASONS

if TYPE_CHECKING:
    from sandbox import Sandbox

BOTH = CALLS, UNSTARTED = "anunzi_calls", "anunzi_unstarted_calls"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
DIALECTS = pytest.mark.parametrize("dialect", ["anunzi", "retell"])
Dialect = Literal["anunzi", "retell"]


def _add(box: Sandbox, *calls: tuple[str, str | None]) -> list[str]:
    """Add calls without a start, each a status and a reason; their ids."""
    return [
        box.anunzi.of(UNSTARTED)
        .add_at(NOON, call_status=status, disconnection_reason=reason)[0]
        .key
        for status, reason in calls
    ]


def _ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["call_id"] for record in records}


def _conditions(box: Sandbox) -> list[tuple[str, str]]:
    """The field and the value that each request asked for, on the first pages."""
    found = []
    for request in asked(box.anunzi):
        if "pagination_key" not in request.body:
            ((name, condition),) = request.body["filter_criteria"].items()
            value = condition["value"]
            found.append((name, value[0] if isinstance(value, list) else value))
    return found


@DIALECTS
def test_every_call_that_never_started_is_exported_once_whatever_its_status(
    box: Sandbox, dialect: Dialect
) -> None:
    box.anunzi.options.dialect = dialect
    run = export(box.anunzi, streams=[UNSTARTED], filter_dialect=dialect, page_size=5)
    assert_complete(run, box.anunzi, UNSTARTED)
    assert_each_once(run, UNSTARTED)
    statuses = {record["call_status"] for record in run.records(UNSTARTED)}
    assert statuses == {"not_connected", "error", "ended", "registered"}


def test_the_passes_are_the_two_statuses_and_then_each_reason() -> None:
    with empty_sandbox() as box:
        assert export(box.anunzi, streams=[UNSTARTED]).code == 0
        assert _conditions(box) == list(PASSES)
    assert PASSES[:2] == (("call_status", "not_connected"), ("call_status", "error"))
    assert {name for name, _ in PASSES[2:]} == {"disconnection_reason"}
    assert ("call_status", "ended") not in PASSES


def test_each_reason_finds_its_calls() -> None:
    with empty_sandbox() as box:
        added = _add(box, *(("ended", reason) for reason in REASONS))
        run = export(box.anunzi, streams=[UNSTARTED])
    assert _ids(run.records(UNSTARTED)) == set(added)


def test_a_call_that_several_passes_find_is_exported_once() -> None:
    with empty_sandbox() as box:
        _add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
        run = export(box.anunzi, streams=[UNSTARTED])
    assert len(run.records(UNSTARTED)) == 2


def test_a_call_with_a_start_is_left_to_the_other_stream() -> None:
    with empty_sandbox() as box:
        box.anunzi.add_at(NOON, call_status="error", disconnection_reason="error_user_not_joined")
        (never,) = _add(box, ("error", "error_user_not_joined"))
        run = export(box.anunzi, streams=BOTH)
    assert _ids(run.records(UNSTARTED)) == {never}
    assert len(run.records(CALLS)) == 1


def test_what_no_filter_finds_is_not_read() -> None:
    with empty_sandbox() as box:
        _add(box, ("registered", None), ("ended", "a_reason_of_tomorrow"))
        run = export(box.anunzi, streams=BOTH)
    assert run.code == 0
    assert run.records(UNSTARTED) == run.records(CALLS) == []


@DIALECTS
def test_a_reason_the_server_refuses_costs_a_warning_and_no_other_call(
    caplog: pytest.LogCaptureFixture, dialect: Dialect
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.dialect = dialect
        box.anunzi.options.unknown_reasons = {"budget_reached", "network_blocked"}
        added = _add(box, ("ended", "no_valid_payment"), ("error", "budget_reached"))
        run = export(box.anunzi, streams=[UNSTARTED], filter_dialect=dialect)
    assert run.code == 0
    assert _ids(run.records(UNSTARTED)) == set(added)
    (warning,) = warnings_in(caplog, "disconnection_reason")
    assert "refused 2 of 18 values" in warning
    assert "network_blocked, budget_reached" in warning


def test_a_filter_that_is_refused_from_the_start_is_a_failure() -> None:
    with empty_sandbox() as box:
        box.anunzi.options.dialect = "retell"
        run = export(box.anunzi, streams=[UNSTARTED], filter_dialect="anunzi")
    assert "400, the filter was refused" in failure(run, UNSTARTED)


def test_an_ignored_filter_on_the_reason_is_not_a_reason_to_read_every_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.unfiltered = {"disconnection_reason"}
        box.anunzi.add(200, NOON, NOON + timedelta(days=1))
        added = _add(box, ("error", "no_valid_payment"), ("not_connected", "dial_busy"))
        _add(box, ("ended", "user_declined"))
        run = export(box.anunzi, streams=[UNSTARTED], page_size=20)
        pages = len(asked(box.anunzi))
    assert run.code == 0
    assert set(added) <= _ids(run.records(UNSTARTED))
    (warning,) = warnings_in(caplog, "disconnection_reason")
    assert "did not apply the filter on disconnection_reason" in warning
    assert pages < 6


def test_filters_that_are_all_ignored_read_every_call_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.unfiltered = {"disconnection_reason", "call_status"}
        box.anunzi.add(200, NOON, NOON + timedelta(days=1))
        _add(box, ("error", None), ("ended", "user_declined"), ("registered", None))
        run = export(box.anunzi, streams=[UNSTARTED], page_size=20)
        pages = len(asked(box.anunzi))
    assert_complete(run, box.anunzi, UNSTARTED)
    (warning,) = warnings_in(caplog, "did not apply the filter on call_status")
    assert "anunzi.filter_dialect: retell" in warning
    assert pages <= 203 / 20 + 1


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
        ("call_status", "error"),
        ("call_status", "ended"),
        ("disconnection_reason", "no_valid_payment"),
        ("disconnection_reason", "user_hangup"),
    ],
)
def test_a_condition_of_the_user_s_on_the_same_field_is_anded(
    dialect: Dialect, name: str, value: str
) -> None:
    with empty_sandbox() as box:
        box.anunzi.options.dialect = dialect
        box.anunzi.add(20, NOON, NOON + timedelta(days=1))
        added = _add(box, *CALLS_OF_EACH_KIND)
        run = export(
            box.anunzi,
            streams=[UNSTARTED],
            filter_dialect=dialect,
            filter_criteria={name: equals(dialect, value)},
        )
    assert run.code == 0
    column = ("call_status", "disconnection_reason").index(name)
    wanted = {
        key for key, call in zip(added, CALLS_OF_EACH_KIND, strict=True) if call[column] == value
    }
    assert wanted == _ids(run.records(UNSTARTED)) & set(added)
    assert all(record[name] == value for record in run.records(UNSTARTED))


def test_a_condition_that_cannot_be_combined_is_a_failure_that_says_what_to_do() -> None:
    with empty_sandbox() as box:
        condition = {"operator": "co", "value": "not"}
        run = export(box.anunzi, streams=[UNSTARTED], filter_criteria={"call_status": condition})
        line = failure(run, UNSTARTED)
        assert asked(box.anunzi) == []
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
