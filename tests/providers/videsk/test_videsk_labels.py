"""Videsk's rows are keyed by labels: whatever language and date format, the columns are ours."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from provider_runs import asked, assert_complete, empty_sandbox, export, failure

from sandbox import Fault
from sandbox.instants import UTC

if TYPE_CHECKING:
    from sandbox.videsk import KeysOption

CALLS = "videsk_calls"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("dates", ["iso", "day_first"])
@pytest.mark.parametrize("labels", ["es", "en"])
@pytest.mark.parametrize("keys", ["honoured", "ignored", "partial"])
@pytest.mark.covers(65, 137)
def test_columns_are_found_under_any_label_and_times_in_any_format(
    keys: KeysOption, labels: Literal["es", "en"], dates: Literal["iso", "day_first"]
) -> None:
    with empty_sandbox() as box:
        options = box.videsk.options
        options.keys, options.labels, options.dates, options.cap = keys, labels, dates, 20
        # Days up to 12 are where a month-first reader would go wrong.
        box.videsk.add(60, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 25, tzinfo=UTC))
        run = export(box.videsk)
    assert_complete(run, box.videsk, CALLS)
    assert all(record["extra"] is None for record in run.records(CALLS))


@pytest.mark.parametrize("name", ["Duraci\u00f3n", "Duracio\u0301n", " DURACI\u00d3N "])
def test_labels_are_compared_without_case_blanks_and_composition_of_accents(name: str) -> None:
    assert unicodedata.normalize("NFC", name).strip().casefold() == "duraci\u00f3n"
    with empty_sandbox() as box:
        (row,) = box.videsk.add_at(NOON, duration=None)
        row.extra_wire = {name: 12.5}
        run = export(box.videsk)
    (record,) = run.records(CALLS)
    assert (float(record["duration"]), record["extra"]) == (12.5, None)


def test_every_request_asks_for_identity_keys_and_a_zone() -> None:
    with empty_sandbox() as box:
        box.videsk.add(10, NOON, NOON + timedelta(days=3))
        export(box.videsk)
    bodies = [request.body for request in box.videsk.requests]
    assert bodies
    for body in bodies:
        assert body["timezone"] == "UTC"
        assert body["start"].endswith("Z")
        assert body["end"].endswith("Z")
        # Without a name of their own, two columns share one label and one is lost.
        assert (body["keys"]["tag"], body["keys"]["tagName"]) == ("tag", "tagName")
        assert all(column == label for column, label in body["keys"].items())


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_columns_nobody_knows_are_kept_as_received(zone: str) -> None:
    received = {"Campo nuevo": "hola", "Otro": {"a": [1, None]}, "Nota": "30"}
    with empty_sandbox() as box:
        (row,) = box.videsk.add_at(NOON)
        row.extra_wire = dict(received)
        run = export(box.videsk, timezone=zone)
    (record,) = run.records(CALLS)
    assert record["extra"] == received


def test_a_time_in_a_column_nobody_knows_is_kept_as_received() -> None:
    received = {"Fecha nueva": "2024-05-09 08:00:00"}
    with empty_sandbox() as box:
        (row,) = box.videsk.add_at(NOON)
        row.extra_wire = dict(received)
        run = export(box.videsk, timezone="America/Santiago")
    (record,) = run.records(CALLS)
    assert record["extra"] == received


@pytest.mark.parametrize("none", ["", None])
def test_an_empty_text_is_no_time_no_id_and_no_list(none: str | None) -> None:
    with empty_sandbox() as box:
        (row,) = box.videsk.add_at(NOON, end_time=None, survey_id=None, duration=None, tags=[])
        row.extra_wire = {"endTime": none, "surveyId": none, "duration": none}
        run = export(box.videsk)
    (record,) = run.records(CALLS)
    assert [record[name] for name in ("end_time", "survey_id", "duration", "tags", "extra")] == [
        *[None] * 3,
        [],
        None,
    ]


def test_a_refused_zone_is_one_request_and_the_message_names_the_setting() -> None:
    with empty_sandbox() as box:
        refusal = '{"name": "BadRequest", "message": "A valid \\"timezone\\" is required"}'
        box.videsk.faults.add(Fault("status", status=400, body=refusal, times=99))
        run = export(box.videsk, max_concurrency=1)
    line = failure(run, CALLS)
    assert "videsk.timezone" in line
    assert 'A valid "timezone" is required' in line
    assert len(asked(box.videsk)) == 1
