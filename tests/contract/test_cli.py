"""The command line: what the tap says about itself, discovery, and input that cannot be used."""

from __future__ import annotations

import functools
import json
import os
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from expected_streams import BY_NAME
from process import Outcome, command, tap
from support import PROVIDERS, changed

from sandbox import Sandbox
from tap_callexports.singer.input import read_config

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
CANARY = "canary-9b20e4"


def streams_in(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Catalog entries by stream, of a discovery that must go well."""
    assert outcome.code == 0, outcome.err
    return {entry["tap_stream_id"]: entry for entry in json.loads(outcome.out)["streams"]}


@functools.cache
def everything() -> dict[str, dict[str, Any]]:
    """The catalog of all providers."""
    return streams_in(command("--discover", config={}))


def line_of(outcome: Outcome, box: Sandbox) -> str:
    """The one line a refused input is answered with; no request was sent."""
    assert (outcome.code, outcome.out) == (1, "")
    assert "Traceback" not in outcome.err
    assert CANARY not in outcome.err
    assert not any(api.requests for api in box.apis.values())
    [line] = outcome.errors
    return line


def test_version_and_help() -> None:
    outcome = tap("--version")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"tap-callexports v{version('tap-callexports')},")
    shown = command("--help").out
    for option in ("version", "about", "format", "config", "discover", "test", "catalog", "state"):
        assert f"--{option}" in shown


def test_about_tells_capabilities_and_settings() -> None:
    about = json.loads(command("--about", "--format=json").out)
    assert about["name"] == "tap-callexports"
    assert " ".join(sorted(about["capabilities"])) == (
        "about batch catalog discover schema-flattening state stream-maps structured-logging"
    )
    assert {*PROVIDERS} < {*about["settings"]["properties"]}
    for arguments in (("--about",), ("--about", "--format=markdown")):
        shown = command(*arguments).out
        assert all(name in shown for name in ("start_date", "skip_forbidden_streams", *PROVIDERS))
        assert "activate-version" not in shown


@pytest.mark.parametrize("option", ["--about", "--version"])
def test_what_the_tap_says_about_itself_does_not_hold_the_config(option: str) -> None:
    outcome = command(option, config={"videsk": {"api_token": CANARY}, CANARY: 1})
    assert outcome.code == 0
    assert CANARY not in outcome.out + outcome.err


def test_discovery_lists_every_stream_or_those_of_the_providers_that_are_on(box: Sandbox) -> None:
    assert set(everything()) == set(BY_NAME)
    for name, api in box.apis.items():
        found = streams_in(command("--discover", config={name: api.config()}))
        assert set(found) == {stream for stream, one in BY_NAME.items() if one.api == name}
        assert not api.requests


def test_two_discoveries_are_equal_to_the_byte() -> None:
    first = tap("--discover", config={}, env={"PYTHONHASHSEED": "1", "TZ": "UTC"})
    second = tap("--discover", config={}, env={"PYTHONHASHSEED": "2", "TZ": "Asia/Kolkata"})
    assert first.out == second.out


def test_keys_are_selected_automatically() -> None:
    for name, entry in everything().items():
        inclusion = {
            part["breadcrumb"][1]: part["metadata"]["inclusion"]
            for part in entry["metadata"]
            if part["breadcrumb"]
        }
        keys = {*entry["key_properties"], entry.get("replication_key")} - {None}
        assert {inclusion[key] for key in keys} == {"automatic"}, name
        assert set(inclusion) == set(entry["schema"]["properties"]), name


@pytest.mark.parametrize(
    "config",
    [
        {"start_date": 5, "end_date": "now", "request_timeout": "soon", "user_agent": 7},
        {"zzz": 1, "videsk": [CANARY]},
        {"videsk": {"timezone": "Mars", "api_url": "?", "lookback_hours": CANARY}},
        {"twin24": {"password": CANARY}},
    ],
)
def test_discovery_works_with_a_config_that_a_run_would_refuse(config: dict[str, Any]) -> None:
    """What is wrong is said as a warning: a catalog is often wanted before the config is done."""
    outcome = command("--discover", config=config)
    assert set(everything()) == set(streams_in(outcome))
    assert CANARY not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


# Input.


def test_each_wrong_setting_is_one_line(box: Sandbox) -> None:
    config = changed(box.config() | MAY, {"videsk.api_token": [CANARY]})
    assert line_of(tap(config=config), box) == "videsk.api_token: must be a text"
    changes = {"videsk.api_token": [CANARY], "zzz": CANARY, "anunzi.page_size": 0}
    outcome = command(config=changed(box.config() | MAY, changes))
    assert sorted(line.split(":")[0] for line in outcome.errors) == sorted(changes)
    assert CANARY not in outcome.err


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("config", f'{{"videsk": {CANARY}', "is not JSON"),
        ("config", "", "is not JSON"),
        ("config", f'["{CANARY}"]', "is not a JSON object"),
        ("config", "null", "is not a JSON object"),
        ("state", f"{{{CANARY}", "JSON"),
        ("state", "null", "must be a JSON object"),
        ("state", "[]", "must be a JSON object"),
        ("state", '{"bookmarks": {"videsk_calls": "2024-05-01"}}', "videsk_calls"),
        ("catalog", "", "JSON"),
        ("catalog", "null", "catalog"),
        ("catalog", "[" * 100_000, "JSON"),
        ("catalog", '{"streams": ["videsk_calls"]}', "catalog"),
        ("catalog", '{"streams": [{"tap_stream_id": "videsk_calls", "schema": []}]}', "catalog"),
    ],
    ids=lambda value: value[:60],
)
def test_a_file_that_is_not_what_it_should_be_is_one_line(
    box: Sandbox, option: str, content: str, words: str
) -> None:
    files: dict[str, Any] = {"config": box.config() | MAY, option: content}
    line = line_of(command(**files), box)
    assert option in line
    assert words in line


def test_a_config_file_that_cannot_be_read_is_one_line(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'{"user_agent": "\xff"}')
    for path, words in (("no-such.json", "No such file"), (".", ""), (tmp_path / "latin.json", "")):
        line = line_of(command("--config", str(path)), box)
        assert line.startswith(f"--config {path}")
        assert words in line
    line = line_of(command("--config", json.dumps({"burki": {"api_key": CANARY}})), box)
    assert line == "--config: must be the name of a file, or ENV, not JSON text"


@pytest.mark.parametrize(
    ("name", "value", "start"),
    [
        ("REQUEST_TIMEOUT", f"{CANARY}s", "--config=ENV"),
        ("VIDESK", CANARY, "--config=ENV"),
        ("VIDESK", f'["{CANARY}"]', "videsk: must be an object"),
    ],
)
def test_a_variable_of_the_wrong_type_is_one_line(
    box: Sandbox, name: str, value: str, start: str
) -> None:
    env = {f"TAP_CALLEXPORTS_{name}": value}
    assert line_of(command("--config=ENV", env=env), box).startswith(start)


def test_settings_can_come_from_variables_and_a_file_behind_them_wins(box: Sandbox) -> None:
    env = {
        "TAP_CALLEXPORTS_BURKI": json.dumps(box.burki.config()),
        "TAP_CALLEXPORTS_END_DATE": "2024-06-01",
        "TAP_CALLEXPORTS_REQUEST_TIMEOUT": "20",
        "TAP_CALLEXPORTS_SKIP_FORBIDDEN_STREAMS": "false",
        "TAP_CALLEXPORTS_MAX_RETRY_WAIT": "",
        "TAP_CALLEXPORTS_VIDESK": "",
    }
    outcome = tap("--config=ENV", config=MAY | {"burki": {"api_key": CANARY}}, env=env)
    assert outcome.code == 1
    assert "burki.api_key was refused" in outcome.errors[-1], "the file is read last here"
    config = {"start_date": "2024-05-01", "end_date": "2024-05-10"}
    outcome = command("--config=ENV", config=config, env=env)
    assert outcome.code == 0
    assert outcome.run.bookmark("burki_calls") == "2024-05-10T00:00:00.000000Z"


@pytest.mark.parametrize("second", ["file", "ENV"])
def test_configs_are_merged_setting_by_setting_and_the_last_one_wins(
    box: Sandbox, tmp_path: Path, second: str
) -> None:
    good = box.burki.config()
    below, above = tmp_path / "below.json", tmp_path / "above.json"
    below.write_text(json.dumps({"burki": good | {"api_key": CANARY}} | MAY), "utf-8-sig")
    above.write_text(json.dumps({"burki": {"api_key": good["api_key"]}}))
    outcome = command(
        *("--config", str(below), "--config", "ENV" if second == "ENV" else str(above)),
        env={"TAP_CALLEXPORTS_BURKI": above.read_text()[10:-1]} if second == "ENV" else {},
        state="\ufeff{}",
    )
    assert outcome.code == 0, outcome.err
    assert set(outcome.run.table("burki_calls")) == set(box.burki.truth("burki_calls"))
    assert "Skipping parse of env var" not in outcome.err


def test_a_config_may_come_through_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config")
    settings = json.dumps({"burki": {"api_key": CANARY}})
    writer = threading.Thread(target=(tmp_path / "config").write_text, args=(settings,))
    writer.start()
    assert read_config([str(tmp_path / "config")]).config == json.loads(settings)
    writer.join(5)


def test_an_empty_state_file_is_no_state_and_a_state_message_is_a_state(box: Sandbox) -> None:
    config = {"burki": box.burki.config()} | MAY
    outcome = command(config=config, state=" \n")
    assert set(outcome.run.table("burki_calls")) == set(box.burki.truth("burki_calls"))
    [warning] = [line for line in outcome.logged("WARNING") if "--state" in line]
    assert warning == "--state: the file is empty; everything is read, as without a state"
    bookmark = {"replication_key_value": "2024-05-20T00:00:00.000000Z"}
    message = {"type": "STATE", "value": {"bookmarks": {"burki_calls": bookmark}}}
    records = command(config=config, state=message).run.records("burki_calls")
    assert min(record["started_at"] for record in records) >= "2024-05-19"


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_CALLEXPORTS_LOGLEVEL"])
def test_an_unknown_log_level_is_one_line(name: str) -> None:
    outcome = command(config={}, env={name: "trace"})
    assert outcome.code == 1
    assert outcome.err == f"{name}: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL\n"


@pytest.mark.parametrize("content", ["", "a: [", "version: 1\nhandlers: {a: {class: no}}"])
def test_a_file_that_is_no_log_config_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "logging.yaml").write_text(content)
    env = {"SINGER_SDK_LOG_CONFIG": str(tmp_path / "logging.yaml")}
    outcome = command(config={}, env=env)
    assert outcome.code == 1
    [line] = outcome.err.splitlines()
    assert "SINGER_SDK_LOG_CONFIG: the file it names is not a logging configuration" in line
    assert "no provider is on" in command(config={}, env={"SINGER_SDK_LOG_CONFIG": ""}).err
