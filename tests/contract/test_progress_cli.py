"""What a run shows: a bar to who watches a terminal, lines and fields to everybody else."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from expected_streams import BY_NAME, OFF
from process import started, tap
from support import run_tap, secrets_in
from terminals import ERASE, environment, fields_of, structured, summaries, watch

from sandbox import Fault, Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
#: What tells when a run was.
EXTRACTED = re.compile(rb'"(time_extracted|as_of)":"[^"]*"')
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ \| (INFO|WARNING|ERROR) +\| [\w.-]+ +\| \S.*$")


def test_a_terminal_shows_a_bar_that_reaches_its_end(box: Sandbox) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.5, times=8))

    run = watch(box.config() | MAY)

    assert run.code == 0
    moving = [frame for frame in run.frames if re.match(r"burki_calls .*%", frame)]
    shares = [int(frame.split("%")[0].split()[-1]) for frame in moving]
    assert shares == sorted(shares)
    assert any(0 < share < 100 for share in shares)
    bar = re.compile(r"burki_calls +[━╸╺]{30}  \d+%  \d:\d\d:\d\d left  \d+ rows  \d+/s *")
    assert any(bar.fullmatch(frame) for frame in moving)
    done = re.compile(r"burki_calls: complete after \d+\.\d s: 200 rows, .*, 8 requests, bookmark")
    assert sum(bool(done.search(line)) for line in run.screen) == 1
    assert sum("videsk_forms (form_id " in line for line in run.screen) == 2
    assert "run ended after" in [line for line in run.screen if "|" in line][-1]
    assert run.shown.endswith(ERASE), "no bar is left"


def test_the_bar_says_why_a_request_is_sent_again(box: Sandbox) -> None:
    box.burki.faults.add(Fault("status", status=503, times=1, headers={"Retry-After": "2"}))

    run = watch({"burki": box.burki.config(), **MAY})

    assert any(re.search(r"503.*; try 1 of 8, next in [12] s", frame) for frame in run.frames)


def test_log_lines_stay_whole_beside_the_bar(box: Sandbox) -> None:
    box.burki.faults.add(Fault("status", times=3, headers={"Retry-After": "1"}))
    box.burki.clock_offset_seconds = 3600.0

    run = watch({"burki": box.burki.config(), **MAY}, env={"TAP_CALLEXPORTS_LOGLEVEL": "INFO"})

    lines = [line for line in run.screen if "|" in line]
    assert len(lines) > 10
    assert [line for line in lines if not LOG_LINE.match(line)] == []
    assert sum(" of 8, next in 1 s" in line for line in lines) == 3
    assert sum("this machine's clock is" in line for line in lines) == 1
    assert any(frame.startswith("burki_call") for frame in run.frames)


def test_a_terminal_is_spared_the_news_but_not_the_warnings(box: Sandbox) -> None:
    box.burki.clock_offset_seconds = 3600.0

    run = watch({"burki": box.burki.config(), **MAY})

    lines = [line for line in run.screen if "|" in line]
    assert sum("WARNING" in line for line in lines) == 1
    assert [line for line in lines if " window " in line or "reading" in line] == []


def test_no_line_is_wider_than_the_terminal(box: Sandbox) -> None:
    box.videsk.faults.add(Fault("slow", seconds=0.3, times=20))
    run = watch({"videsk": box.videsk.config(), **MAY}, columns=50)

    assert run.code == 0
    assert run.frames
    assert max(map(len, run.frames)) <= 50


def test_a_long_name_of_a_partition_leaves_room_for_the_bar(box: Sandbox) -> None:
    box.videsk.faults.add(Fault("slow", seconds=0.3, times=20), path="/forms")
    run = watch({"videsk": box.videsk.config(), **MAY}, columns=100)

    frames = [frame for frame in run.frames if frame.startswith("videsk_forms (")]
    assert any(re.match(r"videsk_forms \(form_id \w+\)  [━╸╺]{10,}  .* rows", f) for f in frames)


def test_the_output_is_the_same_with_and_without_a_terminal(box: Sandbox) -> None:
    config = {"burki": box.burki.config(), "twin24": box.twin24.config(), **MAY}

    seen, unseen = watch(config), tap(config=config)

    assert seen.out.count(b"\n") > 800
    assert EXTRACTED.sub(b"", seen.out) == EXTRACTED.sub(b"", unseen.out.encode())


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"SINGER_SDK_LOG_CONFIG": "json"}])
def test_there_is_no_bar_where_nobody_could_see_it(
    box: Sandbox, tmp_path: Path, env: dict[str, str]
) -> None:
    if "SINGER_SDK_LOG_CONFIG" in env:
        env = structured(tmp_path)
    run = watch({"burki": box.burki.config(), **MAY}, env=env)

    assert run.code == 0
    assert "\x1b" not in run.shown
    assert re.search(r"burki_calls: complete after \d+\.\d s: 200 rows", run.shown)


def test_a_run_without_a_terminal_writes_no_control_characters(box: Sandbox) -> None:
    run = tap(config=box.config() | MAY)

    assert run.code == 0
    assert re.findall(r"[^\n -~]", run.err) == []
    assert all(LOG_LINE.match(line) for line in run.err.splitlines())


def test_what_draws_is_loaded_for_a_terminal_only() -> None:
    script = (
        "import sys; from tap_callexports.__main__ import main\n"
        "try: main()\n"
        "finally: print({'rich', 'tap_callexports.progress.bar'} & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--version"],
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert done.stderr.decode().splitlines()[-1] == "set()"


def test_a_terminal_that_goes_away_does_not_end_the_run(box: Sandbox, tmp_path: Path) -> None:
    box.burki.faults.add(Fault("slow", seconds=1))
    ours, theirs = pty.openpty()
    path, out = tmp_path / "config.json", tmp_path / "out"
    path.write_text(json.dumps({"burki": box.burki.config(), **MAY}))
    with out.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_callexports", "--config", str(path)],
            stdout=file,
            stderr=theirs,
            env=environment(TERM="xterm"),
            start_new_session=True,
        )
        os.close(theirs)
        os.read(ours, 1)
        os.close(ours)
        process.wait(60)
    on = [name for name in box.burki.streams if name not in OFF]
    records = sum(len(box.truth(name)) for name in on)
    assert out.read_bytes().count(b'"type":"RECORD"') == records > 0


def test_the_summary_is_what_the_sandbox_counted(box: Sandbox, tmp_path: Path) -> None:
    for api in box.apis.values():
        api.faults.add(Fault("status", status=500, times=2), skip=2)

    run = tap(config=box.config() | MAY, env=structured(tmp_path))

    assert run.code == 0
    found = summaries(run.err)
    assert {line["outcome"] for line in found.values()} == {"complete"}
    for stream, line in found.items():
        assert line["numbers"]["rows"] == len(run.run.records(stream))
        assert line["bookmark"] in {None, "2024-06-01T00:00:00.000000Z"}
    for name, api in box.apis.items():
        numbers = [line["numbers"] for stream, line in found.items() if stream.startswith(name)]
        assert sum(each["requests"] for each in numbers) == len(api.requests)
        assert sum(each["retries"] for each in numbers) == 2
    [whole] = [line for line in fields_of(run.err) if "streams" in line]
    assert whole["rows"] == sum(line["type"] == "RECORD" for line in run.lines)
    assert whole["requests"] == sum(len(api.requests) for api in box.apis.values())
    assert whole["retries"] == 2 * len(box.apis)
    assert (whole["incomplete"], whole["not_begun"]) == (0, [])


def test_the_summary_counts_what_was_left_out(box: Sandbox, tmp_path: Path) -> None:
    box.anunzi.amend(box.anunzi.rows[5], duration_ms="long")
    run = tap(config={"anunzi": box.anunzi.config(), **MAY}, env=structured(tmp_path))
    assert summaries(run.err)["anunzi_calls"]["numbers"]["invalid"] == 1


def test_a_stream_that_fails_says_where_the_next_run_begins(box: Sandbox, tmp_path: Path) -> None:
    box.burki.faults.add(Fault("status", status=422, times=99), skip=3)
    config = {"burki": box.burki.config(), **MAY}

    run = tap(config=config, env=structured(tmp_path))

    assert run.code == 1
    found = summaries(run.err)
    assert {line["outcome"] for line in found.values()} == {"failed"}
    assert found["burki_call_list"]["bookmark"] == run.run.bookmark("burki_call_list")
    assert found["burki_calls"]["next_from"] == "2024-05-01T00:00:00.000000Z"
    assert sum(line["numbers"]["requests"] for line in found.values()) == len(box.burki.requests)
    # And there it begins.
    box.burki.faults.clear()
    box.burki.requests.clear()
    assert run_tap(config, state=run.run.state, streams=["burki_call_list"]).code == 0
    begun = min(request.query["date_from"] for request in box.burki.requests)
    assert begun[:19] == found["burki_call_list"]["next_from"][:19]


def test_a_forbidden_stream_is_told_from_a_failed_one(box: Sandbox) -> None:
    box.anunzi.faults.add(Fault("status", status=403, times=99))
    run = watch({"anunzi": box.anunzi.config(), **MAY})

    assert run.code == 1
    [line] = [line for line in run.screen if "anunzi_calls: forbidden after" in line]
    assert line.endswith("next run from 2024-05-01T00:00Z")


def test_a_run_that_is_stopped_says_what_is_done_and_what_is_not(
    box: Sandbox, tmp_path: Path
) -> None:
    box.burki.faults.add(Fault("slow", seconds=60, times=9), path="/export")
    config = box.config() | MAY
    del config["videsk"]
    with started(config, env=structured(tmp_path)) as run:
        run.read_until(lambda: box.burki.faults.pending < 9)
        run.process.send_signal(signal.SIGTERM)
        outcome = run.finish(within=5)
    box.burki.faults.clear()

    assert outcome.code == 143
    found = summaries(outcome.err)
    assert found["anunzi_calls"]["outcome"] == "complete"
    assert found["burki_calls"]["outcome"] == "stopped"
    [whole] = [line for line in fields_of(outcome.err) if "streams" in line]
    # Streams are read in the order of their names.
    due = [name for name in sorted(set(BY_NAME) - set(OFF)) if name > "burki_calls"]
    assert whole["not_begun"] == [name for name in due if name not in box.videsk.streams]
    assert whole["incomplete"] == 1


@pytest.mark.covers(162)
def test_a_loader_that_does_not_read_is_told(box: Sandbox, tmp_path: Path) -> None:
    script = (
        "import tap_callexports.progress.lines as p; p.SILENCE = 0.2\n"
        "from tap_callexports.__main__ import main; main()"
    )
    path = tmp_path / "config.json"
    path.write_text(json.dumps(box.config() | MAY))
    process = subprocess.Popen(
        [sys.executable, "-c", script, "--config", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout
    assert process.stderr
    log, told = process.stderr, threading.Event()
    lines: list[str] = []

    def read() -> None:
        for line in log:
            lines.append(line.decode())
            if "still waiting: target backpressure" in lines[-1]:
                told.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert told.wait(60)
    process.stdout.read()
    assert process.wait(60) == 0
    reader.join(60)
    process.stdout.close()
    log.close()


def test_no_secret_and_no_number_is_shown(box: Sandbox) -> None:
    config: dict[str, Any] = box.config() | MAY
    box.burki.faults.add(Fault("slow", seconds=0.5))

    run = watch(config, env={"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"})

    assert [secret for secret in secrets_in(config) if secret in run.shown] == []
    assert re.findall(r"\+1 ?555|\+\d{8,}", run.shown) == []


def test_nothing_new_is_said_in_a_word(box: Sandbox, tmp_path: Path) -> None:
    config = {"burki": box.burki.config() | {"lookback_hours": 0}, **MAY}
    state = tmp_path / "state.json"
    state.write_text(json.dumps(run_tap(config).state))

    run = watch(config, "--state", str(state))

    [line] = [line for line in run.screen if "burki_calls: complete" in line]
    assert re.search(r"complete after 0\.\d s: 0 rows, bookmark", line)


def test_a_connection_test_has_no_summary(box: Sandbox, tmp_path: Path) -> None:
    config = {"burki": box.burki.config(), **MAY}
    run = tap("--test", config=config, env=structured(tmp_path))

    assert run.code == 0
    # The table is no part of the log.
    log = "\n".join(line for line in run.err.splitlines() if line.startswith("{"))
    assert [line for line in fields_of(log) if "outcome" in line or "streams" in line] == []
