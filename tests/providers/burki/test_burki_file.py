"""Burki's file: JSON and CSV hold the same calls, and a broken file holds none."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_runs import asked, empty_sandbox, export, failure

from sandbox import Fault
from sandbox.instants import MICROSECOND, UTC
from tap_callexports.errors import TransientFailure
from tap_callexports.http.response import Response
from tap_callexports.providers.burki.export_file import rows_of_csv, rows_of_json
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

PROPERTY = settings(deadline=None, derandomize=True, max_examples=400)
CALLS = "burki_calls"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
HEADERS = {
    "id": "Call ID",
    "call_sid": "Call SID",
    "assistant_name": "Assistant Name",
    "customer_phone_number": "Customer Phone",
    "conversation_type": "Conversation Type",
    "status": "Status",
    "duration": "Duration (seconds)",
    "started_at": "Started At",
    "ended_at": "Ended At",
}
HEADER = (
    b"Call ID,Call SID,Assistant Name,Customer Phone,Status,Duration (seconds),Started At,Ended At"
)
ROW = b"1,CA1,Support Bot,+12025550101,completed,30,2024-05-09T12:00:00,2024-05-09T12:00:30"

Row = dict[str, Any]


def reply_of(body: bytes, kind: str = "text/csv; charset=utf-8") -> Response:
    return Response(200, {"Content-Type": kind}, body)


@dataclass(frozen=True)
class Form:
    """The ways a CSV may be written."""

    delimiter: str
    bom: bool
    line_end: str
    quote_all: bool
    order: tuple[str, ...]
    padded: bool


def csv_of(rows: list[Row], form: Form) -> bytes:
    """A table as the export writes it: an unknown duration is 0, other gaps are empty."""
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=form.delimiter,
        lineterminator=form.line_end,
        # With bare line feeds, this writer leaves a carriage return unquoted.
        quoting=csv.QUOTE_ALL if form.quote_all or form.line_end == "\n" else csv.QUOTE_MINIMAL,
    )
    titles = [HEADERS[name] for name in form.order]
    writer.writerow([f" {title.upper()} " if form.padded else title for title in titles])
    for row in rows:
        shown = {**row, "duration": row["duration"] or 0}
        writer.writerow([shown[name] for name in form.order])
    return (b"\xef\xbb\xbf" if form.bom else b"") + out.getvalue().encode()


def times(seconds: int, micros: int) -> str:
    """Naive, with a fraction only where there is one."""
    return (
        (FIRST + timedelta(seconds=seconds, microseconds=micros)).replace(tzinfo=None).isoformat()
    )


#: Whatever people call an assistant; a NUL is no text, and lone surrogates are no characters.
NAMES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.text(st.sampled_from("\",;\r\n'=+-@\t ñé\ufeff\u2028a0"), max_size=8),
)


@st.composite
def calls(draw: st.DrawFn, number: int = 1) -> Row:
    status = draw(st.sampled_from(["ongoing", "completed", "failed", "Otro; estado"]))
    ended = None
    if status == "completed" or (status != "ongoing" and draw(st.booleans())):
        ended = times(draw(st.integers(0, 10**7)), draw(st.sampled_from([0, 1, 123_456])))
    return {
        "id": number,
        "call_sid": draw(st.none() | st.text("CA0123456789abcdef ")),
        "assistant_name": draw(st.none() | NAMES),
        "customer_phone_number": draw(st.sampled_from([None, "+12025550101", "=1+1", "anonymous"])),
        "conversation_type": draw(st.sampled_from([None, "", " ", "voice", "sms"])),
        "status": status,
        "duration": draw(st.none() | st.integers(0, 10**5)),
        "started_at": times(draw(st.integers(0, 10**7)), draw(st.sampled_from([0, 1, 999_999]))),
        "ended_at": ended,
    }


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    return [draw(calls(number + 1)) for number in range(draw(st.integers(0, 6)))]


def as_csv_tells(record: Row) -> Row:
    """A record of the JSON export as it is from a CSV, which writes an unknown duration as 0."""
    over = record["ended_at"] and record["status"] != "ongoing"
    return {**record, "duration": record["duration"] or (0 if over else None)}


FORMS = st.builds(
    Form,
    delimiter=st.sampled_from([",", ";"]),
    bom=st.booleans(),
    line_end=st.sampled_from(["\r\n", "\n"]),
    quote_all=st.booleans(),
    order=st.permutations(list(HEADERS)).map(tuple),
    padded=st.booleans(),
)


@pytest.fixture(scope="module")
def stream() -> CallStream[Any]:
    """The stream, for what it makes of rows."""
    tap = TapCallExports(config={"burki": {"api_key": "not-a-real-key"}})
    return cast("CallStream[Any]", tap.streams[CALLS])


@pytest.mark.covers(48, 52, 53)
@PROPERTY
@given(table=tables(), form=FORMS, escaped=st.booleans(), wrapped=st.booleans())
def test_json_and_csv_of_a_table_give_equal_records(
    stream: CallStream[Any], table: list[Row], form: Form, *, escaped: bool, wrapped: bool
) -> None:
    body = json.dumps({"items": table} if wrapped else table, ensure_ascii=escaped, indent=2)
    from_json = stream.batch(rows_of_json(reply_of(body.encode(), "application/json")))
    from_csv = stream.batch(rows_of_csv(reply_of(csv_of(table, form))))
    assert from_csv.records == [as_csv_tells(record) for record in from_json.records]
    assert from_csv.invalid_values == from_json.invalid_values
    assert len(from_json.records) == len(table)
    for record, row in zip(from_json.records, table, strict=True):
        name = row["assistant_name"]
        assert record["assistant_name"] == (name if name and name.strip() else None)
        assert record["started_at"][:19] == row["started_at"][:19]


@pytest.mark.covers(52)
def test_an_export_as_csv_gives_the_same_table_as_one_as_json() -> None:
    with empty_sandbox() as box:
        box.burki.add(30, FIRST.replace(month=5), FIRST.replace(month=5, day=20))
        for row, name in zip(box.burki.rows, ["", None, " ", "\t\n", "José, 2;"] * 6, strict=True):
            box.burki.amend(
                row, assistant_name=name, duration=(None, 0, 5)[row.canonical["id"] % 3]
            )
        tables = [export(box.burki, format=form).table(CALLS) for form in ("json", "csv")]
    assert tables[1] == {key: as_csv_tells(record) for key, record in tables[0].items()}
    assert len(tables[0]) == 30


@pytest.mark.covers(46, 49)
@PROPERTY
@given(table=tables(), form=FORMS, data=st.data())
def test_a_csv_cut_anywhere_gives_no_row_that_was_not_in_it(
    table: list[Row], form: Form, data: st.DataObject
) -> None:
    whole = csv_of(table, form)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    rows = list(rows_of_csv(reply_of(whole)))
    try:
        fewer = list(rows_of_csv(reply_of(cut)))
    except TransientFailure:
        return
    # Only the last cell of the last row may be short; how many rows there are, the count tells.
    assert fewer[:-1] == rows[: len(fewer[:-1])]
    if fewer:
        assert list(fewer[-1]) == list(rows[0])


@pytest.mark.covers(52)
def test_a_null_duration_is_not_zero_in_a_csv() -> None:
    def duration(status: str, ended: str, told: str) -> object:
        line = f"1,CA1,Bot,+12025550101,{status},{told},2024-05-09T12:00:00,{ended}".encode()
        (row,) = rows_of_csv(reply_of(HEADER + b"\r\n" + line + b"\r\n"))
        return row["duration"]

    over = "2024-05-09T12:00:30"
    assert duration("ongoing", "", "0") is None
    assert duration("ongoing", over, "0") is None
    assert duration("failed", "", "0") is None
    assert duration("completed", over, "0") == "0"
    assert duration("failed", "", "7") == "7"


@pytest.mark.covers(49, 51)
@pytest.mark.parametrize(
    "body",
    [
        HEADER + b"\r\n1,CA1,Support Bot,+12025550101,completed,30\r\n",
        HEADER + b"\r\n" + ROW + b",more\r\n",
        HEADER + b"\r\n" + ROW + b"\r\n2,CA2,Sup",
        HEADER + b'\r\n1,CA1,"Support Bot,+12025550101,completed,30,2024-05-09T12:00:00,\r\n',
        HEADER + b'\r\n1,CA1,"Support" Bot,+1,completed,30,2024-05-09T12:00:00,\r\n',
        HEADER + b"\r\n" + ROW.replace(b"Bot", b"B\xf3t") + b"\r\n",
        HEADER + b"\r\n" + ROW.replace(b"Bot", b"Bot \xc3") + b"\r\n",
        HEADER.replace(b"Call ID", b"Identifier") + b"\r\n" + ROW + b"\r\n",
        HEADER.replace(b"Call SID", b"Call ID") + b"\r\n" + ROW + b"\r\n",
        HEADER.replace(b"Ended At", b"Started At") + b"\r\n" + ROW + b"\r\n",
        ROW + b"\r\n",
    ],
    ids=[
        "too few fields", "too many fields", "cut row", "open quote", "stray quote",
        "Latin-1", "half a letter", "id renamed", "id repeated", "column repeated", "no header",
    ],
)  # fmt: skip
def test_a_broken_csv_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(TransientFailure):
        rows_of_csv(reply_of(body))


@pytest.mark.covers(54)
@pytest.mark.parametrize(
    "body",
    [b"", b"  \r\n", b"<!DOCTYPE html><html></html>", b"{}", b'{"detail": "no"}', b"null", b"0"],
)
def test_what_is_no_file_at_all_is_an_error_and_not_an_empty_export(body: bytes) -> None:
    for read in (rows_of_json, rows_of_csv):
        with pytest.raises(TransientFailure):
            read(reply_of(body, "application/octet-stream"))


@pytest.mark.covers(54)
def test_a_header_alone_and_an_empty_list_are_empty_exports() -> None:
    for body in (HEADER + b"\n", HEADER + b"\r\n", b"\xef\xbb\xbf" + HEADER + b"\r\n\r\n"):
        assert list(rows_of_csv(reply_of(body))) == []
    for body in (b"[]", b" [\n]\n", b'{"items": []}'):
        assert list(rows_of_json(reply_of(body, "application/json"))) == []


@pytest.mark.covers(46, 49)
def test_a_table_that_does_not_end_its_last_line_is_cut() -> None:
    for body in (HEADER, HEADER + b"\r\n" + ROW, HEADER + b"\r\n" + ROW[:-4]):
        with pytest.raises(TransientFailure, match="line break"):
            rows_of_csv(reply_of(body))


@pytest.mark.covers(51)
def test_columns_are_found_by_name_and_unknown_ones_kept() -> None:
    body = b"Outcome,STATUS , call id\r\nsold,completed,7\r\n"
    (row,) = rows_of_csv(reply_of(body))
    assert row == {"Outcome": "sold", "status": "completed", "id": "7"}


@pytest.mark.covers(50)
def test_accents_are_utf_8_without_anybody_saying_so() -> None:
    body = HEADER + b"\r\n" + ROW.replace(b"Support Bot", "Recepción".encode()) + b"\r\n"
    (row,) = rows_of_csv(Response(200, {"Content-Type": "text/csv"}, body))
    assert row["assistant_name"] == "Recepción"


@pytest.mark.covers(51)
def test_an_unknown_column_of_a_csv_arrives_in_extra() -> None:
    with empty_sandbox() as box:
        (row,) = box.burki.add_at(FIRST.replace(month=5) + MICROSECOND)
        row.extra_wire = {"Outcome": "sold"}
        for form in ("json", "csv"):
            (record,) = export(box.burki, format=form).records(CALLS)
            assert record["extra"] == {"Outcome": "sold"}


@pytest.mark.covers(47, 49, 54)
@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("csv", HEADER.decode() + "\r\n1,CA1,Bot\r\n"),
        ("csv", HEADER.decode() + '\r\n1,CA1,"Bot,+1,completed,3,2024-05-09T12:00:00,\r\n'),
        ("csv", "<html><body>Just a moment</body></html>"),
        ("json", "{}"),
        ("json", '[{"id": 1}'),
    ],
)
def test_a_broken_file_is_read_again_and_then_fails_the_stream(form: str, body: str) -> None:
    with empty_sandbox() as box:
        box.burki.add(20, FIRST.replace(month=5), FIRST.replace(month=5, day=20))
        broken = Fault("status", status=200, body=body, times=2)
        box.burki.faults.add(broken, "/calls/export")
        mended = export(box.burki, format=form)
        assert mended.code == 0
        assert len(mended.table(CALLS)) == 20

        box.burki.faults.clear()
        box.burki.requests.clear()
        box.burki.faults.add(Fault("status", status=200, body=body, times=999), "/calls/export")
        line = failure(export(box.burki, format=form), CALLS)
    assert "Just a moment" not in line
    (first, most), *rest = Counter(
        request.query["date_to"] for request in asked(box.burki, "/calls/export")
    ).items()
    # Its halves are asked for twice each, and the second that cannot be read is named.
    assert 2 <= most <= 8
    assert all(times <= 2 for _, times in rest), first
    assert "cannot be split further" in line
