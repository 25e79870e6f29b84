"""Retell's own client, in its strictest mode, judges the mock of Retell's API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import retell

from sandbox import Sandbox

#: Fewer than there are calls.
_PAGE = 60


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(rows=200) as running:
        yield running


@pytest.fixture(scope="module")
def client(box: Sandbox) -> Iterator[retell.Retell]:
    config = box.retell.config()
    with retell.Retell(
        api_key=config["api_key"],
        base_url=config["api_url"],
        max_retries=0,
        _strict_response_validation=True,
    ) as opened:
        yield opened


def _calls(client: retell.Retell, **query: Any) -> list[Any]:
    """The calls of all pages of a list."""
    calls: list[Any] = []
    while True:
        page = client.call.list(sort_order="ascending", limit=_PAGE, **query)
        calls += page.items
        if not page.has_more:
            return calls
        query["pagination_key"] = page.pagination_key


def _ids(calls: list[Any]) -> set[str]:
    return {call.call_id for call in calls}


def test_all_pages_are_valid_and_hold_every_call(box: Sandbox, client: retell.Retell) -> None:
    calls = _calls(client)
    truth = box.truth("retell_calls").keys() | box.truth("retell_unstarted_calls").keys()
    assert len(calls) == len(_ids(calls))
    assert _ids(calls) == {call_id for (call_id,) in truth}
    assert {call.call_status for call in calls} > {"ended", "ongoing", "not_connected"}
    assert client.call.list(limit=1, include_total=True).total == len(calls)


def test_every_call_is_valid_with_its_transcript(client: retell.Retell) -> None:
    listed = _calls(client)
    calls = [client.call.retrieve(call.call_id) for call in listed]
    assert _ids(calls) == _ids(listed)
    assert any(call.transcript_with_tool_calls for call in calls)


def test_wrong_keys_and_unknown_calls_are_refused(client: retell.Retell) -> None:
    with pytest.raises(retell.AuthenticationError):
        client.with_options(api_key="wrong").call.list()
    with pytest.raises(retell.UnprocessableEntityError):
        client.call.retrieve("call_unknown")


def test_metadata_is_filtered_by_its_keys(client: retell.Retell) -> None:
    calls = _calls(client)
    named = {call.call_id: (call.metadata or {}).get("customer_id") for call in calls}
    someone = next(filter(None, named.values()))
    present = {"type": "present", "op": "pr", "key": "customer_id"}
    equal = {"type": "string", "op": "eq", "key": "customer_id", "value": someone}
    for condition, wanted in (
        (present, {call_id for call_id, name in named.items() if name}),
        ({**present, "op": "np"}, {call_id for call_id, name in named.items() if not name}),
        (equal, {call_id for call_id, name in named.items() if name == someone}),
    ):
        found = _ids(_calls(client, filter_criteria={"metadata": [condition]}))
        assert found == wanted
        assert 0 < len(found) < len(calls)
