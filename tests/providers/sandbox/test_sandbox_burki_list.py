"""Burki's list of calls, and what was said in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from sandbox.burki.calls import ASSISTANTS
from sandbox_clients import Record, Value, burki

from sandbox import Sandbox
from sandbox.instants import UTC, text, zoneless

if TYPE_CHECKING:
    import requests

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
COSTS = ("total_cost", "llm_cost", "tts_cost", "stt_cost", "telephony_cost", "cost_currency")
OLD = [
    "id",
    "call_sid",
    "assistant_id",
    "to_phone_number",
    "customer_phone_number",
    "status",
    "duration",
    "started_at",
    "ended_at",
    "call_meta",
]


def _list(box: Sandbox, http: requests.Session, **query: Value) -> list[Record]:
    items: list[Record] = burki(box, http, "", **query).json()["items"]
    return items


def test_pages(box: Sandbox, http: requests.Session) -> None:
    body = burki(box, http, "").json()
    assert {name: body[name] for name in ("total", "skip", "limit")} == {
        "total": 200,
        "skip": 0,
        "limit": 100,
    }
    assert len(body["items"]) == 100
    whole = _list(box, http, limit=1000)
    starts = [item["started_at"] for item in whole]
    assert starts == sorted(starts, reverse=True)
    second = burki(box, http, "", limit=60, skip=180).json()
    assert (second["skip"], second["limit"], len(second["items"])) == (180, 60, 20)
    assert _list(box, http, skip=200) == []
    box.burki.options.list_limit_max = 25
    clamped = burki(box, http, "", limit=1000).json()
    assert (len(clamped["items"]), clamped["total"]) == (25, 200)


def test_ties_fall_otherwise_on_each_page(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        rows = box.burki.add_at(*[NOON] * 40)
        pages = [_list(box, http, limit=10, skip=skip) for skip in range(0, 40, 10)]
        ids = [item["id"] for page in pages for item in page]
        assert len(ids) == 40
        assert len(set(ids)) < 40
        assert _list(box, http, limit=10) == pages[0]
        whole = {item["id"] for item in _list(box, http, limit=40)}
        assert whole == {row.canonical["id"] for row in rows}
        box.burki.add_at(NOON + timedelta(seconds=1), NOON - timedelta(seconds=1))
        ends = _list(box, http, limit=1)[0], _list(box, http, skip=41)[0]
        assert [item["id"] for item in ends] == [41, 42]


def test_filters_act_as_on_the_export(box: Sandbox, http: requests.Session) -> None:
    edges: dict[str, Value]
    for edges in (
        {"status": "failed"},
        {"assistant_id": 2},
        {"date_from": "2024-05-10", "date_to": "2024-05-20T12:00:00"},
        {"date_from": "2024-05-20", "date_to": "2024-05-10"},
    ):
        exported = {row["id"] for row in burki(box, http, format="json", **edges).json()}
        listed = burki(box, http, "", limit=1000, **edges).json()
        assert {item["id"] for item in listed["items"]} == exported
        counted = burki(box, http, "count", **edges).json()["count"]
        assert listed["total"] == len(exported) == counted
    box.burki.options.filter_ignored = True
    assert burki(box, http, "", date_from="2031-01-01").json()["total"] == 200


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"skip": -1}, {"date_from": "x"}]
)
def test_bad_queries(box: Sandbox, http: requests.Session, query: dict[str, Any]) -> None:
    reply = burki(box, http, "", **query)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["query", next(iter(query))]


def test_other_refusals(box: Sandbox, http: requests.Session) -> None:
    crash = burki(box, http, "", assistant_id=999)
    assert (crash.status_code, crash.text) == (500, "Internal Server Error")
    slashless = http.get(f"{box.url}/burki/api/v1/calls", timeout=10, allow_redirects=False)
    assert slashless.status_code == 307
    assert slashless.headers["Location"] == f"{box.url}/burki/api/v1/calls/"
    assert http.get(f"{box.url}/burki/api/v1/calls/", timeout=10).status_code == 401
    assert http.post(f"{box.url}/burki/api/v1/calls/", timeout=10).status_code == 405


def test_the_old_shape(box: Sandbox, http: requests.Session) -> None:
    new = _list(box, http, limit=1000)
    box.burki.options.list_shape = "array"
    old = burki(box, http, "", limit=1000).json()
    assert old == [{name: item[name] for name in item if name in OLD} for item in new]
    assert {frozenset(item) for item in old} == {frozenset(OLD)}
    truth = box.truth("burki_call_list")
    assert {frozenset(record) for record in truth.values()} == {frozenset(OLD)}
    assert len(truth) == 200


@pytest.mark.parametrize(("option", "total"), [("right", 200), ("high", 221), ("low", 179)])
def test_the_total_may_be_wrong(
    box: Sandbox, http: requests.Session, option: Literal["right", "high", "low"], total: int
) -> None:
    box.burki.options.list_total = option
    assert burki(box, http, "", limit=5).json()["total"] == total


def test_costs_are_counted_when_the_call_is_over(box: Sandbox) -> None:
    for record in box.truth("burki_call_list").values():
        costs = [record[name] for name in COSTS]
        if record["status"] == "ongoing":
            assert costs == [None] * 6
        else:
            assert costs[5] == "USD"
            assert costs[0] == pytest.approx(sum(costs[1:5]))
    box.grow(1)
    over = [one for one in box.truth("burki_call_list").values() if one["status"] == "completed"]
    assert all(record["total_cost"] is not None for record in over)


def test_the_list_knows_more_than_the_export(box: Sandbox, http: requests.Session) -> None:
    export = box.truth("burki_calls")
    for key, record in box.truth("burki_call_list").items():
        for name in ("call_sid", "status", "started_at", "assistant_name"):
            assert record[name] == export[key][name]
        assert ASSISTANTS[record["assistant_id"]] == record["assistant_name"]
        assert record["to_phone_number"].startswith("+155555501")
    row = box.burki.rows[0]
    before = burki(box, http, format="json").content
    box.burki.of("burki_call_list").amend(row, total_cost=9.5, call_meta={"Motivo": "x"})
    assert burki(box, http, format="json").content == before
    assert box.truth("burki_calls") == export
    shown = next(one for one in _list(box, http, limit=1000) if one["id"] == 1)
    assert (shown["total_cost"], shown["call_meta"]) == (9.5, {"Motivo": "x"})


def test_a_renamed_assistant_keeps_its_id(box: Sandbox) -> None:
    row = box.burki.rows[0]
    before = box.truth("burki_call_list")[1,]["assistant_id"]
    box.burki.amend(row, assistant_name="Somebody")
    assert box.truth("burki_call_list")[1,]["assistant_id"] == before
    assert "assistant_id" not in row.canonical
    box.burki.amend(row, assistant_name=ASSISTANTS[3])
    assert box.truth("burki_call_list")[1,]["assistant_id"] == 3
    box.burki.of("burki_call_list").amend(row, assistant_id=9)
    assert box.truth("burki_call_list")[1,]["assistant_id"] == 9


def test_a_call_without_its_id_is_shown_all_the_same(http: requests.Session) -> None:
    with Sandbox(rows=0) as box:
        box.burki.add_at(NOON, id="", conversation_type="voice")
        box.burki.of("burki_call_transcripts").add_at(NOON + timedelta(days=1), id="")
        assert [item["id"] for item in _list(box, http)] == [2, ""]
        assert [one["id"] for one in burki(box, http, "2/transcripts").json()] == [""]


def test_calls_without_a_start_are_listed_first(http: requests.Session) -> None:
    with Sandbox(rows=5) as box:
        box.burki.add_at(NOON, started_at=None)
        assert _list(box, http)[0]["id"] == 6
        assert len(_list(box, http, date_from="2000-01-01")) == 5
        assert len(box.truth("burki_call_list")) == 5


def test_what_was_said(box: Sandbox, http: requests.Session) -> None:
    counts = set()
    truth = box.truth("burki_call_transcripts")
    for call in box.truth("burki_calls").values():
        said = burki(box, http, f"{call['id']}/transcripts").json()
        made = [segment["created_at"] for segment in said]
        assert made == sorted(made)
        assert {segment["call_id"] for segment in said} <= {call["id"]}
        counts.add(len(said))
        if call["status"] != "ongoing":
            for segment in said:
                record = truth[segment["id"],]
                assert record["call_started_at"] == call["started_at"]
                assert segment["created_at"] == zoneless(record["created_at"])
                assert segment["segment_start"] < segment["segment_end"]
    assert counts == set(range(7))


def test_going_calls_have_segments_that_are_not_yet_true() -> None:
    box = Sandbox(rows=60)
    going = [row for row in box.burki.rows if row.canonical["status"] == "ongoing"]
    numbers = {row.canonical["id"] for row in going}
    rows = box.burki.of("burki_call_transcripts").rows
    spoken = {row.canonical["call_id"] for row in rows}
    assert numbers & spoken
    truth = box.truth("burki_call_transcripts").values()
    assert not numbers & {record["call_id"] for record in truth}
    box.grow(1)
    truth = box.truth("burki_call_transcripts").values()
    assert numbers & spoken <= {record["call_id"] for record in truth}


def test_calls_that_cannot_be_found(box: Sandbox, http: requests.Session) -> None:
    number = next(iter(box.truth("burki_call_transcripts").values()))["call_id"]
    box.burki.options.vanished = {number}
    for name in (number, 999):
        reply = burki(box, http, f"{name}/transcripts")
        assert reply.status_code == 404
        expected = f"Call with ID {name} not found in your organization"
        assert reply.json() == {"detail": expected}
    truth = box.truth("burki_call_transcripts").values()
    assert number not in {record["call_id"] for record in truth}
    assert (number,) in box.truth("burki_call_list")
    assert burki(box, http, "x/transcripts").status_code == 404
    url = f"{box.url}/burki/api/v1/calls/{number}/transcripts"
    assert http.get(url, timeout=10).status_code == 401


def test_a_segment_brings_its_call(http: requests.Session) -> None:
    with Sandbox(rows=3) as box:
        before = set(box.truth("burki_call_transcripts"))
        handle = box.burki.of("burki_call_transcripts")
        one, two = handle.add_at(NOON, NOON, content="hola", speaker="user")
        assert len(box.burki.rows) == 5
        call = box.burki.rows[3].canonical
        assert (call["status"], call["started_at"]) == ("completed", text(NOON))
        assert (one.canonical["call_id"], two.canonical["call_id"]) == (4, 5)
        (segment,) = burki(box, http, "4/transcripts").json()
        assert (segment["id"], segment["content"]) == (one.canonical["id"], "hola")
        new = box.truth("burki_call_transcripts").keys() - before
        assert new == {(one.canonical["id"],), (two.canonical["id"],)}
        box.burki.amend(box.burki.rows[3], status="ongoing")
        assert (one.canonical["id"],) not in box.truth("burki_call_transcripts")


def test_words_have_any_shape(box: Sandbox, http: requests.Session) -> None:
    truth = box.truth("burki_call_transcripts").values()
    assert {type(record["stt_timestamps"]) for record in truth} == {str, type(None)}
    shown = set()
    for number in range(1, 30):
        for segment in burki(box, http, f"{number}/transcripts").json():
            shown.add(type(segment["stt_timestamps"]))
    assert shown == {list, type(None)}
