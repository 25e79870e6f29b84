"""Videsk's exports besides the calls: what each can be relied on for, and how they are linked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import pytest
from sandbox.videsk.endpoints import STREAMS, Endpoint
from sandbox_clients import Record, videsk_export

from sandbox import Sandbox
from sandbox.instants import UTC, parse

if TYPE_CHECKING:
    import requests

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)
AT_NOON = {"start": "2024-05-10T12:00:00Z", "end": "2024-05-10T12:00:00Z"}
ALWAYS = {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
#: The ones that are asked for without a definition.
EXPORTS = [endpoint for endpoint in STREAMS.values() if endpoint.definition is None]


def _path(endpoint: Endpoint) -> str:
    return endpoint.path.removeprefix("/reports/exports/")


@pytest.fixture(params=EXPORTS, ids=_path)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    found: Endpoint = request.param
    return found


def _rows(
    box: Sandbox, http: requests.Session, name: str, body: dict[str, object] | None = None
) -> list[Record]:
    rows: list[Record] = videsk_export(box, http, name, body).json()["data"]
    return rows


def _ids(box: Sandbox, stream: str) -> set[str]:
    return {record["id"] for record in box.truth(f"videsk_{stream}").values()}


def _made_at(name: str) -> datetime:
    return datetime.fromtimestamp(int(name[:8], 16), UTC)


def _assert_linked(box: Sandbox) -> None:
    """Every row that a call names is there."""
    forms = {form for _, form in box.truth("videsk_forms")}
    tags, queues, extra = box.truth("videsk_tags"), _ids(box, "queues"), _ids(box, "extra_data")
    comments, surveys = _ids(box, "comments"), _ids(box, "surveys")
    for call in box.truth("videsk_calls").values():
        assert call["queue"] in queues
        assert call["extra_data"] in extra
        assert {call["comments"]} <= {None, *comments}
        assert {call["survey_id"]} <= {None, *surveys}
        assert {call["base_form"], call["agent_form"]} <= {None, *forms}
        assert {(call["id"], tag) for tag in call["tags"] or ()} <= tags.keys()


def test_what_a_call_names_is_there(box: Sandbox) -> None:
    _assert_linked(box)
    box.grow(1)
    _assert_linked(box)
    box.videsk.add_at(NOON)
    box.videsk.add(5, NOON, NOON + timedelta(days=1))
    comment = f"{int(NOON.timestamp()):08x}{1:016x}"
    call = box.videsk.rows[0]
    box.videsk.amend(call, comments=comment, tags=["hot"])
    _assert_linked(box)
    assert box.truth("videsk_comments")[comment,]["call"] == call.key
    assert box.truth("videsk_tags")[call.key, "hot"]["tag_label"] == "hot"


def test_a_call_with_odd_values_harms_no_other_stream(box: Sandbox) -> None:
    odd = {"end_time": "soon", "duration": "long", "comments": 7, "queue": "x", "start_time": None}
    odd |= dict.fromkeys(("agent_form", "base_form", "survey_id"))
    rows = {stream: len(box.truth(stream)) for stream in box.videsk.streams}
    box.videsk.add_at(NOON, **odd)
    for stream in box.videsk.streams[1:]:
        assert len(box.truth(stream)) == rows[stream]


def test_what_hangs_on_something_names_it(box: Sandbox) -> None:
    box.grow(1)
    calls, appointments = _ids(box, "calls"), _ids(box, "appointments")
    for stream in ("comments", "recordings", "surveys"):
        records = box.truth(f"videsk_{stream}").values()
        assert {record["call"] for record in records} - {None} <= calls
        assert {record["appointment"] for record in records} - {None} <= appointments
        assert all((one["call"] is None) != (one["appointment"] is None) for one in records)
        assert any(record["appointment"] for record in records)
    for stream in ("tags", "ai_topics", "ai_sentiments"):
        assert _ids(box, stream) <= calls


def test_queues_have_entries_that_never_became_calls(box: Sandbox) -> None:
    queues = box.truth("videsk_queues").values()
    answered = {call["queue"] for call in box.truth("videsk_calls").values()}
    abandoned = [record for record in queues if record["id"] not in answered]
    assert len(queues) == 200 + len(abandoned) == 224
    assert all(record["canceled"] and not record["assigned"] for record in abandoned[:-2])
    for record in queues:
        if record["id"] in answered:
            assert (record["assigned"], record["canceled_reason"]) == (True, "queue-assigned")
        if record["end_time"]:
            waited = parse(record["end_time"]) - parse(record["start_time"])
            assert abs(record["duration"] * 60 - waited.total_seconds()) < 1.1
    shapes = {(one["integration_data"] or " ")[0] for one in queues}
    assert shapes == {" ", "{", "[", "C"}


@pytest.mark.parametrize("stream", ["queues", "extra_data", "comments", "recordings", "surveys"])
def test_ids_hold_the_second_they_were_made_in(box: Sandbox, stream: str) -> None:
    for record in box.truth(f"videsk_{stream}").values():
        shown = record.get("start_time") or record["created_at"]
        assert _made_at(record["id"]) == parse(shown)


def test_findings_come_about_two_minutes_after_the_call(box: Sandbox) -> None:
    calls = {call["id"]: call for call in box.truth("videsk_calls").values()}
    for stream in ("ai_topics", "ai_sentiments"):
        for record in box.truth(f"videsk_{stream}").values():
            delay = parse(record["created_at"]) - parse(calls[record["id"]]["end_time"])
            assert timedelta(seconds=85) < delay < timedelta(seconds=155)
    found = [record["id"] for record in box.truth("videsk_ai_topics").values()]
    assert {found.count(name) for name in calls} == {0, 1, 2, 3}


def test_recordings_are_measured_in_seconds(box: Sandbox) -> None:
    calls = {call["id"]: call for call in box.truth("videsk_calls").values()}
    recorded = [one for one in box.truth("videsk_recordings").values() if one["call"]]
    assert len(recorded) > 180
    for record in recorded:
        assert abs(record["duration"] - 60 * calls[record["call"]]["duration"]) < 5


def test_caps_and_order(box: Sandbox, http: requests.Session, endpoint: Endpoint) -> None:
    name, start = _path(endpoint), endpoint.columns.index(_time(endpoint))
    whole = videsk_export(box, http, name, dict(ALWAYS)).json()
    assert (whole["$limit"], len(whole["data"])) == (5000, len(box.truth(endpoint.stream)))
    box.videsk.options.cap = 12
    body = videsk_export(box, http, name, dict(ALWAYS)).json()
    assert (body["$limit"], body["data"]) == (12, whole["data"][:12])
    newest = videsk_export(box, http, name, {**ALWAYS, "$sort": -1}).json()["data"]
    assert newest == whole["data"][:-13:-1]
    box.videsk.options.order = "reversed_ignored"
    assert videsk_export(box, http, name, dict(ALWAYS)).json()["data"] == newest
    box.videsk.options.order = "shuffled"
    label = whole["columns"][start]
    times = [_sortable(row[label]) for row in _rows(box, http, name, dict(ALWAYS))]
    assert times not in (sorted(times), sorted(times, reverse=True))


def _time(endpoint: Endpoint) -> Any:
    names = ("start_time", "created_at")
    return next(column for column in endpoint.columns if column.name in names)


def _sortable(shown: str) -> str:
    day_first = "/" in shown
    return f"{shown[6:10]}{shown[3:5]}{shown[:2]}{shown[11:]}" if day_first else shown


@pytest.mark.parametrize(("ends", "found"), [("[]", 3), ("[)", 2), ("(]", 2), ("()", 1)])
def test_range_ends(
    http: requests.Session,
    endpoint: Endpoint,
    ends: Literal["[]", "[)", "(]", "()"],
    found: int,
) -> None:
    with Sandbox(rows=0) as box:
        second = timedelta(seconds=1)
        box.videsk.of(endpoint.stream).add_at(NOON, NOON + second, NOON + 2 * second)
        box.videsk.options.range_ends = ends
        window = {"start": "2024-05-10T12:00:00Z", "end": "2024-05-10T12:00:02Z"}
        assert len(_rows(box, http, _path(endpoint), {**window})) == found


def test_labels_in_both_languages(box: Sandbox, http: requests.Session, endpoint: Endpoint) -> None:
    def labels(**keys: str) -> list[str]:
        body = {"keys": keys}
        found: list[str] = videsk_export(box, http, _path(endpoint), body).json()["columns"]
        return found

    assert labels() == [column.spanish for column in endpoint.columns]
    assert labels(id="name")[0] == "name"
    box.videsk.options.labels = "en"
    english = labels()
    assert english[0] == "Id"
    for column, label in zip(endpoint.columns, english, strict=True):
        assert column.id is not None or label == column.spanish
    box.videsk.options.keys = "ignored"
    assert labels(id="name") == english


def test_a_tag_is_named_in_one_of_two_columns(box: Sandbox, http: requests.Session) -> None:
    keys = {"tag": "one", "tagName": "other"}

    def label(**body: object) -> str:
        return str(videsk_export(box, http, "tags", body).json()["columns"][1])

    assert (label(), label(keys=keys)) == ("ID Etiqueta", "one")
    box.videsk.options.tag_column = "tagName"
    assert (label(), label(keys=keys)) == ("ID Etiqueta", "other")
    box.videsk.options.labels = "en"
    assert label() == "Tag Name"


def test_dates_of_findings_are_day_first(http: requests.Session, endpoint: Endpoint) -> None:
    with Sandbox(rows=0) as box:
        box.videsk.of(endpoint.stream).add_at(NOON)

        def shown(zone: str) -> str:
            body: dict[str, object] = {**AT_NOON, "timezone": zone}
            body["keys"] = {_time(endpoint).id: "time"}
            (row,) = _rows(box, http, _path(endpoint), body)
            return str(row["time"])

        there = NOON.astimezone(ZoneInfo("America/Santiago"))
        findings = endpoint.path.count("/ai/") > 0
        usual, day_first = "%Y-%m-%d %H:%M:%S", "%d/%m/%Y, %H:%M:%S"
        assert shown("UTC") == NOON.strftime(day_first if findings else usual)
        assert shown("America/Santiago") == there.strftime(day_first if findings else usual)
        box.videsk.options.dates = "day_first"
        assert shown("UTC") == NOON.strftime(day_first)
        box.videsk.options.zone = "ignored"
        assert shown("America/Santiago") == NOON.strftime(day_first)


def test_the_filtered_time_may_be_another(http: requests.Session, endpoint: Endpoint) -> None:
    window = {"start": "2024-05-10T13:00:00Z", "end": "2024-05-20T13:00:00Z"}
    low, high = (parse(value) for value in window.values())
    with Sandbox(rows=100) as box:
        box.videsk.separate_filter_field(timedelta(hours=30))
        found = len(_rows(box, http, _path(endpoint), {**window}))
        rows = box.videsk.of(endpoint.stream).rows
        assert found == sum(low <= row.at <= high for row in rows)
        assert any(row.at != row.sort_at for row in rows)
        box.videsk.options.filter_field = "start_time"
        found = len(_rows(box, http, _path(endpoint), {**window}))
        assert found == sum(low <= row.sort_at <= high for row in rows)


def test_the_accuracy_of_a_position_may_be_a_stand_in() -> None:
    records = Sandbox(rows=400).truth("videsk_extra_data").values()
    accuracies = {record["gps_accuracy"] for record in records}
    assert {None, 999_999} < accuracies
    for record in records:
        positions = {record[name] is None for name in ("longitude", "latitude", "gps_accuracy")}
        assert len(positions) == 1


def test_only_these_exports_exist(box: Sandbox, http: requests.Session) -> None:
    for name in ("metadata", "ai", "ai/summaries", "queues/"):
        assert videsk_export(box, http, name).status_code == 404
