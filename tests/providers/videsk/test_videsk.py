"""Videsk's exports: a cap in place of pages, any order, labels, and appointments ahead."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from expected_streams import BY_NAME
from provider_runs import (
    asked,
    assert_complete,
    assert_complete_or_loud,
    assert_safe,
    busiest_second,
    empty_sandbox,
    export,
)
from support import (
    DAY,
    HOUR,
    MILLISECOND,
    MINUTE,
    SECOND,
    UTC,
    Run,
    assert_table_is,
    failure,
    instant,
    text,
    upserted,
    warnings_in,
)

from sandbox import Row, Sandbox
from sandbox.videsk import VideskApi
from tap_callexports.providers.videsk.labels import column_of

CALLS, APPOINTMENTS, TAGS = "videsk_calls", "videsk_appointments", "videsk_tags"
ALL = [name for name, stream in BY_NAME.items() if stream.api == "videsk"]
MAY = datetime(2024, 5, 1, tzinfo=UTC)
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
#: The real one: appointments ahead of a run are ahead of its clock.
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
#: Questions that no fixed column can be taken for.
PLAIN = ["Nombre", "¿Edad?", " con blancos "]


# The cap.


@pytest.mark.parametrize("shape", ["uniform", "bursty", "one_instant"])
@pytest.mark.parametrize(
    ("cap", "rows", "declared"),
    [
        (1, 12, "yes"),
        (2, 24, "no"),
        (5, 60, "text"),
        (1000, 2300, "yes"),
        (1000, 2300, "no"),
        (1000, 2300, "lying"),
        (1700, 4000, "lying"),
    ],
)
def test_no_cap_cuts_an_export_in_silence(cap: int, rows: int, declared: Any, shape: str) -> None:
    with empty_sandbox() as box:
        if shape == "uniform":
            box.videsk.add(rows, MAY, MAY + 19 * DAY)
        elif shape == "bursty":
            for begin in (NOON - 7 * DAY, NOON):
                box.videsk.add(rows // 2, begin, begin + 10 * MINUTE)
        else:
            box.videsk.add_at(*[NOON] * rows)
        box.videsk.options.cap, box.videsk.options.cap_declared = cap, declared
        near: Any = {"start_date": text(NOON - SECOND), "end_date": text(NOON + SECOND)}
        # Where a response names no usable cap, the setting tells it.
        run = export(box.videsk, max_records=cap, **(near if shape == "one_instant" else {}))
    if busiest_second(box.videsk) < cap:
        assert_complete(run, box.videsk)
    else:
        assert_complete_or_loud(run, box.videsk)


def test_a_cap_that_is_not_named_is_said_to_be_assumed_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap_declared = "no"
        box.videsk.add(30, NOON, NOON + 9 * DAY)
        assert_complete(export(box.videsk), box.videsk)
    assert len(warnings_in(caplog, "videsk.max_records")) == 1


@pytest.mark.parametrize(
    ("cap", "rows", "ties"),
    [
        # The responses from both ends share two rows in opposite order: nothing is between them.
        *[(3, 4, ""), (10, 18, "")],
        *[(3, 6, ""), (3, 40, "")],
        # Calls of one instant that tie the same way from both ends prove nothing.
        (4, 6, "stable"),
    ],
)
def test_a_second_is_complete_where_both_ends_reach_into_it_or_fails_and_is_named(
    cap: int, rows: int, ties: Any
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = cap
        box.videsk.options.ties = ties or box.videsk.options.ties
        box.videsk.add(20, NOON - 3 * DAY, NOON - DAY)
        step = 0 if ties else 11
        box.videsk.add_at(*[NOON + n * step * MILLISECOND for n in range(1, rows + 1)])
        run = export(box.videsk, start_date="2014-06-01")
        if rows <= 2 * cap - 2 and not ties:
            assert_complete(run, box.videsk)
            return
        assert "2024-05-09T12:00:00.000000Z" in failure(run, CALLS)
        assert (run.bookmark(CALLS) or "") <= "2024-05-09T12:00:00.000000Z"
        assert_safe(run, box.videsk, CALLS)
        assert len(run.table(CALLS)) >= 20
        # Once the provider has raised the cap, the next run goes on from there.
        box.videsk.options.cap = 100
        again = export(box.videsk, state=run.state)
    assert again.code == 0
    assert_table_is(upserted(run.table(CALLS), again, CALLS), box.videsk.truth(CALLS))


# Labels and values.


@pytest.mark.parametrize("stream", ALL)
@pytest.mark.parametrize("keys", ["honoured", "ignored", "partial"])
@pytest.mark.parametrize(("labels", "dates"), [("es", "day_first"), ("en", "iso")])
def test_columns_are_known_by_every_label_and_times_in_every_form(
    stream: str, keys: Any, labels: Any, dates: Any
) -> None:
    with empty_sandbox() as box:
        options = box.videsk.options
        options.keys, options.labels, options.dates = keys, labels, dates
        options.forms, options.surveys = {"f" * 24: PLAIN}, {"5" * 24: PLAIN}
        # Days that could be months.
        box.videsk.of(stream).add_at(*[NOON + (n - 5) * 25 * HOUR for n in range(9)])
        run = export(box.videsk, streams=[stream])
    assert_complete(run, box.videsk, stream)
    assert [record["extra"] for record in run.records(stream)] == [None] * 9


def test_labels_without_an_id_are_the_columns_of_the_contract() -> None:
    labels = {
        "After Call Work (ACW)": "acw_duration",
        "Effective Duration": "effective_duration",
        "Entity Type": "entity_type",
        "Type": "type",
        "Status": "status",
        "Service": "service",
        "Integration Data": "integration_data",
        "Cancellation Date": "cancellation_date",
        "Canceled By": "canceled_by",
        "Rescheduled Appointment ID": "rescheduled_appointment_id",
        "Longitude": "longitude",
        "Latitude": "latitude",
        "GPS accuracy": "gps_accuracy",
        "tag": "tag_id",
        "tagName": "tag_id",
        "ID Etiqueta": "tag_id",
        # Compared without case, blanks and the composition of accents.
        "Duraci\u00f3n": "duration",
        "Duracio\u0301n": "duration",
        " DURACI\u00d3N ": "duration",
    }
    assert {label: column_of(label) for label in labels} == labels


def test_every_request_asks_for_identity_keys_and_a_zone(box: Sandbox) -> None:
    export(box.videsk)
    for body in [request.body for request in box.videsk.requests]:
        assert body["timezone"] == "UTC"
        assert body["start"][-1] == body["end"][-1] == "Z"
        # Without a name of their own, two columns share one label and one is lost.
        assert (body["keys"]["tag"], body["keys"]["tagName"]) == ("tag", "tagName")
        assert all(column == label for column, label in body["keys"].items())


def one_record(stream: str, sent: dict[str, object], **settings: Any) -> dict[str, Any]:
    """The record of a row that is sent with these fields."""
    with empty_sandbox() as box:
        [row] = box.videsk.of(stream).add_at(NOON, **settings.pop("columns", {}))
        row.extra_wire = sent
        run = export(box.videsk, streams=[stream], **settings)
    [record] = run.records(stream)
    return record


def test_columns_nobody_knows_are_kept_as_received_times_too() -> None:
    sent: dict[str, object] = {"Otro": {"a": [1, None]}, "Nota": "30"}
    sent["Fecha nueva"] = "2024-05-09 08:00:00"
    assert one_record(CALLS, dict(sent), timezone="America/Santiago")["extra"] == sent


@pytest.mark.parametrize("stream", [CALLS, APPOINTMENTS])
def test_columns_of_the_dictionary_that_no_sample_shows_have_a_place(stream: str) -> None:
    sent: dict[str, object] = {"summary": "corta", "url": "https://a.example", "survey": "s1"}
    more = {"consent": "2024-05-09 12:00:00", "createdBy": "ana@example.com"}
    record = one_record(stream, sent | more)
    assert {name: record[name] for name in sent} == sent
    assert record["created_by"] == "ana@example.com"
    assert record["consent"] == "2024-05-09T12:00:00.000000Z"
    assert record["extra"] is None


@pytest.mark.parametrize(
    ("stream", "field", "sent", "read"),
    [
        *[
            ("videsk_queues", "Integration Data", sent, read)
            for sent, read in (
                ({"crm": {"id": 7, "ñ": [1.50, None]}}, '{"crm":{"id":7,"ñ":[1.5,null]}}'),
                ([1, "dos"], '[1,"dos"]'),
                ("texto", "texto"),
                ('{"a": 1}', '{"a": 1}'),
                ("", ""),
                (7, "7"),
                (True, "true"),
                (None, None),
            )
        ],
        *[
            (stream, "tags", sent, read)
            for stream in (CALLS, APPOINTMENTS)
            for sent, read in (
                ("", []),
                (None, None),
                ([], []),
                ("a,b", ["a", "b"]),
                (["a"], ["a"]),
            )
        ],
    ],
)
def test_integration_data_is_text_and_tags_are_a_list_whatever_they_were(
    stream: str, field: str, sent: object, read: object
) -> None:
    record = one_record(stream, {field: sent})
    assert record["integration_data" if "Data" in field else field] == read
    assert record["extra"] is None


@pytest.mark.parametrize("keys", ["honoured", "ignored"])
@pytest.mark.parametrize("column", ["tag", "tagName"])
def test_the_id_of_a_tag_is_found_in_either_column_and_another_one_is_not_lost(
    column: Any, keys: Any
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.tag_column, box.videsk.options.keys = column, keys
        rows = box.videsk.of(TAGS).add_at(*[NOON + n * HOUR for n in range(9)])
        assert_complete(export(box.videsk, streams=[TAGS]), box.videsk, TAGS)
        # With both columns it is always the same one that is the key.
        for row, other in zip(rows, (rows[0].canonical["tag_id"], "otra"), strict=False):
            row.extra_wire = {"tagName": other, "tag": row.canonical["tag_id"]}
        run = export(box.videsk, streams=[TAGS])
    assert_complete(run, box.videsk, TAGS)
    extras = [record["extra"] for record in run.records(TAGS) if record["extra"]]
    assert extras == [{"tagName": "otra"}]


# Appointments, some of which lie ahead.


def add_slots(api: VideskApi, *days: float, booked: float = 1, **columns: Any) -> list[Row]:
    """Appointments so many days from now, booked days ago, one hour after the other."""
    rows: list[Row] = []
    for number, day in enumerate(days):
        made = NOW - booked * DAY + number * HOUR
        key = f"{int(made.timestamp()):08x}{number:016x}"
        rows += api.of(APPOINTMENTS).add_at(NOW + day * DAY, id=key, **columns)
    return rows


def run_now(api: VideskApi, **settings: Any) -> Run:
    """A run without an end, as every night has one."""
    own: dict[str, Any] = {"start_date": text(NOW - 200 * DAY), "end_date": None}
    return export(api, streams=[APPOINTMENTS], **{**own, **settings})


@pytest.mark.parametrize(
    ("ahead", "days"), [(90, [-30, 0, 1, 45, 89]), (10, [-30, 0, 1]), (0, [-30])]
)
def test_appointments_are_exported_as_far_ahead_as_the_setting_says(
    ahead: int, days: list[int]
) -> None:
    with empty_sandbox() as box:
        add_slots(box.videsk, -30, 0.1, 1, 45, 89, 91, 400, status="pending", duration=None)
        run = run_now(box.videsk, appointments_ahead_days=ahead)
    assert run.code == 0
    starts = [instant(record["start_time"]) for record in run.records(APPOINTMENTS)]
    assert sorted(round((start - NOW) / DAY) for start in starts) == days


FILTERS = pytest.mark.parametrize("acts_on", ["start_time", "created"])


@FILTERS
@pytest.mark.parametrize("hours", [0, 2160])
@pytest.mark.parametrize(("slot", "booked"), [(-60, 80), (-1, 70), (2, 85), (50, 1)])
def test_what_becomes_of_an_appointment_is_exported_by_the_next_run(
    acts_on: Any, slot: int, booked: int, hours: int
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = acts_on
        [row] = add_slots(box.videsk, slot, booked=booked, status="pending", duration=None)
        first = run_now(box.videsk, lookback_hours=hours)
        assert_complete(first, box.videsk, APPOINTMENTS)
        box.videsk.of(APPOINTMENTS).amend(row, status="attended", duration=12.5)
        second = run_now(box.videsk, state=first.state, lookback_hours=hours)
    assert_complete(second, box.videsk, APPOINTMENTS)
    assert [record["status"] for record in second.records(APPOINTMENTS)] == ["attended"]


def test_a_run_looks_back_at_least_as_far_as_it_looks_ahead_and_no_further() -> None:
    with empty_sandbox() as box:
        state = run_now(box.videsk).state
        for settings, days in (
            ({}, 90),
            ({"appointments_ahead_days": 10}, 10),
            ({"lookback_hours": 24 * 120}, 120),
        ):
            box.videsk.requests.clear()
            run_now(box.videsk, state=state, **settings)
            earliest = min(instant(request.body["start"]) for request in asked(box.videsk))
            assert round((NOW - earliest) / DAY) == days
