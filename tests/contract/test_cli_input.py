"""Files and variables handed to the command line: what is wrong with them is one line."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from process import Outcome, tap
from settings_table import changed

from tap_callexports.singer.input import read_config

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
CANARY = "canary-9b20e4"


def the_line_of(outcome: Outcome, box: Sandbox) -> str:
    """The one line a refused input is answered with; nobody was asked."""
    assert outcome.code == 1
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert CANARY not in outcome.err
    assert not any(api.requests for api in box.apis.values())
    [line] = outcome.errors
    return line


def test_a_mistaken_setting_is_one_line(box: Sandbox) -> None:
    config = changed(box.config() | MAY, {"videsk.api_token": [CANARY]})

    assert the_line_of(tap(config=config), box) == "videsk.api_token: must be a text"


def test_three_mistaken_settings_are_three_lines(box: Sandbox) -> None:
    changes = {"videsk.api_token": [CANARY], "zzz": CANARY, "anunzi.page_size": 0}
    outcome = tap(config=changed(box.config() | MAY, changes))

    assert outcome.code == 1
    assert sorted(line.split(":")[0] for line in outcome.errors) == sorted(changes)
    assert CANARY not in outcome.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f'{{"videsk": {CANARY}', "is not JSON"),
        ("", "is not JSON"),
        (f'["{CANARY}"]', "is not a JSON object"),
        ("null", "is not a JSON object"),
        (f'"{CANARY}"', "is not a JSON object"),
    ],
)
def test_a_config_file_that_is_no_object_is_one_line(
    box: Sandbox, content: str, words: str
) -> None:
    line = the_line_of(tap(config=content), box)

    assert line.startswith("--config")
    assert words in line


def test_a_config_file_that_is_missing_is_one_line(box: Sandbox) -> None:
    line = the_line_of(tap("--config", "nothing-here.json"), box)

    assert "nothing-here.json" in line
    assert "No such file" in line


def test_a_config_file_that_is_a_folder_is_one_line(box: Sandbox) -> None:
    assert "--config ." in the_line_of(tap("--config", "."), box)


def test_a_config_file_that_is_not_utf8_is_one_line(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b'{"user_agent": "\xff"}')

    assert "--config" in the_line_of(tap("--config", str(path)), box)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REQUEST_TIMEOUT", f"{CANARY}s"),
        ("VIDESK", CANARY),
        ("VIDESK", f'{{"api_token": "{CANARY}"'),
    ],
)
def test_a_variable_of_the_wrong_type_is_one_line(box: Sandbox, name: str, value: str) -> None:
    line = the_line_of(tap("--config=ENV", env={f"TAP_CALLEXPORTS_{name}": value}), box)

    assert line.startswith("--config=ENV")


def test_a_variable_that_is_json_of_the_wrong_kind_is_one_line(box: Sandbox) -> None:
    env = {"TAP_CALLEXPORTS_VIDESK": f'["{CANARY}"]'}

    assert the_line_of(tap("--config=ENV", env=env), box) == "videsk: must be an object"


def test_settings_can_come_from_variables(box: Sandbox) -> None:
    env = {
        "TAP_CALLEXPORTS_BURKI": json.dumps(box.burki.config()),
        "TAP_CALLEXPORTS_START_DATE": "2024-05-01",
        "TAP_CALLEXPORTS_END_DATE": "2024-06-01",
        "TAP_CALLEXPORTS_REQUEST_TIMEOUT": "20",
        "TAP_CALLEXPORTS_SKIP_FORBIDDEN_STREAMS": "false",
        "TAP_CALLEXPORTS_MAX_RETRY_WAIT": "",
        "TAP_CALLEXPORTS_VIDESK": "",
    }
    outcome = tap("--config=ENV", env=env)

    assert outcome.code == 0
    assert set(outcome.run.table("burki_calls")) == set(box.burki.truth("burki_calls"))


def test_variables_win_over_the_file(box: Sandbox) -> None:
    config = {"burki": box.burki.config(), "start_date": "2024-05-01"}
    outcome = tap(
        "--config=ENV", config=config, env={"TAP_CALLEXPORTS_END_DATE": "2024-05-10T00:00:00Z"}
    )

    assert outcome.code == 0
    assert outcome.run.bookmark("burki_calls") == "2024-05-10T00:00:00.000000Z"


def test_configs_are_merged_setting_by_setting(box: Sandbox, tmp_path: Path) -> None:
    """The key may stand in another file, or a variable, than the address it is for."""
    below, above = tmp_path / "below.json", tmp_path / "above.json"
    below.write_text(json.dumps({"burki": box.burki.config() | {"api_key": CANARY}} | MAY))
    above.write_text(json.dumps({"burki": {"api_key": box.burki.config()["api_key"]}}))

    outcome = tap("--config", str(below), "--config", str(above))

    assert outcome.code == 0
    assert set(outcome.run.table("burki_calls")) == set(box.burki.truth("burki_calls"))


@pytest.mark.parametrize("env_is_last", [True, False])
def test_the_environment_is_merged_where_it_is_named(
    box: Sandbox, tmp_path: Path, *, env_is_last: bool
) -> None:
    """What comes last wins, setting by setting."""
    good = box.burki.config()
    wrong = {"api_key": CANARY}
    in_file, in_env = (good | wrong, {"api_key": good["api_key"]}) if env_is_last else (good, wrong)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"burki": in_file} | MAY))
    options = ["--config", str(path), "--config=ENV"]

    outcome = tap(
        *(options if env_is_last else [options[2], *options[:2]]),
        env={"TAP_CALLEXPORTS_BURKI": json.dumps(in_env)},
    )

    assert outcome.code == 0
    assert "Skipping parse of env var" not in outcome.err


def test_a_config_that_is_no_file_name_is_not_shown(box: Sandbox) -> None:
    line = the_line_of(tap("--config", json.dumps({"burki": {"api_key": CANARY}})), box)

    assert line == "--config: takes the name of a file, or ENV; this is JSON itself"


def test_a_byte_order_mark_is_harmless(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"burki": box.burki.config()} | MAY), encoding="utf-8-sig")

    assert tap("--config", str(path), state="\ufeff{}").code == 0


def test_an_empty_state_file_is_no_state_and_a_warning(box: Sandbox) -> None:
    outcome = tap(config={"burki": box.burki.config()} | MAY, state=" \n")

    assert outcome.code == 0
    assert set(outcome.run.table("burki_calls")) == set(box.burki.truth("burki_calls"))
    [warning] = [line for line in outcome.logged("WARNING") if "--state" in line]
    assert warning == "--state: the file is empty; everything is read, as without a state"


def test_a_state_message_can_be_started_from(box: Sandbox) -> None:
    bookmark = {"replication_key_value": "2024-05-20T00:00:00.000000Z"}
    message = {"type": "STATE", "value": {"bookmarks": {"burki_calls": bookmark}}}

    outcome = tap(config={"burki": box.burki.config()} | MAY, state=message)

    assert outcome.code == 0
    first = min(record["started_at"] for record in outcome.run.records("burki_calls"))
    assert first >= "2024-05-19"


@pytest.mark.parametrize("name", ["LOGLEVEL", "TAP_CALLEXPORTS_LOGLEVEL"])
def test_an_unknown_log_level_is_one_line(box: Sandbox, name: str) -> None:
    outcome = tap(config={"burki": box.burki.config()} | MAY, env={name: "trace"})

    assert outcome.code == 1
    assert not box.burki.requests
    assert outcome.err == f"{name}: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL\n"


@pytest.mark.parametrize("content", ["", "a: [", "[1]", "version: 1\nhandlers: {a: {class: no}}"])
def test_a_file_that_is_no_log_config_is_one_line(
    box: Sandbox, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "logging.yaml"
    path.write_text(content)

    outcome = tap(
        config={"burki": box.burki.config()} | MAY, env={"SINGER_SDK_LOG_CONFIG": str(path)}
    )

    assert outcome.code == 1
    assert not box.burki.requests
    [line] = outcome.err.splitlines()
    assert "SINGER_SDK_LOG_CONFIG: the file it names is not a logging configuration" in line


def test_an_empty_name_of_a_log_config_is_none(box: Sandbox) -> None:
    env = {"SINGER_SDK_LOG_CONFIG": ""}

    assert tap(config={"burki": box.burki.config()} | MAY, env=env).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{{{CANARY}", "JSON"),
        ("null", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('"x"', "must be a JSON object"),
        ("7", "must be a JSON object"),
        ('{"bookmarks": {"videsk_calls": "2024-05-01"}}', "videsk_calls"),
        ('{"bookmarks": {"videsk_calls": {"progress_markers": 7}}}', "videsk_calls"),
    ],
)
def test_a_state_file_that_is_no_state_is_one_line(box: Sandbox, content: str, words: str) -> None:
    line = the_line_of(tap(config=box.config() | MAY, state=content), box)

    assert "state" in line
    assert words in line


@pytest.mark.parametrize(
    "content",
    [
        "",
        f"{{{CANARY}",
        "null",
        "[" * 100_000,
        "{}",
        "[]",
        '{"streams": {}}',
        '{"streams": ["videsk_calls"]}',
        '{"streams": [{"schema": {}}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls"}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls", "schema": {}}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls", "schema": []}]}',
        '{"streams": [{"tap_stream_id": 7, "schema": {"properties": {}}}]}',
    ],
)
def test_a_catalog_file_that_is_no_catalog_is_one_line(box: Sandbox, content: str) -> None:
    line = the_line_of(tap(config=box.config() | MAY, catalog=content), box)

    assert line.startswith("--catalog: ")


def test_a_config_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "config"
    os.mkfifo(pipe)
    settings = json.dumps({"burki": {"api_key": "canary-5f0e21"}})
    writer = threading.Thread(target=pipe.write_text, args=(settings,), daemon=True)
    writer.start()
    config = read_config([str(pipe)])
    writer.join(5)
    assert config.config == json.loads(settings)
