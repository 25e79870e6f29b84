"""Files and variables handed to the command line: what is wrong with them is one line."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest
from process import Outcome, tap
from settings_table import changed

from tap_callexports.core.singer.input import read_config

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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "JSON"),
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
        "{}",
        "[]",
        '{"streams": {}}',
        '{"streams": ["videsk_calls"]}',
        '{"streams": [{"schema": {}}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls"}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls", "schema": {}}]}',
        '{"streams": [{"tap_stream_id": "videsk_calls", "schema": []}]}',
        '{"streams": [{"tap_stream_id": "x", "schema": {"properties": {}}, "metadata": 7}]}',
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
