"""Whole runs by the command line: catalogs, selection, refused credentials, 403."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from expected_streams import OFF
from process import Outcome, tap
from settings_table import changed
from support import assert_table_is, catalog_of, upserted

from sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
END = "2024-06-01T00:00:00.000000Z"
STREAMS = (
    "anunzi_calls",
    "anunzi_unstarted_calls",
    "burki_calls",
    "twin24_incoming_calls",
    "videsk_calls",
)


def emitted(outcome: Outcome) -> set[str]:
    """Streams with a record in the output."""
    return {line["stream"] for line in outcome.lines if line["type"] == "RECORD"}


def test_config_state_and_catalog_work_together(box: Sandbox) -> None:
    config = box.config() | MAY
    discovery = tap("--discover", config=config)
    first = tap(config=changed(config, {"end_date": "2024-05-20"}), catalog=discovery.out)
    second = tap(config=config, catalog=discovery.out, state=first.run.state)

    assert (first.code, second.code) == (0, 0)
    for stream in STREAMS:
        table = upserted(first.run.table(stream), second.run, stream)
        assert_table_is(table, box.truth(stream))
    assert second.run.bookmark("videsk_calls") == END
    earliest = min(record["started_at"] for record in second.run.records("burki_calls"))
    assert earliest >= "2024-05-19T00:00:00.000000Z", "only the day before the bookmark again"


def test_later_config_files_win(box: Sandbox, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps({"burki": box.burki.config(), "start_date": "nonsense"}))
    second.write_text(json.dumps(MAY))

    outcome = tap("--config", str(first), "--config", str(second))

    assert outcome.code == 0
    assert_table_is(outcome.run.table("burki_calls"), box.truth("burki_calls"))


def test_only_selected_streams_are_asked_for(box: Sandbox) -> None:
    config = box.config() | MAY
    outcome = tap(config=config, catalog=catalog_of(config, ["burki_calls"]))

    assert outcome.code == 0
    assert emitted(outcome) == {"burki_calls"}
    assert not box.anunzi.requests + box.twin24.requests + box.videsk.requests


def test_a_deselected_column_is_absent_and_keys_are_not(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    gone = {"comments", "customer_phone_number", "call_cost", "region_name"}
    for entry in catalog["streams"]:
        keys = {*entry["key_properties"], entry.get("replication_key")}
        for part in entry["metadata"]:
            if part["breadcrumb"] and part["breadcrumb"][1] in gone | keys:
                part["metadata"]["selected"] = False
    whole = tap(config=config)

    outcome = tap(config=config, catalog=catalog)

    assert outcome.code == 0
    for stream in STREAMS:
        expected = [
            {name: value for name, value in record.items() if name not in gone}
            for record in whole.run.records(stream)
        ]
        assert outcome.run.records(stream) == expected
        [schema] = [
            line["schema"]
            for line in outcome.lines
            if line["type"] == "SCHEMA" and line["stream"] == stream
        ]
        assert not gone & set(schema["properties"])
    assert not any("regionName" in request.query["fields"] for request in box.twin24.requests[-1:])


def test_a_forced_full_table_ignores_the_bookmark_and_writes_none(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    old = {"replication_key": "start_time", "replication_key_value": "2024-05-20T00:00:00.000000Z"}

    outcome = tap(config=config, catalog=catalog, state={"bookmarks": {"videsk_calls": old}})

    assert outcome.code == 0
    for stream in STREAMS:
        assert_table_is(outcome.run.table(stream), box.truth(stream))
    for state in outcome.run.states:
        bookmarks = {
            stream: bookmark
            for stream, bookmark in state["bookmarks"].items()
            if "replication_key_value" in bookmark
        }
        assert bookmarks == {"videsk_calls": old}


def test_a_catalog_without_replication_keys_means_the_declared_ones(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    for entry in catalog["streams"]:
        entry.pop("replication_key", None)
        for part in entry["metadata"]:
            part["metadata"].pop("valid-replication-keys", None)

    outcome = tap(config=config, catalog=catalog)

    assert outcome.code == 0
    assert outcome.run.bookmark("burki_calls") == END
    assert outcome.run.state["bookmarks"]["burki_calls"]["replication_key"] == "started_at"


def test_another_replication_key_in_the_catalog_is_one_line(box: Sandbox) -> None:
    config = box.config() | MAY
    catalog = catalog_of(config, STREAMS)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "burki_calls":
            entry["replication_key"] = "ended_at"

    outcome = tap(config=config, catalog=catalog)

    assert outcome.code == 1
    [line] = outcome.errors
    assert "burki_calls" in line
    assert "ended_at" in line
    assert "started_at" in line


def test_a_stream_of_the_catalog_that_does_not_exist_here_is_left_alone(box: Sandbox) -> None:
    """A catalog of another version, or made when more providers were on."""
    config = box.config() | MAY
    catalog = catalog_of(config, ["burki_calls", "videsk_calls"])
    del config["videsk"]

    outcome = tap(config=config, catalog=catalog)

    assert outcome.code == 0
    assert emitted(outcome) == {"burki_calls"}


REFUSED = [
    ("videsk", {"api_token": "canary-wrong-0a1b"}, "videsk.api_token", 1),
    ("anunzi", {"api_key": "canary-wrong-0a1b"}, "anunzi.api_key", 1),
    ("twin24", {"password": "canary-wrong-0a1b"}, "twin24.password", 1),
    ("twin24", {"access_token": "canary-wrong-0a1b"}, "twin24.access_token", 1),
    ("burki", {"api_key": "canary-wrong-0a1b"}, "burki.api_key", 2),
]


@pytest.mark.parametrize(("provider", "wrong", "setting", "requests"), REFUSED)
def test_a_refused_credential_is_said_once_and_in_the_last_line(
    box: Sandbox, provider: str, wrong: dict[str, str], setting: str, requests: int
) -> None:
    api = box.apis[provider]
    outcome = tap(
        config=MAY | {provider: api.config() | wrong}, env={"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"}
    )

    assert outcome.code == 1
    line, last = outcome.errors
    assert setting in line
    assert "401" in line
    assert last.endswith(f"failed: {line.split(' | ', 3)[-1].split('| ')[-1]}")
    assert "canary-wrong-0a1b" not in outcome.err
    assert "Traceback" not in outcome.err
    assert len(api.requests) <= requests
    assert emitted(outcome) == set()
    assert outcome.run.bookmark(f"{provider}_calls") is None


def test_a_forbidden_stream_fails_and_the_others_finish(box: Sandbox) -> None:
    box.videsk.faults.add(Fault("status", status=403, times=99))

    outcome = tap(config=box.config() | MAY)

    assert outcome.code == 1
    assert any(
        "videsk_calls" in line and "403" in line and 'select "!videsk_calls.*"' in line
        for line in outcome.errors
    )
    assert "Traceback" not in outcome.err
    for stream in set(STREAMS) - {"videsk_calls"}:
        assert_table_is(outcome.run.table(stream), box.truth(stream))
    assert outcome.run.bookmark("burki_calls") == END
    assert outcome.run.bookmark("videsk_calls") is None


def test_a_forbidden_stream_may_be_skipped_with_a_warning(box: Sandbox) -> None:
    box.anunzi.faults.add(Fault("status", status=403, times=99))

    outcome = tap(config=box.config() | MAY | {"skip_forbidden_streams": True})

    assert outcome.code == 0
    assert outcome.errors == []
    warnings = "\n".join(outcome.logged("WARNING"))
    assert 'select "!anunzi_calls.*"' in warnings
    assert 'select "!anunzi_unstarted_calls.*"' in warnings
    everything = {stream for api in box.apis.values() for stream in api.streams}
    assert emitted(outcome) == everything - {*box.anunzi.streams, *OFF}
    assert outcome.run.bookmark("anunzi_calls") is None
