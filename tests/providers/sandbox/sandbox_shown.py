"""What the servers show of a stream, as records: to be compared with the truth.

Where a list has pages, they are small ones, and all are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import sandbox_clients as clients

from sandbox.instants import UTC, from_ms, parse, text
from sandbox.twin24 import INCOMING, OUTGOING, List
from sandbox.videsk_rows import STREAMS

if TYPE_CHECKING:
    import requests

    from sandbox import Sandbox

Record = dict[str, Any]
Table = dict[tuple[Any, ...], Record]
Read = Callable[["Sandbox", "requests.Session"], "Iterator[Record]"]
_EVER = {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}
_PAGE = 70


def shown(box: Sandbox, http: requests.Session, stream: str) -> Table:
    """All a stream's server shows, by primary key; what has no value is left out."""
    read = partial(_videsk, stream=stream) if stream in STREAMS else _READ.get(stream)
    if read is None:  # the tests of the tap are what judges this mock
        return expected(box, stream)
    (keys,) = (api.keys[stream] for api in box.apis.values() if stream in api.streams)
    records = list(read(box, http))
    table = {tuple(record[key] for key in keys): set_columns(record) for record in records}
    assert len(table) == len(records), "a row comes twice"
    return table


def expected(box: Sandbox, stream: str) -> Table:
    """The truth of a stream; what has no value is left out."""
    return {key: set_columns(record) for key, record in box.truth(stream).items()}


def set_columns(record: Record) -> Record:
    return {name: value for name, value in record.items() if value is not None}


def _compacted(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def _utc(record: Record, *names: str) -> Record:
    return {**record, **{name: text(parse(record[name])) for name in names if record.get(name)}}


def _videsk(box: Sandbox, http: requests.Session, stream: str) -> Iterator[Record]:
    export = STREAMS[stream]
    definitions = box.videsk._definitions(stream) if export.definition else [""]
    for definition in definitions:
        ids = {re.sub(r"_(.)", lambda found: found[1].upper(), name) for name in export.columns}
        keys = {column_id: f"_{column_id}" for column_id in ids}  # no question has such a label
        asked = {**_EVER, "keys": keys, export.definition: definition}
        body = clients.videsk(box, http, export.name, **asked).json()
        fixed = body["columns"][: len(export.columns)]
        for row in body["data"]:
            record = {name: row.pop(label, None) for name, label in zip(export.columns, fixed)}  # noqa: B905 - answers follow
            for name, value in record.items():
                if value and name.endswith(("_at", "_time", "_leave", "_date")):
                    form = "%d/%m/%Y, %H:%M:%S" if "/" in value else "%Y-%m-%d %H:%M:%S"
                    record[name] = text(datetime.strptime(value, form).replace(tzinfo=UTC))
            if "integration_data" in record:
                record["integration_data"] = _compacted(record["integration_data"])
            if record.get("tags") == "":
                record["tags"] = []
            if export.definition:
                record[export.keys[0]] = definition
                record["answers"] = [{"label": name, "value": row[name]} for name in row]
                row.clear()
            assert not row, "a row has more than its columns"
            yield record


def _anunzi(box: Sandbox, http: requests.Session) -> Iterator[Record]:
    body: Record = {"limit": _PAGE}
    while True:
        page = clients.anunzi(box, http, **body).json()
        assert len(page["items"]) <= _PAGE
        yield from map(_anunzi_record, page["items"])
        if not page["has_more"]:
            return
        body["pagination_key"] = page["pagination_key"]


def _anunzi_record(item: Record) -> Record:
    item.pop("access_token", None)
    instants = {
        name: text(from_ms(value)) for name, value in item.items() if name.endswith("_timestamp")
    }
    return {"start_timestamp": None, **item, **instants}


def _anunzi_list(box: Sandbox, http: requests.Session, *, started: bool) -> Iterator[Record]:
    found = _anunzi(box, http)
    return (record for record in found if (record["start_timestamp"] is not None) is started)


def _anunzi_details(box: Sandbox, http: requests.Session) -> Iterator[Record]:
    for record in _anunzi_list(box, http, started=True):
        if record["call_status"] != "ongoing":
            yield _anunzi_record(clients.anunzi(box, http, record["call_id"]).json())


def _twin24(asked: List, path: str) -> Read:
    def read(box: Sandbox, http: requests.Session) -> Iterator[Record]:
        query: Record = {"fields": ",".join(asked.columns), "limit": _PAGE, "sort": asked.sorts[0]}
        offset, count = 0, 1
        while offset < count:
            page = clients.twin24(box, http, path, offset=offset, **query).json()
            offset, count = offset + _PAGE, page["count"]
            for item in page["items"]:
                record = {asked.columns[name]: _compacted(value) for name, value in item.items()}
                record = _utc(record, "created_at", "updated_at", "started_at")
                record["external_id"] = record["external_id"] or None
                if record.get("region_id") is not None:
                    record["region_id"] = str(record["region_id"])
                yield record

    return read


def _burki(box: Sandbox, http: requests.Session, path: str, **query: Any) -> Iterator[Record]:
    body = clients.burki(box, http, path, **query).json()
    for record in body if isinstance(body, list) else body["items"]:
        yield _utc(record, "started_at", "ended_at", "created_at")


def _burki_said(box: Sandbox, http: requests.Session) -> Iterator[Record]:
    for call in _burki(box, http, "", limit=1000):
        if call["status"] != "ongoing":
            for segment in _burki(box, http, f"{call['id']}/transcripts"):
                said = _compacted(segment["stt_timestamps"])
                yield {**segment, "stt_timestamps": said, "call_started_at": call["started_at"]}


_READ: dict[str, Read] = {
    "anunzi_calls": partial(_anunzi_list, started=True),
    "anunzi_unstarted_calls": partial(_anunzi_list, started=False),
    "anunzi_call_details": _anunzi_details,
    "twin24_incoming_calls": _twin24(INCOMING, ""),
    "twin24_calls": _twin24(OUTGOING, "/search/cis/calls"),
    "burki_calls": partial(_burki, path="export", format="json"),
    "burki_call_list": partial(_burki, path="", limit=1000),
    "burki_call_transcripts": _burki_said,
}
