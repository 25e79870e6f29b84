"""The two kinds of file an export can be."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from ..instants import zoneless
from . import calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..table import Record, Row

#: CSV header and JSON name of each column.
_COLUMNS = (
    ("Call ID", "id"),
    ("Call SID", "call_sid"),
    ("Assistant Name", "assistant_name"),
    ("Customer Phone", "customer_phone_number"),
    ("Status", "status"),
    ("Duration (seconds)", "duration"),
    ("Started At", "started_at"),
    ("Ended At", "ended_at"),
)
_NINTH = ("Conversation Type", "conversation_type")
TIMES = ("started_at", "ended_at")


def csv_file(rows: Sequence[Row], delimiter: str, *, ninth: bool, bom: bool) -> bytes:
    """A table with a header; unknown durations are zeros in it."""
    columns = _columns(ninth=ninth)
    more = list(dict.fromkeys(name for row in rows for name in row.extra_wire))
    form = ("csv", delimiter, len(columns))

    def encode(row: Row) -> bytes:
        record = _wire(row)
        record["duration"] = record["duration"] or 0
        values = [record.get(name) for _, name in columns]
        return _csv_line(values + [row.extra_wire.get(name) for name in more], delimiter)

    lines = [_csv_line([title for title, _ in columns] + more, delimiter)]
    lines += [encode(row) if more else row.encoded(form, encode) for row in rows]
    return (b"\xef\xbb\xbf" if bom else b"") + b"".join(lines)


def json_file(rows: Sequence[Row], *, ninth: bool) -> bytes:
    """An indented array of objects."""
    columns = _columns(ninth=ninth)
    form = ("json", len(columns))

    def encode(row: Row) -> bytes:
        record = _wire(row)
        shown = {name: record.get(name) for _, name in columns}
        shown.update(row.extra_wire)
        lines = ",\n    ".join(f'"{name}": {json.dumps(v)}' for name, v in shown.items())
        return f"  {{\n    {lines}\n  }}".encode()

    body = b"[\n" + b",\n".join(row.encoded(form, encode) for row in rows) + b"\n]"
    return body if rows else b"[]"


def _columns(*, ninth: bool) -> tuple[tuple[str, str], ...]:
    return (*_COLUMNS[:4], _NINTH, *_COLUMNS[4:]) if ninth else _COLUMNS


def _wire(row: Row) -> Record:
    record = dict(row.canonical)
    for name in TIMES:
        if record[name] is not None:
            record[name] = zoneless(record[name])
    record["conversation_type"] = calls.conversation_type(row.canonical)
    return record


def _csv_line(values: Sequence[Any], delimiter: str) -> bytes:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return line.getvalue().encode()
