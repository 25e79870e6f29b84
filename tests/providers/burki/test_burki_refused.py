"""Burki's refusals: a 401 may be an outage that heals, a wrong key is not tried for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from provider_runs import asked, assert_complete, assert_safe, export, failure

from sandbox import Fault
from tap_callexports.providers.burki.provider import Burki

if TYPE_CHECKING:
    from sandbox import Sandbox

CALLS = "burki_calls"
EXPORT = "/calls/export"


@pytest.fixture(autouse=True)
def quick_401(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries after a 401 as ever, without the seconds between them."""
    monkeypatch.setattr(
        Burki,
        "unauthorised_waits",
        tuple(tuple(0.01 for _ in waits) for waits in Burki.unauthorised_waits),
    )


@pytest.mark.covers(123)
def test_a_401_at_the_first_request_may_be_an_outage(box: Sandbox) -> None:
    box.burki.faults.add(Fault("status", status=401))
    run = export(box.burki)
    assert_complete(run, box.burki, CALLS)


@pytest.mark.covers(123)
@pytest.mark.parametrize("times", [1, 2])
def test_401s_after_a_success_may_be_an_outage(box: Sandbox, times: int) -> None:
    box.burki.faults.add(Fault("status", status=401, times=times), skip=3)
    run = export(box.burki)
    assert_complete(run, box.burki, CALLS)


@pytest.mark.covers(123)
def test_401s_that_go_on_after_a_success_end_the_provider(box: Sandbox) -> None:
    box.burki.faults.add(Fault("status", status=401, times=99), skip=3)
    run = export(box.burki)
    assert "burki.api_key" in failure(run, CALLS)
    assert len(asked(box.burki)) == 3 + 3
    assert_safe(run, box.burki, CALLS)


def test_a_wrong_key_is_sent_twice_and_ends_the_provider(box: Sandbox) -> None:
    run = export(box.burki, api_key="not-the-key")
    assert "burki.api_key" in failure(run, CALLS)
    assert "not-the-key" not in failure(run, CALLS)
    assert len(asked(box.burki)) == 2


def test_a_refused_filter_names_the_settings(box: Sandbox) -> None:
    box.burki.faults.add(Fault("status", status=422, times=99), EXPORT)
    line = failure(export(box.burki), CALLS)
    assert "burki.status" in line
    assert "burki.assistant_id" in line
    assert len(asked(box.burki, EXPORT)) == 1
