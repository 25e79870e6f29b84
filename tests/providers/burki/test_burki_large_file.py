"""Burki's large files: read as any response, requested in halves where they are too large."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Literal

import pytest
from provider_runs import (
    after_requests,
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    failure,
)

from sandbox import Fault, Sandbox
from sandbox.instants import UTC
from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http import body as http_body
from tap_callexports.http.response import Response
from tap_callexports.providers.burki import export_file
from tap_callexports.providers.burki import streams as burki_client
from tap_callexports.providers.burki.export_file import rows_of_csv, rows_of_json

CALLS = "burki_calls"
EXPORT = "/calls/export"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
FORMATS = pytest.mark.parametrize("form", ["json", "csv"])


def csv_of(body: bytes) -> int:
    """How many rows a CSV has."""
    return len(rows_of_csv(Response(200, {"Content-Type": "text/csv"}, body)))


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_list_with_an_error_beside_it_is_refused(place: str) -> None:
    rows = '"items": [' + ",".join(f'{{"id": {number}}}' for number in range(200)) + "]"
    fields = ['"error": "out of memory"', rows]
    body = ("{" + ",".join(fields if place == "before" else reversed(fields)) + "}").encode()
    with pytest.raises(TransientFailure):
        rows_of_json(Response(200, {}, body))


@pytest.mark.covers(112)
def test_a_row_of_a_csv_may_be_as_long_as_its_cells() -> None:
    row = b"1," + b",".join([b"a" * 130_000] * 7) + b"\r\n"
    assert csv_of(b"Call ID,A,B,C,D,E,F,G\r\n" + row * 3) == 3


@pytest.mark.covers(112)
@pytest.mark.parametrize("delimiter", [b",", b";"])
def test_a_csv_of_too_many_cells_is_too_large(
    monkeypatch: pytest.MonkeyPatch, delimiter: bytes
) -> None:
    monkeypatch.setattr(export_file, "_MAX_CELLS", 1000)
    head = b"Call ID" + delimiter + b"Status\r\n"
    assert csv_of(head + (b"1" + delimiter + b"x\r\n") * 999) == 999
    with pytest.raises(WindowTooLarge, match="too many cells"):
        csv_of(head + b"1" + (delimiter + b'"\n"') * 1000 + b"\r\n")


@pytest.mark.covers(112)
def test_a_csv_of_too_many_rows_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "MAX_ROWS", 100)
    assert csv_of(b"Call ID\r\n" + b"1\r\n" * 100) == 100
    with pytest.raises(WindowTooLarge, match="a file of over 100 rows"):
        csv_of(b"Call ID\r\n" + b"1\r\n" * 101)


@pytest.mark.covers(58, 59)
@FORMATS
@pytest.mark.parametrize("gzip", [True, False])
@pytest.mark.parametrize("envelope", ["array", "items"])
def test_a_file_is_read_packed_or_not_bare_or_wrapped(
    box: Sandbox, form: str, *, gzip: bool, envelope: Literal["array", "items"]
) -> None:
    box.burki.options.gzip = gzip
    box.burki.options.envelope = envelope
    run = export(box.burki, format=form)
    assert_complete(run, box.burki, CALLS)
    assert_each_once(run, CALLS)


@pytest.mark.covers(58)
@FORMATS
@pytest.mark.parametrize("workers", [1, 4])
def test_a_burst_of_calls_is_one_file(form: str, workers: int) -> None:
    with empty_sandbox() as box:
        box.burki.add(2500, NOON, NOON + timedelta(minutes=1))
        box.burki.options.gzip = True
        run = export(
            box.burki,
            format=form,
            max_concurrency=workers,
            start_date="2024-05-09T12:00:00Z",
            end_date="2024-05-09T13:00:00Z",
        )
    assert_complete(run, box.burki, CALLS)
    assert_each_once(run, CALLS)
    assert len(asked(box.burki, EXPORT)) == 1


@pytest.mark.covers(46)
@FORMATS
@pytest.mark.parametrize("readings", [1, 2, 3, 10**6])
def test_a_file_that_is_short_of_its_count_is_never_taken(form: str, readings: int) -> None:
    with empty_sandbox() as box:
        box.burki.add(80, NOON, NOON + timedelta(hours=11))
        box.burki.options.cut_rows = 3
        whole = lambda: setattr(box.burki.options, "cut_rows", 0)  # noqa: E731 - short
        after_requests(box.burki, readings, EXPORT, whole)
        run = export(box.burki, format=form, start_date="2024-05-09", end_date="2024-05-10")
    if readings < 10:
        assert_complete(run, box.burki, CALLS)
    else:
        assert "are counted" in failure(run, CALLS)
        assert_safe(run, box.burki, CALLS)


@pytest.mark.covers(58)
@FORMATS
def test_a_file_beyond_the_bound_is_asked_for_in_halves(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(http_body, "MAX_BODY_BYTES", 20_000)
    with empty_sandbox() as box:
        box.burki.add(500, NOON, NOON + timedelta(hours=11))
        run = export(box.burki, format=form)
    assert_complete(run, box.burki, CALLS)
    assert len(asked(box.burki, EXPORT)) > 3


@FORMATS
def test_an_ignored_filter_and_a_file_that_is_too_large_fail_the_stream(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(http_body, "MAX_BODY_BYTES", 10_000)
    monkeypatch.setattr(burki_client, "LARGEST_FILE", 100)
    with empty_sandbox() as box:
        box.burki.options.filter_ignored = True
        box.burki.add(200, NOON - timedelta(days=20), NOON + timedelta(days=20))
        run = export(box.burki, format=form, start_date="2024-05-05", end_date="2024-05-15")
    line = failure(run, CALLS)
    assert "the server does not apply date_from and date_to, so it cannot be split" in line
    assert len(asked(box.burki, EXPORT)) == 1
    assert run.records(CALLS) == []
    assert_safe(run, box.burki, CALLS)


@FORMATS
def test_a_row_without_an_id_far_down_in_a_file_fails_the_stream(box: Sandbox, form: str) -> None:
    numbers: list[int | str] = [*range(2000), ""]
    body = json.dumps([{"id": number} for number in numbers])
    if form == "csv":
        body = "Call ID,Status\r\n" + "".join(f"{number},x\r\n" for number in numbers)
    box.burki.faults.add(Fault("status", status=200, body=body, times=99), EXPORT)
    line = failure(export(box.burki, format=form), CALLS)
    assert "rows have no id" in line
    assert "cannot be split further" in line
