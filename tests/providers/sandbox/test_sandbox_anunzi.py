from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_clients import anunzi, anunzi_all, anunzi_call

from sandbox import Sandbox
from sandbox.anunzi import details
from sandbox.instants import UTC, parse, to_ms

if TYPE_CHECKING:
    import requests

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)


def _started(box: Sandbox) -> list[str]:
    truth = box.anunzi.truth("anunzi_calls").values()
    return [
        record["call_id"]
        for record in sorted(truth, key=lambda one: (one["start_timestamp"], one["call_id"]))
    ]


def _at_least(instant: datetime) -> dict[str, Any]:
    return {"start_timestamp": {"operator": "ge", "value": to_ms(instant)}}


def test_pages_by_cursor(box: Sandbox, http: requests.Session) -> None:
    pages = anunzi_all(box, http, limit=30, filter_criteria=_at_least(box.start))
    assert [len(page) for page in pages[:-1]] == [30] * (len(pages) - 1)
    assert [item["call_id"] for page in pages for item in page] == _started(box)
    body = anunzi(box, http, limit=1000, include_total=True).json()
    assert (body["has_more"], body["pagination_key"]) == (False, None)
    assert body["total"] == len(body["items"]) == 200
    newest_first = anunzi_all(box, http, limit=30, sort_order="descending")
    assert [item for page in newest_first for item in page][::-1] == body["items"]


def test_items_are_the_records_on_the_wire(box: Sandbox, http: requests.Session) -> None:
    records = {**box.anunzi.truth("anunzi_calls"), **box.anunzi.truth("anunzi_unstarted_calls")}
    for item in anunzi(box, http, limit=1000).json()["items"]:
        record = records[item["call_id"],]
        secret = item.pop("access_token", None)
        assert (secret is not None) == (item["call_type"] == "web_call")
        assert set(item) == {name for name, value in record.items() if value is not None}
        for name, value in item.items():
            expected = record[name]
            if name.endswith("_timestamp"):
                expected = to_ms(parse(expected))
            assert value == expected


def test_default_page_and_clamped_limit(box: Sandbox, http: requests.Session) -> None:
    assert len(anunzi(box, http).json()["items"]) == 50
    box.anunzi.options.page_max = 20
    assert len(anunzi(box, http, limit=500).json()["items"]) == 20
    assert len(anunzi(box, http, limit=5, skip=198).json()["items"]) == 2


@pytest.mark.parametrize(
    ("verb", "count"), [("eq", 3), ("ne", 2), ("gt", 1), ("ge", 4), ("lt", 1), ("le", 4)]
)
def test_number_operators(http: requests.Session, verb: str, count: int) -> None:
    before, after = datetime(2024, 5, 10, 11, tzinfo=UTC), datetime(2024, 5, 10, 13, tzinfo=UTC)
    with Sandbox(rows=0) as box:
        box.anunzi.add_at(before, NOON, NOON, NOON, after)
        value = to_ms(NOON)
        ours = {"start_timestamp": {"operator": verb, "value": value}}
        assert len(anunzi(box, http, filter_criteria=ours).json()["items"]) == count
        box.anunzi.options.dialect = "retell"
        theirs = {"start_timestamp": {"type": "number", "op": verb, "value": value}}
        assert len(anunzi(box, http, filter_criteria=theirs).json()["items"]) == count


def test_ranges_in_both_dialects(http: requests.Session) -> None:
    with Sandbox(rows=20) as box:
        box.anunzi.add_at(NOON, NOON)
        low = high = to_ms(NOON)
        ours = {"start_timestamp": {"operator": "bt", "low_threshold": low, "high_threshold": high}}
        theirs = {"start_timestamp": {"type": "range", "op": "bt", "value": [low, high]}}
        assert len(anunzi(box, http, filter_criteria=ours).json()["items"]) == 2
        refused = anunzi(box, http, filter_criteria=theirs)
        assert (refused.status_code, refused.json()["status"]) == (400, "error")
        box.anunzi.options.wrong_dialect = "ignore"
        assert len(anunzi(box, http, filter_criteria=theirs).json()["items"]) == 22
        box.anunzi.options.dialect = "both"
        for criteria in (ours, theirs):
            assert len(anunzi(box, http, filter_criteria=criteria).json()["items"]) == 2
        box.anunzi.options.bt_inclusive = False
        assert anunzi(box, http, filter_criteria=theirs).json()["items"] == []


def test_other_conditions(box: Sandbox, http: requests.Session) -> None:
    def count(**criteria: object) -> int:
        return len(anunzi(box, http, limit=1000, filter_criteria=criteria).json()["items"])

    rows = [row.canonical for row in box.anunzi.rows]
    agent = rows[0]["agent_id"]
    mine = [record for record in rows if record["agent_id"] == agent]
    assert count(agent=[{"agent_id": agent}]) == len(mine)
    versioned = [record for record in mine if record["agent_version"] in (0, 1)]
    assert count(agent=[{"agent_id": agent, "version": [0, 1]}]) == len(versioned)
    outbound = [record for record in rows if record.get("direction") == "outbound"]
    assert count(direction={"operator": "eq", "value": "outbound"}) == len(outbound)
    unstarted = count(call_status={"operator": "eq", "value": "not_connected"})
    never = [record for record in rows if record["start_timestamp"] is None]
    assert 0 < unstarted < len(never) == len(box.anunzi.truth("anunzi_unstarted_calls"))
    by_reason = {"operator": "eq", "value": "error_user_not_joined"}
    assert count(disconnection_reason=by_reason) > 0
    happy = count(user_sentiment={"operator": "eq", "value": "Positive"})
    assert 0 < happy < 200
    for bad in (
        {"call_status": {"operator": "eq", "value": "registered"}},
        {"nonsense": {"operator": "eq", "value": 1}},
        {"agent": {"agent_id": agent}},
    ):
        assert anunzi(box, http, filter_criteria=bad).status_code == 400


def test_a_retell_enum_is_a_list(box: Sandbox, http: requests.Session) -> None:
    box.anunzi.options.dialect = "retell"
    criteria = {"call_status": {"type": "enum", "op": "in", "value": ["not_connected"]}}
    items = anunzi(box, http, limit=1000, filter_criteria=criteria).json()["items"]
    assert {item["call_status"] for item in items} == {"not_connected"}
    assert box.anunzi.config()["filter_dialect"] == "retell"


def test_ties_across_pages(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        rows = box.anunzi.add_at(*[NOON] * 25)
        pages = anunzi_all(box, http, limit=10)
        ids = [item["call_id"] for page in pages for item in page]
        assert ids == sorted(row.key for row in rows)


def test_an_insert_does_not_shift_pages(box: Sandbox, http: requests.Session) -> None:
    first = anunzi(box, http, limit=100, filter_criteria=_at_least(box.start)).json()
    expected = _started(box)[100:]
    box.anunzi.add_at(box.start)
    second = anunzi(
        box,
        http,
        limit=1000,
        filter_criteria=_at_least(box.start),
        pagination_key=first["pagination_key"],
    ).json()
    assert [item["call_id"] for item in second["items"]] == expected


def test_bad_cursors(box: Sandbox, http: requests.Session) -> None:
    key = anunzi(box, http).json()["pagination_key"]
    assert anunzi(box, http, pagination_key=key).status_code == 200
    other = anunzi(box, http, pagination_key=key, filter_criteria=_at_least(NOON))
    both = anunzi(box, http, pagination_key=key, skip=0)
    junk = anunzi(box, http, pagination_key="junk")
    assert [reply.status_code for reply in (other, both, junk)] == [400, 400, 400]
    box.anunzi.options.cursor_ttl_pages = 1
    box.anunzi.options.cursor_refusal_status = 422
    second = anunzi(box, http, limit=10)
    third = anunzi(box, http, limit=10, pagination_key=second.json()["pagination_key"])
    assert (second.status_code, third.status_code) == (200, 422)


def test_dishonest_cursors(box: Sandbox, http: requests.Session) -> None:
    box.anunzi.options.cursor = "missing"
    body = anunzi(box, http).json()
    assert (body["has_more"], body["pagination_key"]) == (True, None)
    box.anunzi.options.cursor = "repeat"
    first = anunzi(box, http).json()["pagination_key"]
    assert anunzi(box, http, pagination_key=first).json()["pagination_key"] == first


def test_empty_pages_before_the_end(box: Sandbox, http: requests.Session) -> None:
    box.anunzi.options.empty_pages = 3
    pages = anunzi_all(box, http, limit=80)
    assert [len(page) for page in pages] == [80, 80, 0, 0, 0, 40]


def test_the_order_may_be_ignored(box: Sandbox, http: requests.Session) -> None:
    box.anunzi.options.sort = "ignored"
    items = anunzi(box, http, limit=1000, filter_criteria=_at_least(box.start)).json()["items"]
    starts = [item["start_timestamp"] for item in items]
    assert starts == sorted(starts, reverse=True)


def test_one_call(box: Sandbox, http: requests.Session) -> None:
    headers = {"Authorization": f"Bearer {box.anunzi.options.api_key}"}
    row = box.anunzi.rows[0]
    url = f"{box.url}/anunzi/v2/get-call"
    call = http.get(f"{url}/{row.key}", headers=headers, timeout=10).json()
    assert call["call_id"] == row.key
    assert call["transcript"].startswith("Agent: ")
    assert http.get(f"{url}/nobody", headers=headers, timeout=10).status_code == 422
    assert http.get(f"{url}/{row.key}", timeout=10).status_code == 401


def test_details_hold_what_the_list_does_not(box: Sandbox, http: requests.Session) -> None:
    items = anunzi(box, http, limit=1000, filter_criteria=_at_least(box.start)).json()["items"]
    roles = set()
    for item in items:
        call = anunzi_call(box, http, item["call_id"]).json()
        more = {name: call.pop(name) for name in details.COLUMNS}
        assert call == item
        assert more["transcript"].count("\n") == len(more["transcript_object"])
        said = [one for one in more["transcript_with_tool_calls"] if "tool_call_id" not in one]
        assert said == more["transcript_object"]
        roles |= {one["role"] for one in more["transcript_with_tool_calls"]}
    assert roles == {"agent", "user", "tool_call_invocation", "tool_call_result"}


def test_details_are_true_of_calls_that_are_over(box: Sandbox) -> None:
    started, truth = box.truth("anunzi_calls"), box.truth("anunzi_call_details")
    assert {key for key, call in started.items() if call["call_status"] != "ongoing"} == set(truth)
    assert len(started) > len(truth) > 100
    assert all(record["transcript"] for record in truth.values())
    row = next(row for row in box.anunzi.rows if (row.key,) in truth)
    box.anunzi.amend(row, call_status="registered")
    assert (row.key,) not in box.truth("anunzi_call_details")
    assert "transcript" not in box.truth("anunzi_calls")[row.key,]


def test_details_may_have_vanished(box: Sandbox, http: requests.Session) -> None:
    key = next(iter(box.truth("anunzi_call_details")))
    box.anunzi.options.vanished = {key[0]}
    assert anunzi_call(box, http, key[0]).status_code == 422
    box.anunzi.options.vanished_status = 404
    assert anunzi_call(box, http, key[0]).status_code == 404
    assert key not in box.truth("anunzi_call_details")
    assert key in box.truth("anunzi_calls")


def test_details_may_be_elsewhere(box: Sandbox, http: requests.Session) -> None:
    assert "call_details_path" not in box.anunzi.config()
    key = box.anunzi.rows[0].key
    box.anunzi.options.details_path = "/api/calls/{call_id}/full"
    assert box.anunzi.config()["call_details_path"] == "/api/calls/{call_id}/full"
    assert anunzi_call(box, http, key).json()["call_id"] == key
    headers = {"Authorization": f"Bearer {box.anunzi.options.api_key}"}
    usual = http.get(f"{box.url}/anunzi/v2/get-call/{key}", headers=headers, timeout=10)
    assert usual.status_code == 404


def test_given_transcripts_are_in_the_details_only(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        (row,) = box.anunzi.of("anunzi_call_details").add_at(NOON, transcript="Agent: Sí.\n")
        assert anunzi_call(box, http, row.key).json()["transcript"] == "Agent: Sí.\n"
        (item,) = anunzi(box, http).json()["items"]
        assert "transcript" not in item


def test_the_handle_of_unstarted_calls_makes_such(box: Sandbox) -> None:
    before = box.truth("anunzi_unstarted_calls")
    (row,) = box.anunzi.of("anunzi_unstarted_calls").add_at(NOON, agent_tag="x")
    new = box.truth("anunzi_unstarted_calls").keys() - before.keys()
    assert new == {(row.key,)}
    assert (row.at, row.canonical["agent_tag"]) == (NOON, "x")
