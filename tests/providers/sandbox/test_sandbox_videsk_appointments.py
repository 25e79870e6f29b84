"""Videsk's appointments: booked ahead, decided when their time has come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox_clients import Record, videsk_export

from sandbox.instants import UTC, parse

if TYPE_CHECKING:
    import requests

    from sandbox import Sandbox

ALWAYS = {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}


def _rows(
    box: Sandbox, http: requests.Session, name: str, body: dict[str, object] | None = None
) -> list[Record]:
    rows: list[Record] = videsk_export(box, http, name, body).json()["data"]
    return rows


def _ids(box: Sandbox, stream: str) -> set[str]:
    return {record["id"] for record in box.truth(f"videsk_{stream}").values()}


def _made_at(name: str) -> datetime:
    return datetime.fromtimestamp(int(name[:8], 16), UTC)


def test_appointments_are_linked_too(box: Sandbox) -> None:
    forms = {form for _, form in box.truth("videsk_forms")}
    extra, comments = _ids(box, "extra_data"), _ids(box, "comments")
    surveys = _ids(box, "surveys")
    for record in box.truth("videsk_appointments").values():
        assert record["extra_data"] in extra
        assert record["comments"] is None or record["comments"] in comments
        assert record["survey_id"] is None or record["survey_id"] in surveys
        assert {record["base_form"], record["agent_form"]} - {None} <= forms


def test_missing_values_and_explicit_nulls(box: Sandbox, http: requests.Session) -> None:
    for row in _rows(box, http, "appointments", dict(ALWAYS)):
        assert {"Cliente cortó", "Cancellation Date"} <= row.keys()
        assert row["Etiquetas"] == ""
        assert "Status" in row
    assert any(row["Cliente cortó"] is None for row in _rows(box, http, "appointments"))
    for name in ("queues", "extra-data", "comments", "recordings"):
        assert all(None not in row.values() for row in _rows(box, http, name))


def test_slots_lie_on_quarter_hours_and_partly_ahead(box: Sandbox) -> None:
    records = list(box.truth("videsk_appointments").values())
    assert len(records) == 50
    for record in records:
        slot, made = parse(record["start_time"]), _made_at(record["id"])
        assert (slot.minute % 15, slot.second) == (0, 0)
        assert box.start <= made < min(slot, box.end)
    ahead = [one for one in records if parse(one["start_time"]) >= box.end]
    assert len(ahead) == 10
    assert max(parse(one["start_time"]) for one in ahead) < box.end + timedelta(days=60)
    assert {one["status"] for one in ahead} >= {"pending"}
    past = {one["status"] for one in records if one not in ahead}
    assert past >= {"attended", "canceled", "rescheduled"}


def test_time_decides_appointments(box: Sandbox) -> None:
    before = box.truth("videsk_appointments")
    until = box.end + timedelta(days=10)
    due = [
        key
        for key, record in before.items()
        if record["status"] == "pending" and parse(record["start_time"]) < until
    ]
    assert due
    box.grow(2, until)
    after = box.truth("videsk_appointments")
    assert all(after[key]["status"] != "pending" for key in due)
    ahead = [key for key in before if parse(before[key]["start_time"]) >= until]
    assert any(after[key] != before[key] for key in ahead)
    assert any(after[key]["status"] == "pending" for key in ahead)
    new = [after[key] for key in after.keys() - before.keys()]
    old_end = until - timedelta(days=10)
    assert all(old_end - timedelta(hours=20) <= _made_at(one["id"]) < until for one in new)


def test_appointments_may_be_filtered_by_when_they_were_made(
    box: Sandbox, http: requests.Session
) -> None:
    box.videsk.options.appointments_filter = "created"
    window = {"start": "2024-05-10T13:00:00Z", "end": "2024-05-20T13:00:00Z"}
    low, high = (parse(value) for value in window.values())
    found = [row["Identificador"] for row in _rows(box, http, "appointments", {**window})]
    assert found == sorted(found)
    made = {one["id"] for one in box.truth("videsk_appointments").values()}
    assert set(found) == {name for name in made if low <= _made_at(name) <= high}
    newest = [
        row["Identificador"] for row in _rows(box, http, "appointments", {**window, "$sort": -1})
    ]
    assert newest == found[::-1]
    assert len(_rows(box, http, "appointments")) == 50
