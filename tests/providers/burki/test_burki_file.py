"""Burki's file: JSON and CSV hold the same calls, and a broken file holds none."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seam import limits
from support import MICROSECOND, SECOND

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.response import Response
from tap_callexports.providers.burki.export_file import rows_of_csv, rows_of_json
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CALLS = "burki_calls"
FIRST = datetime(2024, 1, 1)
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
HEADER = b",".join(title.encode() for name, title in HEADERS.items() if name != "conversation_type")
ROW = b"1,CA1,Support Bot,+12025550101,completed,30,2024-05-09T12:00:00,2024-05-09T12:00:30"
Row = dict[str, Any]


def reply_of(body: bytes, kind: str = "text/csv") -> Response:
    return Response(200, {"Content-Type": kind}, body)


def read_csv(body: bytes) -> list[Row]:
    return cast("list[Row]", list(rows_of_csv(reply_of(body))))


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


#: Whatever people call an assistant; a NUL is no text, and lone surrogates are no characters.
NAMES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.text(st.sampled_from("\",;\r\n'=+-@\t ñé\ufeff\u2028a0"), max_size=8),
)
#: Naive, with a fraction only where there is one.
TIMES = st.builds(
    lambda seconds, micros: (FIRST + seconds * SECOND + micros * MICROSECOND).isoformat(),
    st.integers(0, 10**7),
    st.sampled_from([0, 1, 123_456, 999_999]),
)
FORMS = st.builds(
    Form,
    delimiter=st.sampled_from([",", ";"]),
    bom=st.booleans(),
    line_end=st.sampled_from(["\r\n", "\n"]),
    quote_all=st.booleans(),
    order=st.permutations(list(HEADERS)).map(tuple),
    padded=st.booleans(),
)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Some calls as the JSON export holds them."""
    rows = []
    for number in range(draw(st.integers(0, 6))):
        status = draw(st.sampled_from(["ongoing", "completed", "failed", "Otro; estado"]))
        over = status == "completed" or (status != "ongoing" and draw(st.booleans()))
        rows.append(
            {
                "id": number + 1,
                "call_sid": draw(st.none() | st.text("CA0123456789abcdef ")),
                "assistant_name": draw(st.none() | NAMES),
                "customer_phone_number": draw(st.sampled_from([None, "+12025550101", "=1+1"])),
                "conversation_type": draw(st.sampled_from([None, "", " ", "voice", "sms"])),
                "status": status,
                "duration": draw(st.none() | st.integers(0, 10**5)),
                "started_at": draw(TIMES),
                "ended_at": draw(TIMES) if over else None,
            }
        )
    return rows


@pytest.fixture(scope="module")
def stream() -> CallStream[Any]:
    """The stream, for what it makes of rows."""
    tap = TapCallExports(config={"burki": {"api_key": "not-a-real-key"}})
    return cast("CallStream[Any]", tap.streams[CALLS])


@PROPERTY
@given(table=tables(), form=FORMS, escaped=st.booleans(), wrapped=st.booleans())
def test_json_and_csv_of_a_table_give_equal_records(
    stream: CallStream[Any], table: list[Row], form: Form, *, escaped: bool, wrapped: bool
) -> None:
    body = json.dumps({"items": table} if wrapped else table, ensure_ascii=escaped, indent=2)
    from_json = stream.batch(rows_of_json(reply_of(body.encode(), "application/json")))
    from_csv = stream.batch(rows_of_csv(reply_of(csv_of(table, form))))
    told = []
    for record in from_json.records:
        # A CSV writes an unknown duration as 0, which is one where a call is over.
        over = record["ended_at"] and record["status"] != "ongoing"
        told.append({**record, "duration": record["duration"] or (0 if over else None)})
    assert from_csv.records == told
    assert from_csv.invalid_values == from_json.invalid_values
    assert len(told) == len(table)
    for record, row in zip(told, table, strict=True):
        name = row["assistant_name"]
        assert record["assistant_name"] == (name if name and name.strip() else None)
        assert record["started_at"][:19] == row["started_at"][:19]


@PROPERTY
@given(table=tables(), form=FORMS, data=st.data())
def test_a_csv_cut_anywhere_gives_no_row_that_was_not_in_it(
    table: list[Row], form: Form, data: st.DataObject
) -> None:
    whole = csv_of(table, form)
    rows = read_csv(whole)
    try:
        fewer = read_csv(whole[: data.draw(st.integers(0, len(whole)))])
    except TransientFailure:
        return
    # Only the last cell of the last row may be short; how many rows there are, the count tells.
    assert fewer[:-1] == rows[: len(fewer[:-1])]
    assert not fewer or list(fewer[-1]) == list(rows[0])


@pytest.mark.parametrize(
    "body",
    [
        HEADER + b"\r\n1,CA1,Support Bot,+12025550101,completed,30\r\n",
        HEADER + b"\r\n" + ROW + b",more\r\n",
        HEADER + b"\r\n" + ROW + b"\r\n2,CA2,Sup",
        HEADER + b"\r\n" + ROW,
        HEADER,
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
        "too few fields", "too many fields", "cut row", "no line end", "header without line end",
        "open quote", "stray quote", "Latin-1", "half a letter", "id renamed", "id repeated",
        "column repeated", "no header",
    ],
)  # fmt: skip
def test_a_broken_csv_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(TransientFailure):
        read_csv(body)


@pytest.mark.parametrize(
    "body", [b"", b"  \r\n", b"<!DOCTYPE html><html></html>", b"{}", b'{"detail": "no"}', b"null"]
)
def test_what_is_no_file_at_all_is_an_error_and_not_an_empty_export(body: bytes) -> None:
    for read in (rows_of_json, rows_of_csv):
        with pytest.raises(TransientFailure):
            read(reply_of(body, "application/octet-stream"))


def test_a_header_alone_and_an_empty_list_are_empty_exports() -> None:
    for body in (HEADER + b"\n", HEADER + b"\r\n", b"\xef\xbb\xbf" + HEADER + b"\r\n\r\n"):
        assert read_csv(body) == []
    for body in (b"[]", b" [\n]\n", b'{"items": []}'):
        assert list(rows_of_json(reply_of(body, "application/json"))) == []


def test_columns_are_found_by_name_unknown_ones_kept_and_accents_are_utf_8() -> None:
    body = "Outcome,STATUS , call id\r\nRecepción,completed,7\r\n".encode()
    assert read_csv(body) == [{"Outcome": "Recepción", "status": "completed", "id": "7"}]


def test_a_csv_may_have_long_rows_but_not_too_many_rows_or_cells() -> None:
    row = b"1," + b",".join([b"a" * 130_000] * 7) + b"\r\n"
    assert len(read_csv(b"Call ID,A,B,C,D,E,F,G\r\n" + row * 3)) == 3
    with limits(MAX_ROWS=100):
        assert len(read_csv(b"Call ID\r\n" + b"1\r\n" * 100)) == 100
        with pytest.raises(WindowTooLarge, match="a file of over 100 rows"):
            read_csv(b"Call ID\r\n" + b"1\r\n" * 101)
    with limits(_MAX_CELLS=1000):
        for delimiter in (b",", b";"):
            head = b"Call ID" + delimiter + b"Status\r\n"
            assert len(read_csv(head + (b"1" + delimiter + b"x\r\n") * 999)) == 999
            with pytest.raises(WindowTooLarge, match="too many cells"):
                read_csv(head + b"1" + (delimiter + b'"\n"') * 1000 + b"\r\n")
