"""Burki's export file, as JSON and as CSV: the same rows from both.

A small one is decoded where it is. A large one lies in a temporary file and is read twice: once to
see that all of it is whole, and again for its rows. Knows no window and no count.
https://docs.burki.dev/api-reference/calls/export
"""

from __future__ import annotations

import csv
import io
from collections.abc import Reversible
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

from tap_callexports.errors import TransientFailure, WindowTooLarge
from tap_callexports.http.json_chunks import RowChunks
from tap_callexports.http.response import MAX_ROWS, Response
from tap_callexports.http.spool import MAX_FILE_ROWS, SpooledResponse
from tap_callexports.records.repair import NULS
from tap_callexports.records.rows import Rows
from tap_callexports.redaction import sanitize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

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

_NAMES = frozenset(_HEADERS.values())
#: The list of calls where it is in an envelope.
_LIST = "items"
_ENCODING = "utf-8-sig"
#: Rows of a large CSV that are handed over at once.
_BATCH = 1000
#: Most characters of the header of a CSV, and of a row.
_LONGEST_HEADER, _LONGEST_ROW = 1 << 16, 1 << 20


def rows_of_json(reply: Response) -> Rows:
    """Rows of a JSON export: a bare array, or the list's envelope with `items`.

    Raises:
        TransientFailure: The body is neither, or not whole.
        WindowTooLarge: It holds too many values.
    """
    bare = reply.body.lstrip()[:1] == b"["
    return rows_in(reply.rows() if bare else reply.envelope(_LIST), reply)


def rows_in(body: object, reply: Response) -> Rows:
    """Rows of a decoded body, as `rows_of_json`.

    Args:
        body: As `Response.rows` or `Response.envelope` gave it.
        reply: Where it is from, for the message.

    Raises:
        TransientFailure: It holds no list of objects.
    """
    rows = body.get(_LIST) if isinstance(body, dict) else body
    if not isinstance(rows, Rows):
        raise TransientFailure(f"{reply.status} with no list of calls{reply.error_message}")
    return rows


def rows_of_csv(reply: Response) -> Rows:
    """Rows of a CSV export, under the JSON names; empty cells are None.

    Raises:
        TransientFailure: The body is no such table, or not whole.
        WindowTooLarge: It has too many rows.
    """
    # Not `StringIO`, which takes four bytes a character.
    text = io.TextIOWrapper(io.BytesIO(reply.body), _ENCODING, newline="")
    rows = list(islice(_csv_rows(text, reply), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise WindowTooLarge(f"a file of over {MAX_ROWS} rows")
    return Rows(rows)


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file of calls, each of its rows seen to be whole; to be closed.

    Args:
        rows: How many there are in all.
        batches: The rows in the file's order, some at a time.
        reply: The answer they are in; its file, if it has one, is closed with this.
    """

    rows: int
    batches: Iterable[Rows]
    reply: Response

    @property
    def oldest_first(self) -> Iterable[Rows]:
        """`batches` from the end, as the server begins with the newest; a large CSV as it is.

        The rows of each stay in their order.
        """
        return reversed(self.batches) if isinstance(self.batches, Reversible) else self.batches

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.reply, SpooledResponse):
            self.reply.file.close()


def json_file(reply: Response) -> ExportFile:
    """A JSON export of any size.

    Raises:
        TransientFailure: As `rows_of_json`.
        WindowTooLarge: It holds too many rows, or one that is too long.
    """
    if not isinstance(reply, SpooledResponse):
        rows = rows_of_json(reply)
        return ExportFile(len(rows), (rows,), reply)

    def decode(text: bytes) -> Rows:
        return rows_of_json(
            Response(
                reply.status, reply.headers, text, decoder=reply.decoder, repairs=reply.repairs
            )
        )

    chunks = RowChunks(reply.file, decode, _LIST)
    return ExportFile(chunks.rows, chunks, reply)


def csv_file(reply: Response) -> ExportFile:
    """A CSV export of any size.

    Raises:
        TransientFailure: As `rows_of_csv`.
        WindowTooLarge: It holds too many rows.
    """
    if not isinstance(reply, SpooledResponse):
        rows = rows_of_csv(reply)
        return ExportFile(len(rows), (rows,), reply)
    batches = _CsvBatches(reply)
    return ExportFile(batches.count(), batches, reply)


@dataclass(frozen=True, slots=True)
class _CsvBatches:
    """The rows of a CSV in a file; each reading checks all of it."""

    reply: SpooledResponse

    def count(self) -> int:
        """How many rows it has; raises as `csv_file` where one of them is not whole."""
        with self._text() as text:
            rows = -1
            for rows, _ in enumerate(_csv_lines(text, self.reply)):
                if rows > MAX_FILE_ROWS:
                    raise WindowTooLarge(f"a file of over {MAX_FILE_ROWS} rows")
        return rows

    def __iter__(self) -> Iterator[Rows]:
        with self._text() as text:
            rows = _csv_rows(text, self.reply)
            while batch := list(islice(rows, _BATCH)):
                yield Rows(batch)

    def _text(self) -> TextIO:
        self.reply.file.seek(0)
        return open(self.reply.file.fileno(), encoding=_ENCODING, newline="", closefd=False)


def _csv_rows(text: TextIO, reply: Response) -> Iterator[dict[str, Any]]:
    lines = _csv_lines(text, reply)
    header = next(lines)
    return (_row(header, line) for line in lines)


def _csv_lines(text: TextIO, reply: Response) -> Iterator[list[str]]:
    """The header, by its JSON names, and the cells of each row.

    Raises:
        TransientFailure: This is no CSV of calls, or broken, or cut.
    """
    lines = _Lines(text, reply)
    try:
        first_line = text.readline(_LONGEST_HEADER)
        text.seek(0)
        delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
        table = csv.reader(lines, delimiter=delimiter, strict=True)
        header = [_name_of(cell) for cell in next(table, [])]
        if "id" not in header:
            raise TransientFailure(f"{reply.status} with {reply.kind} instead of a CSV of calls")
        if len(set(header)) < len(header):
            raise TransientFailure("the CSV has a column twice")
        yield header
        lines.left = _LONGEST_ROW
        for line in table:
            lines.left = _LONGEST_ROW
            if len(line) not in {0, len(header)}:
                raise TransientFailure(f"{reply.status} with a broken CSV, fields missing in a row")
            if line:
                yield line
    except (ValueError, csv.Error):
        raise TransientFailure(f"{reply.status} with a broken CSV") from None
    if not lines.last.endswith(("\n", "\r")):
        # Cut inside the last field it would still have every field.
        raise TransientFailure(f"{reply.status} with a CSV that does not end in a line break")


class _Lines:
    """The lines of a text, as a table is made of them; U+0000 is removed.

    Attributes:
        left: Characters that the row at hand, which may be many lines, may still have.
        last: The line that was given last.
    """

    def __init__(self, text: TextIO, reply: Response) -> None:
        self.left = _LONGEST_HEADER
        self.last = ""
        self._text = text
        self._repairs = reply.repairs

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_ROW)
        if not line:
            raise StopIteration
        if "\0" in line:
            self._repairs[NULS] += line.count("\0")
            line = line.replace("\0", "")
        self.left -= len(line)
        if self.left < 0:
            raise ValueError("a row that does not end")
        self.last = line
        return line


def _name_of(cell: str) -> str:
    return _HEADERS.get(cell.strip().lower()) or sanitize(cell.strip(), 80)


def _row(header: list[str], line: list[str]) -> dict[str, Any]:
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
