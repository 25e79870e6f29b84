"""Real answers of every endpoint, with the code that reads them, to be cut and spoilt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from seam import responses_seen
from support import JSON, run_tap

from sandbox import Sandbox
from sandbox.burki import csv_file
from sandbox.instants import UTC
from tap_callexports.errors import TransientFailure
from tap_callexports.http.response import Response
from tap_callexports.providers.burki.export_file import rows_of_csv

T = TypeVar("T")

NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
#: Names with all that makes a table hard to read.
HARD = ('Recepción, "la mejor"', "two\nlines; or\r\nthree", "=1+1", '"', "\n")
DIALECTS = tuple(
    f"burki_calls csv {delimiter} {end}{bom}"
    for delimiter in ("comma", "semicolon")
    for end in ("crlf", "lf", "cr")
    for bom in ("", " bom")
)
_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}
#: What stands in a path for a call.
_IDS = re.compile(r"(?<=/)(call_\w+|\d+)(?=/|$)")
#: What stands in front of an endpoint's own path.
_BASES = re.compile(r"^/[\w-]+/(api/v1/|v2/)?")


@dataclass(frozen=True)
class Answer:
    """An answer that a run read.

    Attributes:
        body: Its body, not packed.
        decode: What the run made of it: rows, or TransientFailure for a body it does not take.
        media_type: What the head said that it is.
    """

    body: bytes
    decode: Callable[[Response], Any]
    media_type: str

    @property
    def is_table(self) -> bool:
        """Whether the body does not tell by itself where it ends."""
        return self.media_type.startswith("text/csv")

    def accepts(self, reply: Response) -> bool:
        """Whether a run would take rows from a reply."""
        try:
            self.decode(reply)
        except TransientFailure:
            return False
        return True


def answers() -> dict[str, Answer]:
    """An answer with rows in it of each kind, a few kB each, by stream and endpoint."""
    with Sandbox(rows=0) as box:
        for api in box.apis.values():
            for stream in api.streams:
                api.of(stream).add_at(NOON, NOON + timedelta(hours=1))
        found = dict(_heard(box, {}))
        box.burki.options.envelope, box.burki.options.list_shape = "items", "array"
        others = dict(_heard(box, {"burki": box.burki.config()}))
        found["burki_calls calls/export in items"] = others["burki_calls calls/export"]
        found["burki_call_list calls/ bare"] = others["burki_call_list calls/"]
        return found | _tables(box)


def _tables(box: Sandbox) -> dict[str, Answer]:
    """Burki's file as a table, in every dialect."""
    box.burki.add_at(*[NOON + timedelta(minutes=n) for n in range(len(HARD))])
    for row, name in zip(box.burki.rows[-len(HARD) :], HARD, strict=True):
        box.burki.amend(row, assistant_name=name)
    found = {}
    for dialect in DIALECTS:
        _, _, delimiter, end, *bom = dialect.split()
        file = csv_file(
            box.burki.rows,
            "," if delimiter == "comma" else ";",
            ninth=bool(bom),
            bom=bool(bom),
        )
        # Only the ends of rows: a line break in a cell is the cell's.
        rows = _rows_of(file)
        found[dialect] = Answer(
            _ENDS[end].join([*rows, b""]), rows_of_csv, "text/csv; charset=utf-8"
        )
    return found


def _rows_of(file: bytes) -> list[bytes]:
    """The rows of a table as they are written, without their ends."""
    rows, start, quoted = [], 0, False
    for place, byte in enumerate(file):
        quoted ^= byte == ord('"')
        if file[place : place + 2] == b"\r\n" and not quoted:
            rows.append(file[start:place])
            start = place + 2
    assert start == len(file)
    return rows


def row_ends(table: Answer) -> set[int]:
    """Where a table is whole rows and nothing else, though more rows follow."""
    body, ends, quoted = table.body, set(), False
    for place, byte in enumerate(body, 1):
        quoted ^= byte == ord('"')
        if byte in b"\r\n" and not quoted:
            ends.add(place)
    return ends - {len(body)}


def _heard(box: Sandbox, only: JSON) -> Iterator[tuple[str, Answer]]:
    """Every answer that one run of all streams reads, the longest of each kind."""
    found: dict[str, Answer] = {}

    def see(stream: str, url: str, reply: Response, decode: Callable[[Response], Any]) -> None:
        path = _IDS.sub("one", urlsplit(url).path)
        name = f"{stream} {_BASES.sub('', path)}"
        if name not in found or len(reply.body) > len(found[name].body):
            found[name] = Answer(reply.body, decode, reply.headers["Content-Type"])

    config = only or box.config()
    with responses_seen(see):
        run = run_tap(
            {**config, "start_date": "2024-05-01", "end_date": "2024-06-01"},
            streams=[s for name in config for s in box.apis[name].streams],
        )
    assert run.code == 0, run.complaints
    yield from found.items()
