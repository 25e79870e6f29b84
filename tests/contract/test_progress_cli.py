"""What a run shows: a bar to who watches a terminal, lines and fields to everybody else."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from expected_streams import BY_NAME, OFF
from process import PROGRAM, command, environment, started, tap
from support import PROVIDERS, run_tap, secrets_in
from terminals import ERASE, fields_of, structured, summaries, watch

from sandbox import Fault, Sandbox

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
#: What tells when a run was.
EXTRACTED = re.compile(rb'"(time_extracted|as_of)":"[^"]*"')
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ \| (INFO|WARNING|ERROR) +\| [\w.-]+ +\| \S.*$")


@pytest.mark.slow
def test_a_terminal_shows_a_bar_that_reaches_its_end(box: Sandbox) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.5, times=8))
    box.videsk.faults.add(Fault("slow", seconds=0.3, times=4), path="/forms")
    config = {"burki": box.burki.config(), "videsk": box.videsk.config(), **MAY}
    run = watch(config)
    assert run.code == 0
    moving = [frame for frame in run.frames if re.match(r"burki_calls .*%", frame)]
    shares = [int(frame.split("%")[0].split()[-1]) for frame in moving]
    assert shares == sorted(shares)
    assert any(0 < share < 100 for share in shares)
    bar = re.compile(r"burki_calls +[━╸╺]{30}  \d+%  \d:\d\d:\d\d left  \d+ rows  \d+/s *")
    assert any(bar.fullmatch(frame) for frame in moving)
    # A long name leaves room for the bar.
    form = re.compile(r"videsk_forms \(form_id \w+\)  [━╸╺]{10,}  .* rows")
    assert any(form.match(frame) for frame in run.frames)
    done = re.compile(r"burki_calls: complete after \d+\.\d s: 200 rows, .*, 4 requests, bookmark")
    assert sum(bool(done.search(line)) for line in run.screen) == 1
    assert sum("videsk_forms (form_id " in line for line in run.screen) == 2
    # News of windows are spared.
    lines = [line for line in run.screen if "|" in line]
    assert "run ended after" in lines[-1]
    assert [line for line in lines if " window " in line or "reading" in line] == []
    assert run.shown.endswith(ERASE), "no bar is left"
    assert EXTRACTED.sub(b"", run.out) == EXTRACTED.sub(b"", tap(config=config).out.encode())


def test_log_lines_stay_whole_beside_the_bar_which_says_why_a_request_is_repeated(
    box: Sandbox,
) -> None:
    box.burki.faults.add(Fault("status", times=2, headers={"Retry-After": "1"}))
    box.burki.clock_offset_seconds = 3600.0
    config = {"burki": box.burki.config(), **MAY}
    run = watch(config, env={"TAP_CALLEXPORTS_LOGLEVEL": "DEBUG"})
    lines = [line for line in run.screen if re.search(r"\| (INFO|WARNING)", line)]
    assert len(lines) > 10
    assert [line for line in lines if not LOG_LINE.match(line)] == []
    assert sum(" of 8, next in 1 s" in line for line in lines) == 2
    assert sum("this machine's clock is" in line for line in lines) == 1
    assert any("503" in frame for frame in run.frames if frame.startswith("burki_call"))
    assert [secret for secret in secrets_in(config) if secret in run.shown] == []
    assert re.findall(r"\+1 ?555|\+\d{8,}", run.shown) == []


def test_no_bar_is_wider_than_the_terminal(box: Sandbox) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.3, times=3))
    run = watch({"burki": box.burki.config(), **MAY}, columns=50)
    assert run.frames
    assert max(map(len, run.frames)) <= 50


@pytest.mark.parametrize("why", ["dumb", "structured"])
def test_there_is_no_bar_where_nobody_could_see_it(box: Sandbox, tmp_path: Path, why: str) -> None:
    env = {"TERM": "dumb"} if why == "dumb" else structured(tmp_path)
    run = watch({"burki": box.burki.config(), **MAY}, env=env)
    assert run.code == 0
    assert "\x1b" not in run.shown
    assert re.search(r"burki_calls: complete after \d+\.\d s: 200 rows", run.shown)


def test_a_run_without_a_terminal_writes_no_control_characters(box: Sandbox) -> None:
    run = command(config=box.config() | MAY)
    assert run.code == 0
    assert re.findall(r"[^\n -~]", run.err) == []
    assert all(LOG_LINE.match(line) for line in run.err.splitlines())


def test_a_terminal_that_goes_away_does_not_end_the_run(box: Sandbox, tmp_path: Path) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.5))
    ours, theirs = pty.openpty()
    path, out = tmp_path / "config.json", tmp_path / "out"
    path.write_text(json.dumps({"burki": box.burki.config(), **MAY}))
    with out.open("wb") as file:
        process = subprocess.Popen(
            [*PROGRAM, "--config", str(path)],
            stdout=file,
            stderr=theirs,
            env=environment({"TERM": "xterm"}),
            start_new_session=True,
        )
        os.close(theirs)
        os.read(ours, 1)
        os.close(ours)
        process.wait(60)
    records = sum(len(box.truth(name)) for name in box.burki.streams if name not in OFF)
    assert out.read_bytes().count(b'"type":"RECORD"') == records > 0


@pytest.mark.slow
def test_the_summary_is_what_the_sandbox_counted(box: Sandbox, tmp_path: Path) -> None:
    for api in box.apis.values():
        api.faults.add(Fault("status", status=500, times=2), skip=2)
    call = next(row for row in box.anunzi.rows if row.canonical["start_timestamp"])
    box.anunzi.amend(call, duration_ms="long")
    run = command(config=box.config() | MAY, env=structured(tmp_path))
    assert run.code == 0
    found = summaries(run.err)
    assert {line["outcome"] for line in found.values()} == {"complete"}
    assert found["anunzi_calls"]["numbers"]["invalid"] == 1
    for stream, line in found.items():
        assert line["numbers"]["rows"] == len(run.run.records(stream))
        assert line["bookmark"] in {None, "2024-06-01T00:00:00.000000Z"}
    for name in PROVIDERS:
        numbers = [found[stream]["numbers"] for stream in found if BY_NAME[stream].api == name]
        assert sum(each["requests"] for each in numbers) == len(box.apis[name].requests)
        assert sum(each["retries"] for each in numbers) == 2
    [whole] = [line for line in fields_of(run.err) if "streams" in line]
    assert whole["rows"] == sum(line["type"] == "RECORD" for line in run.lines)
    assert whole["requests"] == sum(len(api.requests) for api in box.apis.values())
    assert whole["retries"] == 2 * len(box.apis)
    assert (whole["incomplete"], whole["not_begun"]) == (0, [])


def test_a_stream_that_fails_says_where_the_next_run_begins(box: Sandbox, tmp_path: Path) -> None:
    box.burki.faults.add(Fault("status", status=422, times=99), skip=3)
    box.anunzi.faults.add(Fault("status", status=403, times=99))
    config = {"burki": box.burki.config(), "anunzi": box.anunzi.config(), **MAY}
    run = command(config=config, env=structured(tmp_path))
    assert run.code == 1
    found = summaries(run.err)
    assert found["anunzi_calls"]["outcome"] == "forbidden"
    assert found["burki_call_list"]["outcome"] == found["burki_calls"]["outcome"] == "failed"
    assert found["burki_call_list"]["bookmark"] == run.run.bookmark("burki_call_list")
    assert found["burki_calls"]["next_from"] == "2024-05-01T00:00:00.000000Z"
    # And there it begins.
    box.burki.faults.clear()
    box.burki.requests.clear()
    assert run_tap(config, state=run.run.state, streams=["burki_call_list"]).code == 0
    begun = min(request.query["date_from"] for request in box.burki.requests)
    assert begun[:19] == found["burki_call_list"]["next_from"][:19]


def test_a_run_that_is_stopped_says_what_is_done_and_what_is_not(
    box: Sandbox, tmp_path: Path
) -> None:
    box.burki.faults.add(Fault("slow", seconds=60, times=9), path="/export")
    with started(box.config() | MAY, env=structured(tmp_path)) as run:
        run.read_until(lambda: box.burki.faults.pending < 9)
        run.process.send_signal(signal.SIGTERM)
        outcome = run.finish(within=5)
    assert outcome.code == 143
    found = summaries(outcome.err)
    assert found["anunzi_calls"]["outcome"] == "complete"
    assert found["burki_calls"]["outcome"] == "stopped"
    [whole] = [line for line in fields_of(outcome.err) if "streams" in line]
    # Streams are read in the order of their names.
    assert whole["not_begun"] == sorted(n for n in {*BY_NAME} - {*OFF} if n > "burki_calls")
    assert whole["incomplete"] == 1
