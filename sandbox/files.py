"""Files that an export can be: a table in CSV, or an indented JSON array."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .table import Record, Row

#: What a row is shown as, by name.
Wire = Callable[[Row], Record]


def csv_file(
    rows: Sequence[Row], titles: Mapping[str, str], wire: Wire, delimiter: str, *, bom: bool
) -> bytes:
    """A table with a header: these titles, and a column for each field that rows have beside."""
    more = list(dict.fromkeys(name for row in rows for name in row.extra_wire))

    def line(values: Sequence[Any]) -> bytes:
        file = io.StringIO()
        csv.writer(file, delimiter=delimiter, lineterminator="\r\n").writerow(values)
        return file.getvalue().encode()

    def encode(row: Row) -> bytes:
        record = {**wire(row), **row.extra_wire}
        return line([record.get(name) for name in (*titles, *more)])

    form = ("csv", delimiter, len(titles))
    lines = [line([*titles.values(), *more])]
    lines += [encode(row) if more else row.encoded(form, encode) for row in rows]
    return (b"\xef\xbb\xbf" if bom else b"") + b"".join(lines)


def json_file(rows: Sequence[Row], titles: Mapping[str, str], wire: Wire) -> bytes:
    """An indented array of objects with these names, and the fields that rows have beside."""

    def encode(row: Row) -> bytes:
        record = wire(row)
        shown = {**{name: record.get(name) for name in titles}, **row.extra_wire}
        lines = ",\n    ".join(f'"{name}": {json.dumps(value)}' for name, value in shown.items())
        return f"  {{\n    {lines}\n  }}".encode()

    form = ("json", len(titles))
    body = b"[\n" + b",\n".join(row.encoded(form, encode) for row in rows) + b"\n]"
    return body if rows else b"[]"
