"""What the servers show of a stream, as records: to be compared with the truth."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.videsk.endpoints import STREAMS
from sandbox_clients import (
    Record,
    anunzi_all,
    anunzi_call,
    burki,
    twin24,
    twin24_calls,
    videsk_export,
)

from sandbox.instants import UTC, from_ms, parse, text
from sandbox.twin24 import calls, sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from sandbox import Sandbox

Table = dict[tuple[Any, ...], Record]
_RANGE = {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}


def shown(box: Sandbox, http: requests.Session, stream: str) -> Table:
    """All a stream's server shows, by primary key; what has no value is left out."""
    ours = _SHOWN.get(stream)
    known = stream in _SHOWN or stream in STREAMS
    assert known, f"missing in _SHOWN in tests/providers/sandbox/sandbox_shown.py: {stream}"
    records = ours(box, http) if ours else videsk_records(box, http, stream)
    (keys,) = (api.keys[stream] for api in box.apis.values() if stream in api.streams)
    table = {tuple(record[key] for key in keys): set_columns(record) for record in records}
    assert len(table) == len(records), "a row comes twice"
    return table


def expected(box: Sandbox, stream: str) -> Table:
    """The truth of a stream; what has no value is left out."""
    return {key: set_columns(record) for key, record in box.truth(stream).items()}


def set_columns(record: Record) -> Record:
    return {name: value for name, value in record.items() if value is not None}


def videsk_records(box: Sandbox, http: requests.Session, stream: str) -> list[Record]:
    endpoint = STREAMS[stream]
    if endpoint.definition is None:
        return _videsk_rows(box, http, stream)
    definitions = box.videsk.options.forms if "form" in stream else box.videsk.options.surveys
    return [
        {**record, endpoint.keys[0]: definition}
        for definition in definitions
        for record in _videsk_rows(box, http, stream, definition)
    ]


def _videsk_rows(
    box: Sandbox, http: requests.Session, stream: str, definition: str = ""
) -> list[Record]:
    endpoint = STREAMS[stream]
    export = endpoint.path.removeprefix("/reports/exports/")
    keys = {column.id: f"_{column.name}" for column in endpoint.columns if column.id}
    asked: Record = {"keys": keys, **_RANGE}
    if endpoint.definition:
        asked[endpoint.definition] = definition
    body = videsk_export(box, http, export, asked).json()
    fixed, questions = body["columns"][: len(endpoint.columns)], body["columns"][len(keys) :]
    records = []
    for row in body["data"]:
        record: Record = {}
        for column, label in zip(endpoint.columns, fixed, strict=True):
            value = row.pop(label, None)
            if column.is_time and value is not None:
                value = text(_wall(value))
            record[column.name] = _compacted(value) if column.is_open else value
        if record.get("tags") == "":
            record["tags"] = []
        if endpoint.definition:
            given = [label for label in questions if label in row]
            record["answers"] = [{"label": label, "value": row.pop(label)} for label in given]
        assert not row, "a row has more than its columns"
        records.append(record)
    return records


def _wall(value: str) -> datetime:
    form = "%d/%m/%Y, %H:%M:%S" if "/" in value else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(value, form).replace(tzinfo=UTC)


def _compacted(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def _anunzi(record: Record) -> Record:
    record.pop("access_token", None)
    return {
        name: text(from_ms(value)) if name.endswith("_timestamp") else value
        for name, value in record.items()
    }


def _anunzi_calls(box: Sandbox, http: requests.Session) -> list[Record]:
    items = [item for page in anunzi_all(box, http, limit=1000) for item in page]
    return [_anunzi(item) for item in items if "start_timestamp" in item]


def _anunzi_unstarted(box: Sandbox, http: requests.Session) -> list[Record]:
    items = [item for page in anunzi_all(box, http, limit=1000) for item in page]
    return [_anunzi(item) for item in items if "start_timestamp" not in item]


def _anunzi_details(box: Sandbox, http: requests.Session) -> list[Record]:
    return [
        _anunzi(anunzi_call(box, http, record["call_id"]).json())
        for record in _anunzi_calls(box, http)
        if record["call_status"] != "ongoing"
    ]


def _twin24(items: list[Record], columns: dict[str, str], shapes: tuple[str, ...]) -> list[Record]:
    records = []
    for item in items:
        record = {columns[name]: value for name, value in item.items()}
        for name in ("created_at", "updated_at", "started_at"):
            if record.get(name):
                record[name] = text(parse(record[name]))
        record.update({name: _compacted(record[name]) for name in shapes})
        record["external_id"] = record["external_id"] or None
        if record.get("region_id") is not None:
            record["region_id"] = str(record["region_id"])
        records.append(record)
    return records


def _twin24_incoming(box: Sandbox, http: requests.Session) -> list[Record]:
    reply = twin24(box, http, limit=1000, fields=",".join(sessions.COLUMNS))
    return _twin24(reply.json()["items"], sessions.COLUMNS, sessions.OPEN_SHAPES)


def _twin24_calls(box: Sandbox, http: requests.Session) -> list[Record]:
    reply = twin24_calls(box, http, limit=1000, fields=",".join(calls.COLUMNS))
    shapes = ("messages", "additional", "dialog_results", "markers")
    return _twin24(reply.json()["items"], calls.COLUMNS, shapes)


def _burki(records: list[Record]) -> list[Record]:
    for record in records:
        for name in ("started_at", "ended_at", "created_at"):
            if record.get(name):
                record[name] = text(parse(record[name]))
    return records


def _burki_export(box: Sandbox, http: requests.Session) -> list[Record]:
    return _burki(burki(box, http, format="json").json())


def _burki_list(box: Sandbox, http: requests.Session) -> list[Record]:
    return _burki(burki(box, http, "", limit=1000).json()["items"])


def _burki_said(box: Sandbox, http: requests.Session) -> list[Record]:
    said = []
    for call in _burki_list(box, http):
        if call["status"] != "ongoing":
            segments = burki(box, http, f"{call['id']}/transcripts").json()
            for segment in _burki(segments):
                segment["stt_timestamps"] = _compacted(segment["stt_timestamps"])
                said.append({**segment, "call_started_at": call["started_at"]})
    return said


_SHOWN: dict[str, Callable[[Sandbox, requests.Session], list[Record]]] = {
    "anunzi_calls": _anunzi_calls,
    "anunzi_unstarted_calls": _anunzi_unstarted,
    "anunzi_call_details": _anunzi_details,
    "twin24_incoming_calls": _twin24_incoming,
    "twin24_calls": _twin24_calls,
    "burki_calls": _burki_export,
    "burki_call_list": _burki_list,
    "burki_call_transcripts": _burki_said,
}
