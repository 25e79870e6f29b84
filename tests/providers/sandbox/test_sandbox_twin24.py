from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from sandbox.twin24.sessions import COLUMNS
from sandbox_clients import FIELDS, Value, login, twin24

from sandbox import Sandbox
from sandbox.instants import UTC

if TYPE_CHECKING:
    import requests

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def _page(box: Sandbox, http: requests.Session, **query: Value) -> list[str]:
    return [item["callId"] for item in twin24(box, http, **query).json()["items"]]


def test_login_gives_a_token_that_works(box: Sandbox, http: requests.Session) -> None:
    token = login(box, http)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["company_id"] == 1
    body = twin24(box, http, token, limit=500).json()
    assert body["count"] == len(body["items"]) == 200
    wrong = http.post(
        f"{box.url}/twin24-iam/api/v1/auth/login",
        json={"email": "a@example.com", "password": "x"},
        timeout=10,
    )
    assert wrong.status_code == 401
    assert twin24(box, http, "made-up").status_code == 401


def test_tokens_die(box: Sandbox, http: requests.Session) -> None:
    box.twin24.options.tokens_valid_requests = 2
    token = login(box, http)
    replies = [twin24(box, http, token) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 401]
    assert replies[2].json() == {"error": "Token is expired."}
    assert login(box, http) != token
    box.twin24.options.tokens_valid_requests = None
    box.twin24.options.token_ttl = 0
    assert twin24(box, http, login(box, http)).json() == {"error": "Token is expired."}
    assert twin24(box, http).status_code == 200  # the static token does not


def test_pages_by_offset_or_by_number(box: Sandbox, http: requests.Session) -> None:
    whole = _page(box, http, limit=1000)
    assert len(_page(box, http)) == 10
    assert whole[60:90] == _page(box, http, limit=30, offset=60)
    assert whole[60:90] == _page(box, http, limit=30, page=2)
    assert _page(box, http, limit=30, offset=200) == []
    assert whole[::-1] == _page(box, http, limit=1000, sort="-startedAt")
    box.twin24.options.limit_max = 25
    assert len(_page(box, http, limit=1000)) == 25
    box.twin24.options.repeat_page = True
    assert _page(box, http, limit=1000, offset=25) == whole[:25]


def test_only_requested_fields_are_shown(box: Sandbox, http: requests.Session) -> None:
    truth = box.twin24.truth("twin24_incoming_calls")
    items = twin24(box, http, limit=1000).json()["items"]
    assert [list(item) for item in items] == [FIELDS.split(",")] * 200
    for item in items:
        record = truth[item["callId"],]
        assert item["duration"] == record["duration"]
        assert item["totalCost"] == record["total_cost"]
        assert item["startedAt"] == record["started_at"][:19] + "+00:00"
        assert item["externalId"] == (record["external_id"] or "")
        if record["all_results"]:
            shown = json.dumps(item["allResults"], ensure_ascii=False, separators=(",", ":"))
            assert shown == record["all_results"]
    everything = twin24(box, http, fields=",".join(COLUMNS)).json()["items"][0]
    assert len(everything) == 45


@pytest.mark.parametrize(
    "query",
    [
        {"fields": ""},
        {"fields": "callId,createdAt"},
        {"limit": 0},
        {"limit": "many"},
        {"offset": 1, "page": 1},
        {"from": "yesterday"},
        {"from": "2024-05-01T00:00:00 00:00"},
        {"sort": "callId"},
        {"companyIds": "one"},
    ],
)
def test_bad_queries(box: Sandbox, http: requests.Session, query: dict[str, Any]) -> None:
    reply = twin24(box, http, **query)
    assert (reply.status_code, "error" in reply.json()) == (400, True)


@pytest.mark.parametrize(("ends", "found"), [("[]", 3), ("[)", 2), ("(]", 2), ("()", 1)])
def test_range_ends(
    box: Sandbox, http: requests.Session, ends: Literal["[]", "[)", "(]", "()"], found: int
) -> None:
    box.twin24.add_at(*(NOON + timedelta(seconds=number) for number in range(3)))
    box.twin24.options.range_ends = ends
    period: dict[str, Any] = {
        "from": "2030-01-01T12:00:00+00:00",
        "to": "2030-01-01T12:00:02+00:00",
    }
    assert len(_page(box, http, **period)) == found


def test_the_period_is_that_of_creation(box: Sandbox, http: requests.Session) -> None:
    assert all(row.at >= row.sort_at for row in box.twin24.rows)
    assert any(row.at > row.sort_at for row in box.twin24.rows)
    row = box.twin24.add_at(NOON, started_at=NOON - timedelta(minutes=2))[0]
    period: dict[str, Any] = {"from": "2030-01-01T12:00:00Z"}
    assert _page(box, http, **period) == [row.key]
    box.twin24.options.date_field_param = "dateField"
    assert _page(box, http, **period) == [row.key]
    assert _page(box, http, dateField="startedAt", **period) == []
    assert twin24(box, http, dateField="billedAt").status_code == 400


def test_a_ceiling_ends_rows_and_count(box: Sandbox, http: requests.Session) -> None:
    box.twin24.options.ceiling = 70
    body = twin24(box, http, limit=1000).json()
    assert (body["count"], len(body["items"])) == (70, 70)
    box.twin24.options.count = "text"
    assert twin24(box, http).json()["count"] == "70"
    box.twin24.options.count = "absent"
    assert list(twin24(box, http).json()) == ["items"]


def test_shapes_of_values(box: Sandbox, http: requests.Session) -> None:
    box.twin24.add_at(NOON, duration=42)
    query: dict[str, Any] = {"from": "2030-01-01T00:00:00Z"}
    box.twin24.options.numbers_as_text = True
    box.twin24.options.times = "naive"
    item = twin24(box, http, **query).json()["items"][0]
    assert (item["duration"], item["startedAt"]) == ("42", "2030-01-01T12:00:00")
    box.twin24.options.times = "z"
    assert twin24(box, http, **query).json()["items"][0]["startedAt"] == "2030-01-01T12:00:00Z"


@pytest.mark.parametrize("sort", ["startedAt", "-startedAt"])
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
    assert len(box.twin24.rows) == 203


def test_companies_and_another_path(http: requests.Session) -> None:
    with Sandbox(rows=60) as box:
        box.twin24.options.companies = [1, 2]
        box.twin24.options.path = "/search/cis/sessions/incoming"
        assert box.twin24.config()["incoming_calls_path"] == box.twin24.options.path
        every = twin24(box, http, limit=100).json()
        one = twin24(box, http, limit=100, companyIds=2).json()
        brackets: dict[str, Any] = {"companyIds[]": [1, 2]}
        both = twin24(box, http, limit=100, **brackets).json()
        mine = twin24(box, http, login(box, http, companyId=2), limit=100).json()
        assert {item["companyId"] for item in one["items"]} == {2}
        assert every["count"] == both["count"] == 60 > one["count"] == mine["count"]
