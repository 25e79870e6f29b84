"""Texts that no target can store are repaired on their way to a record, counted and reported."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from json_texts import STRINGS, VALUES, text_of
from made_up import all_streams, records, run_over
from provider_runs import asked, empty_sandbox, export, warnings_in

from sandbox.instants import UTC
from tap_callexports.http.response import Response

if TYPE_CHECKING:
    from pathlib import Path

    from support import JSON

STREAMS = all_streams()
FIRST = datetime(2024, 5, 1, tzinfo=UTC)
HALF, NUL, BACKSLASH = r"\ud83d", r"\u0000", r"\\ud83d \\u0000"
FLAT = {"flattening_enabled": True, "flattening_max_depth": 2}
MAPS = {"stream_maps": {"*": {"added": "'x'"}}}


def body_of(stream: str) -> bytes:
    """A row that holds such texts in its key, its columns, nested in them, and in `extra`."""
    schema = STREAMS[stream].schema["properties"]
    texts = [name for name, column in schema.items() if column["type"] == ["string", "null"]]
    row: JSON = {name: "TEXT" for name in texts if "format" not in schema[name]}
    row |= {
        name: {"KEY": ["TEXT"], "a": {"KEY": "TEXT"}}
        for name, column in schema.items()
        if "object" in column["type"]
    }
    row |= {
        name: 7 if "integer" in schema[name]["type"] else "kTEXT"
        for name in STREAMS[stream].primary_keys
    }
    row["unknown"] = {"KEY": "TEXT"}
    text = json.dumps([row]).replace("KEY", f"key{NUL}{HALF}")
    return text.replace("TEXT", f"{HALF}a{NUL}{BACKSLASH}").encode()


@pytest.mark.parametrize("batches", [False, True], ids=["RECORD", "BATCH"])
@pytest.mark.parametrize("options", [{}, FLAT, MAPS], ids=["plain", "flattened", "stream maps"])
def test_every_text_of_a_record_can_be_stored(
    options: JSON, tmp_path: Path, *, batches: bool
) -> None:
    if batches:
        options = {**options, "batch_config": {"storage": {"root": tmp_path.as_uri()}}}
    found = records(run_over(body_of, **options))
    assert set(found) == set(STREAMS)
    for stream, (record,) in found.items():
        text = json.dumps(record)
        assert "ufffda" in text, stream
        assert "key" in text
        decoded = text.replace("\\\\", "")
        assert NUL not in decoded
        assert HALF not in decoded


@pytest.mark.covers(144)
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_text_is_repaired_without_a_retry_and_reported_once(
    form: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    half = "" if form == "csv" else "\ud83d"  # UTF-8 has no surrogates
    with empty_sandbox() as box:
        box.burki.add(20, FIRST, FIRST + timedelta(days=20))
        bad = box.burki.rows[3], box.burki.rows[12]
        for row in bad:
            box.burki.amend(row, assistant_name=f"a{half}\0b", call_sid="\0")
        run = export(box.burki, format=form)
        assert len(asked(box.burki, "/export")) == len(
            {request.query["date_from"] for request in asked(box.burki, "/export")}
        )
    assert run.code == 0
    table = run.table("burki_calls")
    assert len(table) == 20
    for row in bad:
        record = table[row.canonical["id"],]
        assert record["assistant_name"] == ("ab" if form == "csv" else "a\ufffdb")
        assert record["call_sid"] is None
    (warning,) = warnings_in(caplog, "repaired")
    counted = "4 U+0000 removed"
    if form == "json":
        counted = f"2 unpaired surrogates replaced by U+FFFD and {counted}"
    assert warning == f"burki_calls: texts that no target can store were repaired: {counted}"


@pytest.mark.parametrize("passthrough", [True, False])
@settings(deadline=None, derandomize=True, max_examples=200)
@given(name=STRINGS, key=STRINGS, value=VALUES)
def test_records_are_those_of_texts_repaired_before(
    name: str, key: str, value: str, *, passthrough: bool
) -> None:
    stream = STREAMS["burki_calls"]
    stream.passthrough = passthrough
    body = f'[{{"id": 1, "assistant_name": {name}, "more": {{{key}: {value}}}}}]'.encode()
    clean = json.dumps(clean_of(json.loads(body, strict=False))).encode()
    found, wanted = (
        [
            json.loads(each) if passthrough else each
            for each in stream.batch(Response(200, {}, text).rows()).records
        ]
        for text in (body, clean)
    )
    assert found == wanted


def clean_of(value: Any) -> Any:
    """A decoded value, each of its texts repaired."""
    if isinstance(value, dict):
        return {clean_of(key): clean_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return [clean_of(part) for part in value]
    return text_of(value, Counter()) if isinstance(value, str) else value
