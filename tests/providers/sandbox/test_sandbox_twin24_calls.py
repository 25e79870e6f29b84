"""Twin24's call statistics: the calls its bots make."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from sandbox.twin24.calls import COLUMNS
from sandbox_clients import Record, Value, login, twin24, twin24_calls

from sandbox import Sandbox
from sandbox.instants import UTC, parse

if TYPE_CHECKING:
    import requests

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NEW_YEAR: dict[str, Any] = {"from": "2030-01-01T00:00:00Z"}


def _items(box: Sandbox, http: requests.Session, **query: Value) -> list[Record]:
    items: list[Record] = twin24_calls(box, http, **query).json()["items"]
    return items


def _page(box: Sandbox, http: requests.Session, **query: Value) -> list[str]:
    return [item["id"] for item in _items(box, http, **query)]


def test_only_the_documented_fields_exist(box: Sandbox, http: requests.Session) -> None:
    assert len(COLUMNS) == 29
    (item,) = _items(box, http, limit=1, fields=",".join(COLUMNS))
    assert list(item) == list(COLUMNS)
    assert list(_items(box, http, fields="phone,id")[0]) == ["phone", "id"]
    for fields in ("", "id,companyId", "id, phone", "callId"):
        reply = twin24_calls(box, http, fields=fields)
        assert (reply.status_code, "details" in reply.json()) == (400, True)


def test_pages_by_offset_or_by_number(box: Sandbox, http: requests.Session) -> None:
    body = twin24_calls(box, http, limit=1000).json()
    whole = [item["id"] for item in body["items"]]
    assert body["count"] == len(whole) == 200
    assert len(_page(box, http)) == 10
    assert whole[60:90] == _page(box, http, limit=30, offset=60)
    assert whole[60:90] == _page(box, http, limit=30, page=2)
    assert _page(box, http, limit=30, offset=200) == []
    box.twin24.options.limit_max = 25
    assert len(_page(box, http, limit=1000)) == 25
    box.twin24.options.repeat_page = True
    assert _page(box, http, limit=1000, offset=25) == whole[:25]


@pytest.mark.parametrize("name", ["createdAt", "updatedAt", "startedAt", "duration"])
def test_sorts(box: Sandbox, http: requests.Session, name: str) -> None:
    fields = f"id,{name}"
    upward = _items(box, http, limit=1000, sort=name, fields=fields)
    values = [item[name] or ("" if name != "duration" else 0) for item in upward]
    assert values == sorted(values)
    assert _items(box, http, limit=1000, sort=f"+{name}", fields=fields) == upward
    assert _items(box, http, limit=1000, sort=f"-{name}", fields=fields) == upward[::-1]


def test_the_newest_come_first_by_default(box: Sandbox, http: requests.Session) -> None:
    times = [item["createdAt"] for item in _items(box, http, sort="-createdAt", limit=1000)]
    assert times == sorted(times, reverse=True)
    headers = {"Authorization": f"Bearer {box.twin24.static_token}"}
    url = f"{box.url}/twin24/api/v1/search/cis/calls"
    query = {"fields": "createdAt", "limit": "1000"}
    usual = http.get(url, headers=headers, params=query, timeout=10).json()["items"]
    assert [item["createdAt"] for item in usual] == times


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"offset": 1, "page": 1},
        {"from": "yesterday"},
        {"sort": "price"},
        {"companyIds": "one"},
    ],
)
def test_bad_queries(box: Sandbox, http: requests.Session, query: dict[str, Any]) -> None:
    assert twin24_calls(box, http, **query).status_code == 400
    assert twin24_calls(box, http, "made-up").status_code == 401


@pytest.mark.parametrize(("ends", "found"), [("[]", 3), ("[)", 2), ("(]", 2), ("()", 1)])
def test_the_period_is_that_of_creation_to_the_millisecond(
    box: Sandbox, http: requests.Session, ends: Literal["[]", "[)", "(]", "()"], found: int
) -> None:
    tick = timedelta(milliseconds=1)
    box.twin24.of("twin24_calls").add_at(NOON, NOON + tick, NOON + 2 * tick)
    box.twin24.options.range_ends = ends
    period: dict[str, Any] = {
        "from": "2030-01-01T12:00:00.000+00:00",
        "to": "2030-01-01T12:00:00.002+00:00",
    }
    assert len(_page(box, http, **period)) == found


def test_a_ceiling_ends_rows_and_count(box: Sandbox, http: requests.Session) -> None:
    box.twin24.options.ceiling = 70
    body = twin24_calls(box, http, limit=1000).json()
    assert (body["count"], len(body["items"])) == (70, 70)
    box.twin24.options.count = "text"
    assert twin24_calls(box, http).json()["count"] == "70"
    box.twin24.options.count = "absent"
    assert list(twin24_calls(box, http).json()) == ["items"]


def test_shapes_of_values(box: Sandbox, http: requests.Session) -> None:
    at = NOON + timedelta(milliseconds=7)
    box.twin24.of("twin24_calls").add_at(at, price=1.5, region_id="77", external_id=None)
    fields = "createdAt,startedAt,price,regionId,externalId"
    query: dict[str, Any] = {"fields": fields, **NEW_YEAR}

    def shown() -> list[Any]:
        (item,) = _items(box, http, **query)
        return [item[name] for name in ("createdAt", "price", "regionId", "externalId")]

    assert shown() == ["2030-01-01T12:00:00.007+00:00", 1.5, 77, ""]
    box.twin24.options.numbers_as_text = True
    box.twin24.options.times = "naive"
    assert shown() == ["2030-01-01T12:00:00.007", "1.5", "77", ""]
    box.twin24.options.times = "z"
    assert shown()[0] == "2030-01-01T12:00:00.007Z"


def test_dialling_begins_a_little_after_creation(box: Sandbox) -> None:
    records = list(box.truth("twin24_calls").values())
    waits = [
        parse(record["started_at"]) - parse(record["created_at"])
        for record in records
        if record["started_at"]
    ]
    assert all(timedelta(seconds=1) < wait < timedelta(seconds=8) for wait in waits)
    never = [record for record in records if record["started_at"] is None]
    assert {record["status"] for record in never} >= {"BLACKLIST", "INVALID", "EXPIRED"}
    assert all("company_id" not in record for record in records)


def test_calls_end_and_are_billed_later(box: Sandbox) -> None:
    before = box.truth("twin24_calls")
    going = [key for key, record in before.items() if not record["is_finished"]]
    assert going
    box.grow(1)
    after = box.truth("twin24_calls")
    assert all(after[key]["is_finished"] for key in going)
    assert all(after[key]["price"] is not None for key in going)
    changed = [key for key in before if after[key] != before[key]]
    assert all(after[key]["updated_at"] > before[key]["updated_at"] for key in changed)
    assert set(going) < set(changed)


@pytest.mark.parametrize("sort", ["createdAt", "-createdAt"])
def test_rows_appear_at_the_head_between_pages(
    box: Sandbox, http: requests.Session, sort: str
) -> None:
    box.twin24.options.shift = 3
    box.twin24.options.shift_times = 1
    first = _page(box, http, limit=50, sort=sort)
    second = _page(box, http, limit=50, offset=50, sort=sort)
    third = _page(box, http, limit=50, offset=100, sort=sort)
    assert first[-3:] == second[:3]
    assert not set(second) & set(third)
    assert len(box.truth("twin24_calls")) == 203
    assert len(box.twin24.rows) == 200


def test_companies(http: requests.Session) -> None:
    with Sandbox(rows=60) as box:
        box.twin24.options.companies = [1, 2]
        one = twin24_calls(box, http, companyIds=2).json()["count"]
        brackets: dict[str, Any] = {"companyIds[]": [1, 2]}
        both = twin24_calls(box, http, **brackets).json()["count"]
        mine = twin24_calls(box, http, login(box, http, companyId=2)).json()["count"]
        assert both == 60 > one == mine > 0
        (row,) = box.twin24.of("twin24_calls").add_at(NOON, company_id=2)
        assert row.key in _page(box, http, companyIds=2, **NEW_YEAR)
        assert _page(box, http, companyIds=1, **NEW_YEAR) == []


def test_both_lists_are_there_at_once(box: Sandbox, http: requests.Session) -> None:
    box.twin24.options.date_field_param = "dateField"
    odd = twin24(box, http, dateField="billedAt"), twin24_calls(box, http, dateField="billedAt")
    assert [reply.status_code for reply in odd] == [400, 200]
    incoming = {item["callId"] for item in twin24(box, http, limit=1000).json()["items"]}
    assert not incoming & set(_page(box, http, limit=1000))
