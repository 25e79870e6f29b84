"""Whatever is wrong with a config, catalog or state: no bug, no traceback, no secret."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inprocess import START
from process import command
from support import JSON, catalog_of

from sandbox import Sandbox

NOW = START + timedelta(days=3)
BOOKMARK = {
    "replication_key": "started_at",
    "replication_key_value": "2024-05-03T00:00:00.000000Z",
    "as_of": "2024-05-03T00:05:00.000000Z",
}
STATE: JSON = {
    "bookmarks": {
        "burki_calls": BOOKMARK,
        "burki_call_list": {**BOOKMARK, "progress_markers": {"Note": "x"}},
        "videsk_forms": {"partitions": [{"context": {"form_id": "a"}, **BOOKMARK}]},
        "strange": {"created_at": 1, "partitions": [{"context": {}}]},
    }
}
CONFIG: JSON = {
    "burki": {"settle_minutes": 0, "format": "json"},
    "videsk": {"api_token": None, "form_ids": ["a"]},
    "start_date": START.isoformat(),
    "end_date": NOW.isoformat(),
    "request_timeout": 20,
    "skip_forbidden_streams": False,
    "user_agent": "me/1",
    "stream_maps": {"burki_calls": {"status": "md5(status) if status else None"}},
    "stream_map_config": {"salt": "x"},
    "flattening_enabled": True,
    "flattening_max_depth": 2,
    "flattening_separator": "__",
    "flattening_max_key_length": 30,
    "faker_config": {"seed": 1, "locale": ["en_US"]},
    "batch_config": {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": "batches", "prefix": "p-"},
        "batch_size": 5,
    },
}
#: What is put in the place of something.
JUNK: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, "", "x", "true", "ä\n", [], [1], [[]], {}, {"a": 1},
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every key and index in a JSON value, with what holds it."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)) and value[key]:
            yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn, value: JSON) -> JSON:
    """A JSON object with up to three things taken out, replaced or renamed."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from([*places(value)] or [({"": 0}, "")]))
        match draw(st.sampled_from(["drop", "replace", "rename"])):
            case "drop":
                del holder[key]
            case "rename" if isinstance(holder, dict):
                holder[f"{key}x"] = holder.pop(key)
            case _:
                holder[key] = draw(st.sampled_from(JUNK))
    return value


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_wrong_input_is_said_in_plain_lines(box: Sandbox, data: st.DataObject) -> None:
    account = box.burki.config()
    config = {**CONFIG, "burki": {**CONFIG["burki"], **account}}
    files = {"config": config, "catalog": catalog_of({}, ["burki_calls"]), "state": STATE}
    change = data.draw(st.sampled_from([*files]))
    files[change] = data.draw(mutated(files[change]))
    done = command(config=files["config"], catalog=files["catalog"], state=files["state"])
    assert done.code in {0, 1}
    assert "this is a bug" not in done.err
    assert "Traceback" not in done.err
    assert account["api_key"] not in done.out + done.err
    assert done.code == 0 or done.errors
