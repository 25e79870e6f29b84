"""Parses Burki's export file into the same rows from JSON and from CSV.

https://docs.burki.dev/api-reference/calls/export
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.response import MAX_ROWS, Response
from tap_callexports.records.repair import NULS
from tap_callexports.records.rows import Rows
from tap_callexports.redaction import sanitize

#: JSON names of the fields, by CSV header, trimmed and in lower case.
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
_NAMES = frozenset(_HEADERS.values())
_LIST = "items"
#: Most characters of the header of a CSV, and most cells in total.
_MAX_HEADER_LENGTH, _MAX_CELLS = 1 << 16, 4 << 20


def rows_of_json(response: Response) -> Rows:
    """Rows of a JSON export, an array or an object with `items`; raises as `list_of_rows`."""
    bare = response.body.lstrip()[:1] == b"["
    return rows_in(response.rows() if bare else response.envelope(_LIST), response)


def rows_in(body: object, response: Response) -> Rows:
    """Rows of the decoded body of a response; raises TransientFailure if there are none."""
    rows = body.get(_LIST) if isinstance(body, dict) else body
    if not isinstance(rows, Rows):
        raise TransientFailure(f"{response.status} with no list of calls{response.error_message}")
    return rows


def rows_of_csv(response: Response) -> Rows:
    """Rows of a CSV export, under the JSON names; empty cells are None and U+0000 is removed.

    Raises:
        TransientFailure: The body is not such a table, or incomplete.
        WindowTooLarge: It has too many rows or cells.
    """
    body = response.body
    if nuls := body.count(b"\0"):
        response.repairs[NULS] += nuls
        body = body.replace(b"\0", b"")
    try:
        rows = list(islice(_csv_rows(body, response), MAX_ROWS + 1))
    except (ValueError, csv.Error):
        raise TransientFailure(f"{response.status} with a broken CSV") from None
    if len(rows) > MAX_ROWS:
        raise WindowTooLarge(f"a file of over {MAX_ROWS} rows")
    if not response.body.endswith((b"\n", b"\r")):
        # A file cut inside the last field still has all fields.
        raise TransientFailure(f"{response.status} with a CSV that does not end in a line break")
    return Rows(rows)


def _csv_rows(body: bytes, response: Response) -> Iterator[dict[str, Any]]:
    # Not `StringIO`, which needs four bytes per character.
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    first_line = text.readline(_MAX_HEADER_LENGTH)
    text.seek(0)
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    if len(first_line) == _MAX_HEADER_LENGTH:
        raise ValueError("a header that does not end")
    if body.count(delimiter.encode()) > _MAX_CELLS:
        raise WindowTooLarge("a file of too many cells")
    table = csv.reader(text, delimiter=delimiter, strict=True)
    header = [_name_of(cell) for cell in next(table, [])]
    if "id" not in header:
        raise TransientFailure(f"{response.status} with {response.kind} instead of a CSV of calls")
    if len(set(header)) < len(header):
        raise TransientFailure("the CSV has a column twice")
    for line in table:
        if len(line) not in {0, len(header)}:
            raise TransientFailure(f"{response.status} with a broken CSV, fields missing in a row")
        if line:
            yield _row(header, line)


def _name_of(cell: str) -> str:
    return _HEADERS.get(cell.strip().lower()) or sanitize(cell.strip(), 80)


def _row(header: list[str], line: list[str]) -> dict[str, Any]:
    # An empty cell is null; in an unknown column it is dropped.
    row: dict[str, Any] = {
        name: cell or None
        for name, cell in zip(header, line, strict=True)
        if cell or name in _NAMES
    }
    # The CSV has 0 for an unknown duration; an unfinished call has none.
    if row.get("duration") == "0" and (row.get("status") == "ongoing" or not row.get("ended_at")):
        row["duration"] = None
    return row
