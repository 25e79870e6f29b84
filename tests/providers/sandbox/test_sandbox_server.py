"""What the mocks share: one server, its faults and its log, and the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from sandbox_clients import burki, videsk

import sandbox
from sandbox import Fault, Sandbox
from sandbox.instants import parse, text

if TYPE_CHECKING:
    from sandbox.faults import Kind

PROVIDERS = pytest.mark.parametrize("provider", Sandbox(rows=0).apis)


def _ask(box: Sandbox, http: requests.Session, provider: str) -> requests.Response:
    """A request that every provider answers, with an error."""
    return http.get(f"{box.url}/{provider}/nothing", timeout=10, allow_redirects=False)


@PROVIDERS
def test_a_status_with_headers_then_peace(
    box: Sandbox, http: requests.Session, provider: str
) -> None:
    api = box.apis[provider]
    api.faults.add(Fault("status", status=429, times=2, headers={"Retry-After": "1"}))
    replies = [_ask(box, http, provider) for _ in range(3)]
    assert [reply.status_code == 429 for reply in replies] == [True, True, False]
    assert replies[0].headers["Retry-After"] == "1"
    assert replies[0].json()
    assert [logged.status for logged in api.requests] == [reply.status_code for reply in replies]
    assert api.faults.pending == 0


@PROVIDERS
@pytest.mark.parametrize("kind", ["reset", "cut_body", "cut_json", "empty", "redirect"])
def test_answers_are_broken_once(
    box: Sandbox, http: requests.Session, provider: str, kind: Kind
) -> None:
    honest = _ask(box, http, provider)
    box.apis[provider].faults.add(Fault(kind))
    if kind in ("reset", "cut_body"):
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            _ask(box, http, provider)
        assert box.apis[provider].requests[-1].status in (0, honest.status_code)
    else:
        assert _ask(box, http, provider).content != honest.content
    assert _ask(box, http, provider).content == honest.content


def test_faults_are_skipped_counted_and_aimed(box: Sandbox, http: requests.Session) -> None:
    faults = box.burki.faults
    faults.add(Fault("status", status=500), path="/count", skip=1)
    assert [burki(box, http, "count").ok, burki(box, http).ok] == [True, True]
    assert burki(box, http, "count").text == "Internal Server Error"
    faults.add(Fault("status", status=502, body="bad gateway", every=3, times=2))
    seen = [burki(box, http, "count").status_code for _ in range(9)]
    assert seen == [200, 200, 502, 200, 200, 502, 200, 200, 200]
    faults.add(Fault("html"), when=lambda request: request.query.get("status") == "failed")
    assert burki(box, http, "count").ok
    assert burki(box, http, "count", status="failed").headers["Content-Type"].startswith("text/h")
    http.get(f"{box.url}/elsewhere", timeout=10)  # where redirects lead
    assert [stray.path for stray in box.strays] == ["/elsewhere"]


def test_the_log_of_requests(box: Sandbox, http: requests.Session) -> None:
    videsk(box, http)
    burki(box, http, "count", status="failed")
    posted, got = box.videsk.requests[-1], box.burki.requests[-1]
    assert (posted.method, posted.path) == ("POST", "/videsk/reports/exports/calls")
    assert posted.body["timezone"] == "UTC"
    assert posted.headers["x-api-token"].startswith("Bearer ")
    assert (got.query, got.body, got.status) == ({"status": "failed"}, None, 200)


def test_control_from_outside(box: Sandbox, http: requests.Session) -> None:
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


def test_command_line(tmp_path: Path, http: requests.Session) -> None:
    target = tmp_path / "config.json"
    command = [sys.executable, "-m", "sandbox", "--rows", "30", "--end", "2024-06-01"]
    with subprocess.Popen(
        [*command, "--write-config", str(target)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(sandbox.__file__).parents[1],
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("sandbox ready on ").strip()
        config = json.loads(target.read_text())
        assert config["start_date"] == "2024-05-18T00:00:00Z"
        assert config["videsk"]["api_url"] == f"{url}/videsk"
        assert set(config) == {"start_date", *Sandbox(rows=0).apis}
        truth = http.get(f"{url}/control/truth/burki_calls", timeout=10).json()
        assert len(truth) == 30
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
