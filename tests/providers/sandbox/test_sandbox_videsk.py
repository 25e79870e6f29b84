from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import pytest
from sandbox.videsk.endpoints import CALLS
from sandbox_clients import videsk

from sandbox.instants import UTC, parse

if TYPE_CHECKING:
    import requests

    from sandbox import Sandbox

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)
IDS = {column.id: column.id for column in CALLS.columns if column.id}


def test_answers_all_calls_of_a_range_in_order(box: Sandbox, http: requests.Session) -> None:
    reply = videsk(box, http, keys=IDS)
    body = reply.json()
    assert (reply.status_code, body["$limit"], len(body["data"])) == (201, 5000, 200)
    assert body["columns"][:4] == ["id", "segment", "agent", "startTime"]
    times = [row["startTime"] for row in body["data"]]
    assert times == sorted(times)
    truth = box.videsk.truth("videsk_calls")
    for row in body["data"]:
        record = truth[row["id"],]
        assert row["startTime"] == record["start_time"][:19].replace("T", " ")
        assert row.get("duration") == record["duration"]
        assert None not in row.values()
        assert int(row["id"][:8], 16) == parse(record["start_time"]).timestamp()


def test_a_cap_cuts_the_answer(box: Sandbox, http: requests.Session) -> None:
    box.videsk.options.cap = 30
    up, down = videsk(box, http).json(), videsk(box, http, **{"$sort": -1}).json()
    assert (up["$limit"], len(up["data"]), len(down["data"])) == (30, 30, 30)
    assert up["data"][0]["Inicio"] < down["data"][-1]["Inicio"]


@pytest.mark.parametrize(
    ("declared", "limit"), [("yes", 30), ("no", None), ("text", "30"), ("lying", 100_000)]
)
def test_the_cap_may_be_declared_wrongly(
    box: Sandbox,
    http: requests.Session,
    declared: Literal["yes", "no", "text", "lying"],
    limit: object,
) -> None:
    box.videsk.options.cap = 30
    box.videsk.options.cap_declared = declared
    body = videsk(box, http).json()
    assert (body.get("$limit"), len(body["data"])) == (limit, 30)


@pytest.mark.parametrize(("ends", "found"), [("[]", 3), ("[)", 2), ("(]", 2), ("()", 1)])
def test_range_ends(
    box: Sandbox, http: requests.Session, ends: Literal["[]", "[)", "(]", "()"], found: int
) -> None:
    edge = datetime(2030, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    box.videsk.add_at(edge, edge + timedelta(seconds=1), edge + timedelta(seconds=2))
    box.videsk.options.range_ends = ends
    body = videsk(
        box, http, start="2030-01-01T12:00:00.500Z", end="2030-01-01T12:00:02.500Z"
    ).json()
    assert len(body["data"]) == found


def test_ties_are_reversed_or_kept(box: Sandbox, http: requests.Session) -> None:
    rows = box.videsk.add_at(*[NOON] * 6)
    window = {"start": "2024-05-10T12:00:00Z", "end": "2024-05-10T12:00:00Z", "keys": IDS}
    ids = sorted(row.canonical["id"] for row in rows)

    def seen(sort: int) -> list[str]:
        return [row["id"] for row in videsk(box, http, **{"$sort": sort}, **window).json()["data"]]

    assert seen(1) == ids
    assert seen(-1) == ids[::-1]
    box.videsk.options.ties = "stable"
    assert seen(-1) == ids


def test_order_may_be_dishonest(box: Sandbox, http: requests.Session) -> None:
    box.videsk.options.order = "reversed_ignored"
    times = [row["Inicio"] for row in videsk(box, http).json()["data"]]
    assert times == sorted(times, reverse=True)
    box.videsk.options.order = "shuffled"
    first = videsk(box, http)
    assert first.content == videsk(box, http).content
    times = [row["Inicio"] for row in first.json()["data"]]
    assert times not in (sorted(times), sorted(times, reverse=True))


def test_labels(box: Sandbox, http: requests.Session) -> None:
    assert videsk(box, http).json()["columns"] == [column.spanish for column in CALLS.columns]
    box.videsk.options.keys = "ignored"
    assert videsk(box, http, keys=IDS).json()["columns"][3] == "Inicio"
    box.videsk.options.labels = "en"
    english = videsk(box, http, keys=IDS).json()["columns"]
    assert english[3] == "Start Time"
    assert english[12] == "Survey Id"
    box.videsk.options.keys = "partial"
    partial = videsk(box, http, keys=IDS).json()["columns"]
    assert partial[:4] == ["id", "Segment", "agent", "Start Time"]
    assert partial[15:17] == ["After Call Work (ACW)", "Effective Duration"]


def test_times_are_in_the_zone_asked_for(box: Sandbox, http: requests.Session) -> None:
    box.videsk.add_at(NOON)
    window = {"start": "2024-05-10T12:00:00Z", "end": "2024-05-10T12:00:00Z"}

    def start() -> str:
        reply = videsk(box, http, timezone="America/Santiago", keys=IDS, **window)
        return str(reply.json()["data"][0]["startTime"])

    assert start() == f"{NOON.astimezone(ZoneInfo('America/Santiago')):%Y-%m-%d %H:%M:%S}"
    box.videsk.options.dates = "day_first"
    assert start() == "10/05/2024, 08:00:00"
    box.videsk.options.zone = "ignored"
    assert start() == "10/05/2024, 12:00:00"


def test_empty_tags_are_an_empty_text(box: Sandbox, http: requests.Session) -> None:
    box.videsk.add_at(datetime(2030, 1, 1, tzinfo=UTC), tags=[], end_time=None)
    body = videsk(box, http, start="2030-01-01T00:00:00Z", end="2030-01-02T00:00:00Z").json()
    assert body["data"][0]["Etiquetas"] == ""
    assert "Fin" not in body["data"][0]


def test_the_filtered_time_may_be_another(box: Sandbox, http: requests.Session) -> None:
    box.videsk.separate_filter_field(timedelta(hours=3))
    window = {"start": "2024-05-10T13:00:00Z", "end": "2024-05-20T13:00:00Z"}
    found = {row["id"] for row in videsk(box, http, keys=IDS, **window).json()["data"]}
    low, high = (parse(value) for value in window.values())
    assert found == {row.key for row in box.videsk.rows if low <= row.at <= high}
    assert found != {row.key for row in box.videsk.rows if low <= row.sort_at <= high}
    box.videsk.options.filter_field = "start_time"
    found = {row["id"] for row in videsk(box, http, keys=IDS, **window).json()["data"]}
    assert found == {row.key for row in box.videsk.rows if low <= row.sort_at <= high}


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"start": "yesterday"}, "date"),
        ({"end": None}, "date"),
        ({"$sort": 0}, "$sort"),
    ],
)
def test_bad_bodies(
    box: Sandbox, http: requests.Session, body: dict[str, object], data: str
) -> None:
    reply = videsk(box, http, **body)
    assert reply.status_code == 400
    assert reply.json()["className"] == "bad-request"
    assert reply.json()["data"] == data


def test_authentication_and_paths(box: Sandbox, http: requests.Session) -> None:
    url = f"{box.url}/videsk/reports/exports/calls"
    missing = http.post(url, json={}, timeout=10)
    wrong = http.post(url, headers={"X-API-Token": "Bearer no"}, json={}, timeout=10)
    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert missing.json()["name"] == "NotAuthenticated"
    headers = {"X-API-Token": f"Bearer {box.videsk.options.token}"}
    assert http.post(f"{url}x", headers=headers, json={}, timeout=10).status_code == 404


def test_unknown_fields_reach_the_wire(box: Sandbox, http: requests.Session) -> None:
    videsk(box, http)
    row = box.videsk.rows[3]
    row.extra_wire["Resumen"] = "nuevo"
    shown = {item["Identificador"]: item for item in videsk(box, http).json()["data"]}
    assert shown[row.key]["Resumen"] == "nuevo"
    box.videsk.options.status = 200
    assert videsk(box, http).status_code == 200
