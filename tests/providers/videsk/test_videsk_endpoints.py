"""Videsk's eleven exports: whatever the server makes of cap, order, ends, labels and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from expected_streams import UNTOLD
from provider_runs import (
    assert_complete,
    assert_each_once,
    busiest_second,
    empty_sandbox,
    export,
)
from support import assert_table_is

from sandbox.instants import MILLISECOND, SECOND, UTC, parse, text
from sandbox.videsk import VideskApi
from sandbox.videsk_rows import STREAMS as ENDPOINTS
from tap_callexports.providers.videsk.labels import column_of

if TYPE_CHECKING:
    from sandbox.table import Ends
    from sandbox.videsk import KeysOption, TagColumn

DAY = datetime(2024, 5, 9, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ALL = tuple(VideskApi.keys)
#: Streams whose id was made in the second of the row's own time.
TELLING = tuple(stream for stream in ALL if stream not in UNTOLD)
#: Questions that no fixed column can be taken for.
PLAIN = ["Nombre", "¿Edad?", " con blancos "]

STREAMS = pytest.mark.parametrize("stream", ALL)


@pytest.mark.parametrize("order", ["honest", "reversed_ignored", "shuffled"])
@pytest.mark.parametrize(("cap", "slots"), [(5, 14), (44, 60)])
@STREAMS
def test_no_cap_cuts_an_export_whatever_the_order(
    stream: str, cap: int, slots: int, order: Literal["honest", "reversed_ignored", "shuffled"]
) -> None:
    with empty_sandbox() as box:
        instants = [DAY + slot * 15 * MINUTE for slot in range(slots)]
        box.videsk.of(stream).add_at(*instants, *instants[::2])
        box.videsk.options.cap = cap
        box.videsk.options.order = order
        run = export(box.videsk, streams=[stream], start_date="2024-05-09", end_date="2024-05-10")
    assert len(box.videsk.of(stream).rows) > cap > busiest_second(box.videsk, stream)
    assert_complete(run, box.videsk, stream)
    assert_each_once(run, stream)


@pytest.mark.parametrize("ends", ["[]", "[)", "(]", "()"])
@STREAMS
def test_the_ends_of_a_range_may_or_may_not_belong_to_it(stream: str, ends: Ends) -> None:
    midnights = [DAY + timedelta(days=day) for day in range(3)]
    around = [-SECOND, -MILLISECOND, timedelta(), MILLISECOND, SECOND]
    with empty_sandbox() as box:
        box.videsk.options.cap = 4
        box.videsk.options.range_ends = ends
        box.videsk.of(stream).add_at(*[at + shift for at in midnights for shift in around])
        run = export(box.videsk, streams=[stream], start_date="2024-05-08", end_date="2024-05-12")
    assert_complete(run, box.videsk, stream)
    assert_each_once(run, stream)


@pytest.mark.parametrize("labels", ["es", "en"])
@pytest.mark.parametrize("keys", ["honoured", "ignored", "partial"])
@STREAMS
def test_columns_are_known_by_every_label_they_may_have(
    stream: str, keys: KeysOption, labels: Literal["es", "en"]
) -> None:
    with empty_sandbox() as box:
        options = box.videsk.options
        options.keys, options.labels = keys, labels
        options.forms, options.surveys = {"f" * 24: PLAIN}, {"5" * 24: PLAIN}
        box.videsk.of(stream).add_at(*[DAY + 7 * n * HOUR for n in range(9)])
        run = export(box.videsk, streams=[stream])
    assert_complete(run, box.videsk, stream)
    assert [record["extra"] for record in run.records(stream)] == [None] * 9


@pytest.mark.parametrize("dates", ["iso", "day_first"])
@STREAMS
def test_the_day_comes_first_where_slashes_part_it_from_the_month(
    stream: str, dates: Literal["iso", "day_first"]
) -> None:
    with empty_sandbox() as box:
        box.videsk.options.dates = dates
        # Days that could be months.
        box.videsk.of(stream).add_at(*[DAY + timedelta(days=n, minutes=n) for n in range(-5, 4)])
        run = export(box.videsk, streams=[stream])
    assert_complete(run, box.videsk, stream)


@pytest.mark.parametrize("stream", TELLING)
@pytest.mark.parametrize(
    "change", [datetime(2024, 4, 7, 3, tzinfo=UTC), datetime(2024, 9, 8, 4, tzinfo=UTC)]
)
def test_rows_around_a_clock_change_are_at_the_instant_their_id_tells(
    stream: str, change: datetime
) -> None:
    with empty_sandbox() as box:
        box.videsk.of(stream).add_at(*[change + n * 7 * MINUTE for n in range(-20, 21)])
        run = export(
            box.videsk,
            streams=[stream],
            timezone="America/Santiago",
            start_date=(change - 24 * HOUR).isoformat(),
            end_date=(change + 24 * HOUR).isoformat(),
        )
    assert_complete(run, box.videsk, stream)


@pytest.mark.parametrize("stream", UNTOLD)
def test_only_rows_of_a_repeated_hour_whose_id_tells_nothing_may_be_an_hour_early(
    stream: str,
) -> None:
    change = datetime(2024, 4, 7, 3, tzinfo=UTC)
    column = "start_time" if stream == "videsk_appointments" else "created_at"
    with empty_sandbox() as box:
        box.videsk.of(stream).add_at(*[change + n * 15 * MINUTE for n in range(-9, 10)])
        truth = box.videsk.truth(stream)
        run = export(
            box.videsk,
            streams=[stream],
            timezone="America/Santiago",
            start_date="2024-04-06",
            end_date="2024-04-08",
        )
    table = run.table(stream)
    assert run.code == 0
    assert set(table) == set(truth)
    for key, record in table.items():
        at = parse(truth[key][column])
        repeated = change <= at < change + HOUR
        assert record[column] == text(at - HOUR if repeated else at)


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
    }
    assert {label: column_of(label) for label in labels} == labels


@pytest.mark.parametrize("stream", ["videsk_calls", "videsk_appointments"])
def test_columns_of_the_dictionary_that_no_sample_shows_have_a_place(stream: str) -> None:
    shown = {"summary": "corta", "consent": "2024-05-09 12:00:00", "url": "https://a.example"}
    shown |= {"survey": "s1", "createdBy": "ana@example.com"}
    with empty_sandbox() as box:
        (row,) = box.videsk.of(stream).add_at(DAY)
        row.extra_wire = shown
        run = export(box.videsk, streams=[stream])
    (record,) = run.records(stream)
    assert {name: record[name] for name in ("summary", "url", "survey", "created_by")} == {
        "summary": "corta",
        "url": "https://a.example",
        "survey": "s1",
        "created_by": "ana@example.com",
    }
    assert record["consent"] == "2024-05-09T12:00:00.000000Z"
    assert record["extra"] is None


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"crm": {"id": 7, "ñ": [1.50, None]}}, '{"crm":{"id":7,"ñ":[1.5,null]}}'),
        ([1, "dos"], '[1,"dos"]'),
        ("texto", "texto"),
        ('{"a": 1}', '{"a": 1}'),
        ("", ""),
        (7, "7"),
        (True, "true"),
        (None, None),
    ],
)
def test_integration_data_of_any_shape_is_text(sent: object, read: str | None) -> None:
    with empty_sandbox() as box:
        (row,) = box.videsk.of("videsk_queues").add_at(DAY)
        row.extra_wire = {"Integration Data": sent}
        run = export(box.videsk, streams=["videsk_queues"])
    (record,) = run.records("videsk_queues")
    assert record["integration_data"] == read
    assert record["extra"] is None


@pytest.mark.parametrize("stream", ["videsk_calls", "videsk_appointments"])
@pytest.mark.parametrize(
    ("sent", "read"), [("", []), (None, None), ([], []), ("a,b", ["a", "b"]), (["a"], ["a"])]
)
def test_tags_are_a_list_in_whatever_form_they_come(
    stream: str, sent: object, read: list[str] | None
) -> None:
    with empty_sandbox() as box:
        (row,) = box.videsk.of(stream).add_at(DAY)
        row.extra_wire = {"tags": sent}
        run = export(box.videsk, streams=[stream])
    (record,) = run.records(stream)
    assert record["tags"] == read


@pytest.mark.parametrize("keys", ["honoured", "ignored"])
@pytest.mark.parametrize("column", ["tag", "tagName"])
def test_the_id_of_a_tag_is_found_in_either_column(column: TagColumn, keys: KeysOption) -> None:
    with empty_sandbox() as box:
        box.videsk.options.tag_column, box.videsk.options.keys = column, keys
        box.videsk.of("videsk_tags").add_at(*[DAY + n * HOUR for n in range(9)])
        run = export(box.videsk, streams=["videsk_tags"])
    assert_complete(run, box.videsk, "videsk_tags")


@pytest.mark.parametrize("first", ["tag", "tagName"])
def test_of_two_columns_for_a_tag_the_same_one_is_the_key_and_the_other_is_not_lost(
    first: str,
) -> None:
    with empty_sandbox() as box:
        alike, other = box.videsk.of("videsk_tags").add_at(DAY, DAY + HOUR)
        alike.extra_wire = {"tagName": alike.canonical["tag_id"]}
        other.extra_wire = {"tagName": "otra"}
        if first == "tagName":
            for row in (alike, other):
                wanted = row.extra_wire["tagName"]
                # The sandbox writes what is extra last: here that is the other column.
                box.videsk.options.tag_column = "tagName"
                row.extra_wire = {"tagName": wanted, "tag": row.canonical["tag_id"]}
        run = export(box.videsk, streams=["videsk_tags"])
    assert run.code == 0
    assert_table_is(run.table("videsk_tags"), box.videsk.truth("videsk_tags"))
    extras = {record["id"]: record["extra"] for record in run.records("videsk_tags")}
    assert extras == {alike.canonical["id"]: None, other.canonical["id"]: {"tagName": "otra"}}


def test_every_export_has_an_endpoint_of_the_sandbox() -> None:
    assert set(ENDPOINTS) == set(ALL)
