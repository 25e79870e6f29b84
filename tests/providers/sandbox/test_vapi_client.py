"""Vapi's own client as the judge of the mock of Vapi."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import httpx
import pytest
import vapi
from pydantic import TypeAdapter
from vapi.core.api_error import ApiError

from sandbox import Sandbox

#: Its 2,900 types take long to load.
pytestmark = pytest.mark.slow
START, END = datetime(2024, 5, 1, tzinfo=timezone.utc), datetime(2024, 6, 1, tzinfo=timezone.utc)


Connect = Callable[..., vapi.Vapi]


@pytest.fixture
def connect(box: Sandbox) -> Iterator[Connect]:
    config = box.vapi.config()
    with httpx.Client() as http:

        def connected(token: str = config["api_key"]) -> vapi.Vapi:
            return vapi.Vapi(token=token, base_url=config["api_url"], httpx_client=http)

        yield connected


def test_the_client_reads_every_call_and_finds_each_valid(box: Sandbox, connect: Connect) -> None:
    client, truth = connect(), box.truth("vapi_calls")
    listed = client.calls.list(limit=1000, updated_at_ge=START, updated_at_lt=END)
    assert {(call.id,) for call in listed} == truth.keys()
    assert {call.status for call in listed} == {"ended", "in-progress"}
    assert client.calls.get(listed[0].id).id == listed[0].id
    sent = (box.vapi._encoded(row) for row in box.vapi.rows)
    judge = TypeAdapter(vapi.Call)
    assert {(judge.validate_json(call).id,) for call in sent} == truth.keys()


def test_ranges_act_on_the_time_and_with_the_ends_that_their_names_say(
    box: Sandbox, connect: Connect
) -> None:
    client = connect()
    call = client.calls.list(limit=1)[0]
    at, step = call.updated_at, timedelta(milliseconds=1)
    [row] = [row for row in box.vapi.rows if row.key == call.id]
    made = call.created_at
    for inside, query in (
        (True, {"updated_at_ge": at, "updated_at_lt": at + step}),
        (True, {"updated_at_le": at, "updated_at_gt": at - step}),
        (False, {"updated_at_gt": at}),
        (False, {"updated_at_lt": at}),
        (True, {"created_at_ge": made, "created_at_le": made}),
        (False, {"created_at_gt": made}),
        (False, {"created_at_lt": made}),
        (True, {"id": call.id, "assistant_id": row.canonical["assistant_id"]}),
    ):
        found = client.calls.list(limit=1000, **query)
        assert (call.id in {each.id for each in found}) is inside, query


def test_wrong_keys_and_limits_are_refused(connect: Connect) -> None:
    for client, limit, status in ((connect("wrong"), 1, 401), (connect(), 1001, 400)):
        with pytest.raises(ApiError) as refused:
            client.calls.list(limit=limit)
        assert refused.value.status_code == status
        assert refused.value.body["statusCode"] == status
