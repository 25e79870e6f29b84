"""Burki's file of any size: read from disk it gives the calls that memory gives, and no others."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from provider_runs import (
    after_requests,
    asked,
    assert_complete,
    assert_each_once,
    assert_safe,
    empty_sandbox,
    export,
    failure,
    warnings_in,
)
from seam import limits
from support import assert_table_is
from tap_callexports.http.spool import SpooledResponse

from sandbox import Fault, Sandbox
from sandbox.instants import UTC
from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http import spool
from tap_callexports.http.response import Response
from tap_callexports.providers.burki import streams as burki_client
from tap_callexports.providers.burki.export_file import (
    ExportFile,
    csv_file,
    json_file,
    rows_of_csv,
    rows_of_json,
)
from tap_callexports.records.values import plain

PROPERTY = settings(deadline=None, derandomize=True, max_examples=200)
CALLS = "burki_calls"
EXPORT = "/calls/export"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
FORMATS = pytest.mark.parametrize("form", ["json", "csv"])
Row: TypeAlias = dict[str, Any]
Files: TypeAlias = list[IO[bytes]]


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Files]:
    """Every file is a large one, in small pieces; in the end each is closed and gone."""
    made: Files = []
    make = tempfile.TemporaryFile

    def listed(*args: Any, **kwargs: Any) -> IO[bytes]:
        file: IO[bytes] = make(*args, **kwargs)
        made.append(file)
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", listed)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with limits(IN_MEMORY=0, CHUNK=500, _BATCH=3):
        yield made
    assert all(file.closed for file in made)
    assert list(tmp_path.iterdir()) == []


def refused(read: Callable[[], list[Row]]) -> list[Row] | None:
    try:
        return read()
    except TransientFailure:
        return None


def from_memory(body: bytes, form: str) -> list[Row] | None:
    reply = Response(200, {"Content-Type": "text/plain"}, body)
    return refused(lambda: _plain((rows_of_csv if form == "csv" else rows_of_json)(reply)))


def from_disk(body: bytes, form: str) -> list[Row] | None:
    """Rows of the file; what its first reading takes, the second gives."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        reply = SpooledResponse(200, {"Content-Type": "text/plain"}, body[:1000], file)
        decode: Callable[[Response], ExportFile] = csv_file if form == "csv" else json_file
        try:
            found = decode(reply)
        except TransientFailure:
            return None
        rows = [row for batch in found.batches for row in batch]
        assert found.rows == len(rows)
        return _plain(rows)


def _plain(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [{name: plain(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_large_list_with_an_error_is_refused_as_a_small_one_is(place: str) -> None:
    rows = '"items": [' + ",".join(f'{{"id": {number}}}' for number in range(200)) + "]"
    fields = ['"error": "out of memory"', rows]
    body = ("{" + ",".join(fields if place == "before" else reversed(fields)) + "}").encode()
    assert from_memory(body, "json") is None
    assert from_disk(body, "json") is None


NAMES = st.text(max_size=6) | st.text(st.sampled_from("\",;\r\n'\ufeff\u2028\0aé"), max_size=8)
HEADER = ["Call ID", "Assistant Name", "Status", "Duration (seconds)", "Ended At", "Outcome"]


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A CSV as the server might write it, and as it hopefully does not."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=draw(st.sampled_from(",;")),
        lineterminator=draw(st.sampled_from(["\r\n", "\n", "\r"])),
        quoting=draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
    )
    writer.writerow(HEADER)
    for number in range(draw(st.integers(0, 6))):
        status, ended = draw(st.sampled_from([("ongoing", ""), ("completed", "2024-05-09")]))
        # A NUL is put in afterwards: Python 3.10 does not write one.
        names = [draw(NAMES).replace("\0", "\1") for _ in range(2)]
        writer.writerow([number, names[0], status, draw(st.integers(0, 2)), ended, names[1]])
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + out.getvalue().replace("\1", "\0")).encode(errors="replace")


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    rows = [{"id": n, "assistant_name": draw(NAMES)} for n in range(draw(st.integers(0, 6)))]
    body = draw(st.sampled_from([rows, {"items": rows, "total": len(rows)}]))
    return json.dumps(body, ensure_ascii=draw(st.booleans())).encode(errors="replace")


@pytest.mark.covers(48, 49, 58, 59)
@PROPERTY
@given(data=st.data(), form=st.sampled_from(["json", "csv"]), spoilt=st.booleans())
def test_memory_and_disk_give_the_same_rows_or_none(
    data: st.DataObject, form: str, *, spoilt: bool
) -> None:
    body = data.draw(tables() if form == "csv" else lists())
    if spoilt:
        place = data.draw(st.integers(0, len(body)))
        more = data.draw(st.sampled_from([b"", b'"', b",", b";", b"\r", b"\n", b"\0", b"\xff"]))
        body = body[:place] + more + body[place + data.draw(st.integers(0, 2)) :]
    assert from_disk(body, form) == from_memory(body, form)


@pytest.mark.covers(46, 47, 49)
@settings(PROPERTY, max_examples=30)
@given(data=st.data(), form=st.sampled_from(["json", "csv"]))
def test_a_file_cut_anywhere_gives_no_row_that_was_not_in_it(
    data: st.DataObject, form: str
) -> None:
    body = data.draw(tables() if form == "csv" else lists())
    whole = from_disk(body, form)
    assume(whole is not None)
    assert whole is not None
    for end in range(len(body)):
        found = from_disk(body[:end], form)
        assert found == from_memory(body[:end], form)
        assert found is None or (form == "csv" and found == whole[: len(found)])


@pytest.mark.covers(112)
def test_a_row_of_a_table_may_be_as_long_as_its_cells() -> None:
    row = b"1," + b",".join([b"a" * 130_000] * 7) + b"\r\n"
    body = b"Call ID,A,B,C,D,E,F,G\r\n" + row * 3
    assert from_disk(body, "csv") == from_memory(body, "csv")
    assert len(from_disk(body, "csv") or []) == 3


@pytest.mark.covers(112)
@limits(_LONGEST_ROW=1000)
def test_a_row_of_a_table_without_end_is_left() -> None:
    head = b"Call ID,Status\r\n"
    for row, taken in ((b"a" * 900, True), (b"a" * 999, False), (b'"\n","' * 300 + b'"', False)):
        assert bool(from_disk(head + b"1," + row + b"\r\n", "csv")) == taken


@pytest.mark.covers(112)
@FORMATS
@limits(MAX_FILE_ROWS=100)
def test_rows_beyond_measure_are_too_many(form: str) -> None:
    def body(rows: int) -> bytes:
        numbers = range(rows)
        lines = b"Call ID\r\n" + b"".join(b"%d\r\n" % number for number in numbers)
        return lines if form == "csv" else json.dumps([{"id": n} for n in numbers]).encode()

    assert len(from_disk(body(100), form) or []) == 100
    with pytest.raises(WindowTooLarge, match="a file of over 100 rows"):
        from_disk(body(101), form)


@pytest.mark.covers(58, 59, 60)
@FORMATS
@pytest.mark.parametrize("gzip", [True, False])
@pytest.mark.parametrize("envelope", ["array", "items"])
def test_a_large_file_is_read_packed_or_not_bare_or_wrapped(
    box: Sandbox, files: Files, form: str, *, gzip: bool, envelope: Literal["array", "items"]
) -> None:
    box.burki.options.gzip = gzip
    box.burki.options.envelope = envelope
    run = export(box.burki, format=form)
    assert_complete(run, box.burki, CALLS)
    assert_each_once(run, CALLS)
    assert len(files) == len(asked(box.burki, EXPORT))


@pytest.mark.covers(58)
@FORMATS
@pytest.mark.parametrize("workers", [1, 4])
def test_a_burst_of_calls_is_one_file_in_many_batches(form: str, workers: int) -> None:
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


@pytest.mark.covers(46, 60)
@FORMATS
@pytest.mark.parametrize("readings", [1, 2, 3, 10**6])
def test_a_large_file_that_is_short_of_its_count_is_never_taken(form: str, readings: int) -> None:
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
@limits(MAX_FILE_BYTES=20_000)
def test_a_file_beyond_the_bound_is_asked_for_in_halves(form: str) -> None:
    with empty_sandbox() as box:
        box.burki.add(500, NOON, NOON + timedelta(hours=11))
        run = export(box.burki, format=form)
    assert_complete(run, box.burki, CALLS)
    assert len(asked(box.burki, EXPORT)) > 3


@FORMATS
def test_an_ignored_filter_costs_one_scan_of_the_large_file(
    caplog: pytest.LogCaptureFixture, form: str
) -> None:
    with empty_sandbox() as box:
        box.burki.options.filter_ignored = True
        box.burki.add(200, NOON - timedelta(days=20), NOON + timedelta(days=20))
        run = export(box.burki, format=form, start_date="2024-05-05", end_date="2024-05-15")
    assert run.code == 0
    truth = box.burki.truth(CALLS)
    inside = {k for k, row in truth.items() if "2024-05-05" <= row["started_at"] < "2024-05-15"}
    assert set(run.table(CALLS)) == inside
    assert_each_once(run, CALLS)
    assert len(warnings_in(caplog, "date_from and date_to")) == 1


@pytest.mark.covers(60, 165)
@FORMATS
def test_a_full_disk_fails_the_stream_in_one_line(
    monkeypatch: pytest.MonkeyPatch, box: Sandbox, tmp_path: Path, form: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    run = export(box.burki, format=form, streams=[CALLS, "burki_call_list"])
    line = failure(run, CALLS)
    assert line.startswith("Burki (burki_calls): the temporary folder does not take the answer")
    assert len(asked(box.burki, EXPORT)) == 1
    assert_table_is(run.table("burki_call_list"), box.burki.truth("burki_call_list"))


@pytest.mark.covers(60)
@FORMATS
def test_a_row_without_an_id_far_down_in_a_file_fails_the_stream(
    box: Sandbox, files: Files, form: str
) -> None:
    numbers: list[int | str] = [*range(2000), ""]
    body = json.dumps([{"id": number} for number in numbers])
    if form == "csv":
        body = "Call ID,Status\r\n" + "".join(f"{number},x\r\n" for number in numbers)
    box.burki.faults.add(Fault("status", status=200, body=body, times=99), EXPORT)
    line = failure(export(box.burki, format=form), CALLS)
    assert "rows have no id" in line
    assert "cannot be split further" in line
    assert files


def test_a_window_is_halved_by_its_count_only_where_no_file_would_hold_it() -> None:
    assert burki_client.LARGEST_FILE == spool.MAX_FILE_ROWS
