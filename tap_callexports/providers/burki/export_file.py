"""Burki's export file, as JSON and as CSV: the same rows from both. Pure: bytes in, rows out."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from tap_callexports.core.errors import TransientFailure, WindowTooLarge
from tap_callexports.core.reply import MAX_ROWS, Reply, shown

#: CSV headers, trimmed and lower-cased, and the JSON names of the same fields.
_HEADERS = {
    "call id": "id",
    "call sid": "call_sid",
    "assistant name": "assistant_name",
    "customer phone": "customer_phone_number",
    "conversation type": "conversation_type",
    "status": "status",
    "duration (seconds)": "duration",
    "started at": "started_at",
    "ended at": "ended_at",
}

_LINE_END = re.compile(r"[\r\n]")
_NAMES = frozenset(_HEADERS.values())

RowList = list[dict[str, Any]]


def rows_of_json(reply: Reply) -> RowList:
    """Rows of a JSON export: a bare array, or the list's envelope with `items`.

    Raises:
        TransientFailure: The body is neither, or not whole.
    """
    return rows_in(reply.json(), reply)


def rows_in(body: object, reply: Reply) -> RowList:
    """Rows of a decoded body, as `rows_of_json`."""
    rows = body.get("items") if isinstance(body, dict) else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TransientFailure(f"{reply.status} with no list of calls{reply.said}")
    return rows


def rows_of_csv(reply: Reply) -> RowList:
    """Rows of a CSV export, under the JSON names; empty cells are None.

    Raises:
        TransientFailure: The body is no such table, or not whole.
    """
    try:
        text = reply.body.decode("utf-8-sig")
        if max(text.count("\n"), text.count("\r"), text.count(",") // 10) > MAX_ROWS:
            raise WindowTooLarge(f"a file of over {MAX_ROWS} lines")
        end = _LINE_END.search(text)
        first_line = text[: end.start()] if end else text
        delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
        # Not `StringIO`, which takes four bytes a character.
        file = io.TextIOWrapper(io.BytesIO(reply.body), "utf-8-sig", newline="")
        lines = csv.reader(file, delimiter=delimiter, strict=True)
        header = [_name_of(cell) for cell in next(lines, [])]
        rows = [_row(header, line) for line in lines if line] if "id" in header else None
    except (ValueError, csv.Error):
        raise TransientFailure(f"{reply.status} with a broken CSV") from None
    if rows is None:
        raise TransientFailure(f"{reply.status} with {reply.kind} instead of a CSV of calls")
    if not text.endswith(("\n", "\r")):
        # Cut inside the last field it would still have every field.
        raise TransientFailure(f"{reply.status} with a CSV that does not end in a line break")
    if "\0" in text:
        raise TransientFailure("the CSV holds a NUL")
    if len(set(header)) < len(header):
        raise TransientFailure("the CSV has a column twice")
    return rows


def _name_of(cell: str) -> str:
    return _HEADERS.get(cell.strip().lower()) or shown(cell.strip(), 80)


def _row(header: list[str], line: list[str]) -> dict[str, Any]:
    if len(line) != len(header):
        raise ValueError("a row with another number of fields")
    # An empty cell is no value; one in a column nobody knows is not worth keeping.
    row: dict[str, Any] = {
        name: cell or None
        for name, cell in zip(header, line, strict=True)
        if cell or name in _NAMES
    }
    # The CSV writes an unknown duration as 0; a call that is not over has none.
    if row.get("duration") == "0" and (row.get("status") == "ongoing" or not row.get("ended_at")):
        row["duration"] = None
    return row
