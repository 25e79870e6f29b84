"""Videsk's exports: a cap in place of pages, any order, labels, and appointments ahead."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from expected_streams import BY_NAME, UNTOLD
from provider_runs import (
    FOR_EVER,
    after_requests,
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
    JSON,
    MILLISECOND,
    MINUTE,
    SECOND,
    UTC,
    Run,
    assert_table_is,
    clock_at,
    failure,
    instant,
    text,
    upserted,
    warnings_in,
)

from sandbox import Fault, Row, Sandbox
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


def test_a_response_as_long_as_the_cap_may_also_be_the_whole_window() -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 40
        box.videsk.add_at(*[NOON - 12 * HOUR + number * 36 * MINUTE for number in range(40)])
        run = export(box.videsk, start_date="2024-05-09", end_date="2024-05-10")
    assert_complete(run, box.videsk)
    assert len(box.videsk.requests) <= 3


@pytest.mark.parametrize("lower", [20, 3])
def test_a_cap_that_is_lowered_in_mid_run_is_noticed(lower: int) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap = 50
        box.videsk.add(200, NOON, NOON + 9 * DAY)
        after_requests(box.videsk, 3, "", lambda: setattr(box.videsk.options, "cap", lower))
        run = export(box.videsk)
    assert box.videsk.options.cap == lower
    assert_complete(run, box.videsk)


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


@pytest.mark.parametrize("stream", ALL)
@pytest.mark.parametrize("ends", ["[]", "[)", "(]", "()"])
def test_the_ends_of_a_range_may_or_may_not_belong_to_it(stream: str, ends: Any) -> None:
    around = [-SECOND, -MILLISECOND, 0 * SECOND, MILLISECOND, SECOND]
    with empty_sandbox() as box:
        box.videsk.options.cap, box.videsk.options.range_ends = 4, ends
        box.videsk.of(stream).add_at(*[MAY + n * DAY + at for n in (1, 2, 3) for at in around])
        run = export(box.videsk, streams=[stream], end_date="2024-05-06")
    assert_complete(run, box.videsk, stream)


def test_an_end_between_two_milliseconds_leaves_out_no_call_before_it() -> None:
    with empty_sandbox() as box:
        box.videsk.options.range_ends = "[)"
        box.videsk.add_at(NOON, NOON + 123 * MILLISECOND)
        run = export(box.videsk, end_date="2024-05-09T12:00:00.123456Z")
    assert_complete(run, box.videsk)


def test_any_2xx_is_a_response(box: Sandbox) -> None:
    box.videsk.options.status = 201
    assert_complete(export(box.videsk), box.videsk)


# The order, and what a range acts on.


@pytest.mark.parametrize("stream", [CALLS, *UNTOLD, "videsk_forms"])
@pytest.mark.parametrize("order", ["honest", "reversed_ignored", "shuffled"])
@pytest.mark.parametrize(("cap", "slots"), [(5, 14), (44, 60)])
def test_no_cap_cuts_an_export_whatever_the_order(
    stream: str, cap: int, slots: int, order: Any
) -> None:
    with empty_sandbox() as box:
        instants = [NOON - 12 * HOUR + slot * 15 * MINUTE for slot in range(slots)]
        box.videsk.of(stream).add_at(*instants, *instants[::2])
        box.videsk.options.cap, box.videsk.options.order = cap, order
        run = export(box.videsk, streams=[stream], start_date="2024-05-09", end_date="2024-05-10")
    assert len(box.videsk.of(stream).rows) > cap > busiest_second(box.videsk, stream)
    assert_complete(run, box.videsk, stream)


@pytest.mark.parametrize(
    ("rows", "cap", "order", "shift", "moved"),
    [
        (300, 5000, "honest", 3 * MINUTE, 1),
        (300, 5000, "honest", 6 * HOUR, 1),
        (350, 40, "reversed_ignored", 20 * SECOND, 1),
        (350, 40, "reversed_ignored", 6 * HOUR, 1),
        (30, 2, "reversed_ignored", 0 * SECOND, 1),
        (30, 5, "reversed_ignored", 0 * SECOND, 1),
        (30, 2, "shuffled", 0 * SECOND, 1),
        (60, 5, "honest", 3 * MINUTE, 1),
        (100, 20, "honest", 20 * SECOND, 1),
        (350, 100, "honest", 3 * MINUTE, 1),
        (1500, 500, "honest", 2 * HOUR, 1),
        # A few that are called back after a while: the range acts on when they asked for it.
        (300, 50, "honest", -45 * MINUTE, 50),
        (2500, 1000, "honest", -45 * MINUTE, 50),
    ],
)
def test_a_filter_on_another_time_than_the_order_never_loses_a_call_in_silence(
    rows: int, cap: int, order: Any, shift: timedelta, moved: int
) -> None:
    for seed in range(3):
        with empty_sandbox(seed) as box:
            box.videsk.options.cap, box.videsk.options.order = cap, order
            for begin in (NOON - DAY, NOON):
                box.videsk.add(rows // 2, begin, begin + 10 * MINUTE)
            box.videsk.separate_filter_field(0 * shift if moved > 1 else shift)
            for row in box.videsk.rows[::moved] if moved > 1 else ():
                row.at += shift
            run = export(box.videsk, max_records=cap)
        if cap == 5000 or (order != "honest" and shift):
            assert_complete(run, box.videsk)
        else:
            assert_complete_or_loud(run, box.videsk)


# How many requests it takes.


@pytest.mark.parametrize(
    ("rows", "days", "cap", "workers", "most"),
    [
        pytest.param(60_000, 31, 5000, 2, 30, marks=pytest.mark.slow),
        (6000, 31, 500, 1, 30),
        (6000, 31, 500, 8, 30),
        (6000, 365, 500, 1, 32),
        (6000, 365, 500, 8, 32),
    ],
)
@pytest.mark.parametrize("order", ["honest", "shuffled"])
def test_each_row_is_sent_about_once_or_twice(
    rows: int, days: int, cap: int, workers: int, most: int, order: Any
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.cap, box.videsk.options.order = cap, order
        box.videsk.add(rows, MAY, MAY + days * DAY)
        run = export(box.videsk, end_date=text(MAY + days * DAY), max_concurrency=workers)
    assert {key for (key,) in run.table(CALLS)} == {row.key for row in box.videsk.rows}
    assert len(run.records(CALLS)) == rows
    assert len(box.videsk.requests) <= most
    marks = [state["bookmarks"][CALLS]["replication_key_value"] for state in run.states]
    assert marks == sorted(marks)
    assert marks[0] <= text(MAY + DAY)
    assert len(set(marks)) >= rows / cap


def test_an_idle_run_asks_once_and_empty_years_are_requested_in_a_handful() -> None:
    with empty_sandbox() as box, clock_at(MAY + 31 * DAY):
        first = export(box.videsk, start_date="2014-06-01")
        assert first.code == 0
        assert len(box.videsk.requests) <= 18
        box.videsk.add(50, MAY + 28 * DAY, MAY + 30 * DAY)
        box.videsk.requests.clear()
        assert_complete(export(box.videsk, state=first.state), box.videsk)
        [sent] = [(r.body["start"][:19], r.body["end"][:19]) for r in box.videsk.requests]
        assert sent == ("2024-05-28T23:59:59", "2024-06-01T00:00:00")


def test_a_server_that_long_ranges_are_too_much_for_gets_shorter_ones() -> None:
    def too_long(request: Any) -> bool:
        return instant(request.body["end"]) - instant(request.body["start"]) > 3 * DAY

    with empty_sandbox() as box:
        box.videsk.options.cap = 500
        box.videsk.faults.add(Fault("status", status=413, times=FOR_EVER), when=too_long)
        box.videsk.add(1500, MAY, MAY + 31 * DAY)
        assert_complete(export(box.videsk), box.videsk)
        assert len(box.videsk.requests) <= 36


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


@pytest.mark.parametrize("none", ["", None])
def test_an_empty_text_is_no_time_no_id_and_no_list(none: str | None) -> None:
    columns: JSON = {"end_time": None, "survey_id": None, "duration": None, "tags": []}
    sent: dict[str, object] = {"endTime": none, "surveyId": none, "duration": none}
    record = one_record(CALLS, sent, columns=columns)
    assert {name: record[name] for name in columns} == columns
    assert record["extra"] is None


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
def test_the_bookmark_never_lies_ahead(acts_on: Any) -> None:
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter, box.videsk.options.cap = acts_on, 3
        add_slots(box.videsk, *range(-40, 80, 3), booked=45)
        run = run_now(box.videsk)
    entries = [state["bookmarks"][APPOINTMENTS] for state in run.states]
    bookmarks = [instant(entry["replication_key_value"]) for entry in entries]
    assert bookmarks == sorted(set(bookmarks))
    assert NOW - HOUR < bookmarks[-1] <= datetime.now(UTC) - 5 * MINUTE
    assert_complete(run, box.videsk, APPOINTMENTS)


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


@FILTERS
def test_nothing_after_an_end_date_is_requested(acts_on: Any) -> None:
    end = NOW - 20 * DAY
    with empty_sandbox() as box:
        box.videsk.options.appointments_filter = acts_on
        add_slots(box.videsk, *range(-60, 60, 4), booked=70)
        run = run_now(box.videsk, end_date=text(end))
        truth = box.videsk.truth(APPOINTMENTS)
    if acts_on == "start_time":
        truth = {key: row for key, row in truth.items() if row["start_time"] <= text(end)}
    assert_complete(run, box.videsk, APPOINTMENTS, truth=truth)
    assert max(instant(request.body["end"]) for request in asked(box.videsk)) <= end
    assert run.bookmark(APPOINTMENTS) == text(end)
