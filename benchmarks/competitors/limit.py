"""The least that Python can do: ask, decode each answer once, encode each row once, write lines.

`limit.py FILE`, with the same config as the other competitors. No Singer, no checks.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

_MILLISECOND = timedelta(milliseconds=1)
_Config = dict[str, Any]


def anunzi(session: requests.Session, config: _Config) -> Iterator[list[Any]]:
    """Pages with a cursor."""
    body: dict[str, Any] = {"limit": 1000, "sort_order": "ascending"}
    while True:
        reply = session.post(config["api_url"] + "/v3/list-calls", json=body)
        page = msgspec.json.decode(reply.content)
        yield page["items"]
        if not page["has_more"]:
            return
        body["pagination_key"] = page["pagination_key"]


def burki(session: requests.Session, config: _Config) -> Iterator[list[Any]]:
    """One JSON file."""
    reply = session.get(config["api_url"] + "/api/v1/calls/export", params={"format": "json"})
    yield msgspec.json.decode(reply.content)


def burki_csv(session: requests.Session, config: _Config) -> Iterator[list[Any]]:
    """One CSV file."""
    reply = session.get(config["api_url"] + "/api/v1/calls/export", params={"format": "csv"})
    yield list(csv.DictReader(io.StringIO(reply.content.decode())))


def videsk(session: requests.Session, config: _Config) -> Iterator[list[Any]]:
    """A report for each day."""
    day = datetime.fromisoformat(config["start_date"])
    while day < datetime.fromisoformat(config["end_date"]):
        end = day + timedelta(days=1) - _MILLISECOND
        body = {"$sort": 1, "start": day.isoformat(), "end": end.isoformat(), "timezone": "UTC"}
        reply = session.post(config["api_url"] + "/reports/exports/calls", json=body)
        yield msgspec.json.decode(reply.content)["data"]
        day += timedelta(days=1)


_READERS = {"anunzi": anunzi, "burki": burki, "burki csv": burki_csv, "videsk": videsk}


def main() -> None:
    """Write the rows of the config's workload to standard output."""
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    encoder = msgspec.json.Encoder()
    with requests.Session() as session:
        for rows in _READERS[config["workload"]](session, config):
            sys.stdout.buffer.write(encoder.encode_lines(rows))


if __name__ == "__main__":
    main()
