from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from expected_streams import entry_of
from sandbox_clients import anunzi, burki, twin24, videsk

import sandbox
from sandbox import Fault, Sandbox
from sandbox.instants import UTC, parse, text

if TYPE_CHECKING:
    import requests

ROOT = Path(sandbox.__file__).parents[1]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
#: The calls of each provider, with their time.
STREAMS = {
    api.streams[0]: str(entry_of(api.streams[0]).time) for api in Sandbox(rows=0).apis.values()
}


def _everything(box: Sandbox, http: requests.Session) -> list[bytes]:
    return [
        videsk(box, http).content,
        anunzi(box, http, limit=1000).content,
        anunzi(box, http, limit=10).content,
        twin24(box, http, limit=1000).content,
        burki(box, http).content,
        burki(box, http, format="json").content,
    ]


def test_equal_arguments_give_equal_bytes(http: requests.Session) -> None:
    answers = []
    for seed in (3, 3, 4):
        with Sandbox(seed=seed, rows=120) as box:
            before = _everything(box, http)
            box.grow(1)
            box.videsk.add(5, box.start, box.end)
            answers.append([*before, *_everything(box, http)])
    assert answers[0] == answers[1]
    assert all(one != other for one, other in zip(answers[0], answers[2], strict=True))


@pytest.mark.parametrize(("stream", "column"), STREAMS.items())
def test_truth_has_the_form_of_records(box: Sandbox, stream: str, column: str) -> None:
    truth = box.truth(stream)
    assert len(truth) >= 180
    times = [record[column] for record in truth.values()]
    assert all(INSTANT.fullmatch(value) for value in times)
    assert text(box.start) <= min(times) <= max(times) < text(box.end)
    for record in truth.values():
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in record)


def test_seconds_are_shared_by_some_calls() -> None:
    box = Sandbox(rows=2000)
    for stream, column in STREAMS.items():
        seconds = [record[column][:19] for record in box.truth(stream).values()]
        assert len(set(seconds)) < len(seconds)


def test_add_amend_remove(box: Sandbox, http: requests.Session) -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    for api in box.apis.values():
        assert len(api.add(20, day, day + timedelta(days=1))) == 20
        assert len(api.rows) == 220
        assert all(day <= row.at < day + timedelta(days=1) for row in api.rows[200:])
    row = box.burki.rows[210]
    box.burki.amend(row, status="failed", started_at=day + timedelta(days=9))
    query = {"format": "json", "date_from": "2026-01-10"}
    (shown,) = burki(box, http, **query).json()
    assert (shown["status"], shown["started_at"]) == ("failed", "2026-01-14T00:00:00")
    assert box.truth("burki_calls")[row.canonical["id"],]["status"] == "failed"
    box.burki.remove(row)
    assert burki(box, http, **query).json() == []
    assert (row.canonical["id"],) not in box.truth("burki_calls")
    new = box.burki.add_at(day)[0]
    assert new.canonical["id"] == 221


def test_hidden_rows_are_neither_served_nor_true(box: Sandbox, http: requests.Session) -> None:
    for api in box.apis.values():
        api.rows[0].visible = False
    assert len(videsk(box, http).json()["data"]) == 199
    assert len(anunzi(box, http, limit=1000).json()["items"]) == 199
    assert twin24(box, http).json()["count"] == 199
    assert burki(box, http, "count").json()["count"] == 199
    assert len(box.truth("videsk_calls")) == 199


def test_growth_adds_and_changes_recent_rows(box: Sandbox) -> None:
    old_end = box.end
    before = {name: list(api.rows) for name, api in box.apis.items()}
    records = {id(row): row.canonical for rows in before.values() for row in rows}
    until = old_end + timedelta(days=1)
    done = box.grow(5, until)
    assert box.end == until
    for name, api in box.apis.items():
        new = api.rows[len(before[name]) :]
        assert done[name]["added"] >= len(new) >= 20
        late = [row for row in new if row.sort_at < old_end]
        assert late
        assert all(old_end - timedelta(hours=20) <= row.at for row in new)
        assert all(row.at < until for row in new)
        changed = [row for row in before[name] if row.canonical != records[id(row)]]
        assert done[name]["changed"] >= len(changed) > 0
        assert all(old_end - timedelta(hours=20) <= row.at for row in changed)
    ended = [row for row in before["burki"] if records[id(row)]["status"] == "ongoing"]
    assert ended
    assert all(row.canonical["status"] != "ongoing" for row in ended)
    with pytest.raises(ValueError, match="moved on"):
        box.grow(5, old_end)


def test_control_over_http(box: Sandbox, http: requests.Session) -> None:
    control = f"{box.url}/control"
    assert http.get(f"{control}/health", timeout=10).json()["status"] == "ok"
    assert len(http.get(f"{control}/truth/videsk_calls", timeout=10).json()) == 200
    assert http.get(f"{control}/truth/nothing", timeout=10).status_code == 404
    videsk(box, http)
    assert http.get(f"{control}/requests/videsk", timeout=10).json() == {"count": 1}
    until = text(box.end + timedelta(days=2))
    grown = http.post(f"{control}/grow", json={"until": until}, timeout=10).json()
    assert set(grown) == set(box.apis)
    assert box.end == parse(until)
    assert http.post(f"{control}/grow", json={"until": "soon"}, timeout=10).status_code == 400
    assert http.post(f"{control}/grow", timeout=10).status_code == 200


def test_the_log_of_requests(box: Sandbox, http: requests.Session) -> None:
    videsk(box, http)
    burki(box, http, "count", status="failed")
    posted, got = box.videsk.requests[-1], box.burki.requests[-1]
    assert (posted.method, posted.path) == ("POST", "/videsk/reports/exports/calls")
    assert posted.body["timezone"] == "UTC"
    assert posted.headers["x-api-token"].startswith("Bearer ")
    assert (got.query, got.body, got.status) == ({"status": "failed"}, None, 200)
    box.burki.requests.clear()
    assert box.burki.requests == []


def test_many_clients_and_changes_at_once(box: Sandbox, http: requests.Session) -> None:
    def read(_: int) -> int:
        box.videsk.add_at(box.start)
        return len(videsk(box, http).json()["data"])

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(read, range(40)))
    assert max(counts) == 240
    box.videsk.faults.add(Fault("slow", seconds=0.1, times=8))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(8)))
    assert box.videsk.most_in_flight > 1


def test_large_sandboxes_are_quick(http: requests.Session) -> None:
    with Sandbox(rows=20_000) as box:
        began = time.process_time()
        for api in box.apis.values():
            assert len(api.rows) == 20_000
        assert time.process_time() - began < 10
        videsk(box, http)
        began = time.process_time()
        assert len(videsk(box, http).json()["data"]) == 5000
        assert time.process_time() - began < 1


def test_command_line(tmp_path: Path, http: requests.Session) -> None:
    target = tmp_path / "config.json"
    command = [sys.executable, "-m", "sandbox", "--rows", "30", "--end", "2024-06-01"]
    with subprocess.Popen(
        [*command, "--write-config", str(target)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("sandbox ready on ").strip()
        config = json.loads(target.read_text())
        assert config["start_date"] == "2024-05-18T00:00:00Z"
        assert config["videsk"]["api_url"] == f"{url}/videsk"
        assert set(config) == {"start_date", *Sandbox(rows=0).apis}
        truth = http.get(f"{url}/control/truth/burki_calls", timeout=10).json()
        assert len(truth) == 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
