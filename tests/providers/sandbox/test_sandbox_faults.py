from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests
from sandbox_clients import burki, videsk

from sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from sandbox.faults import Kind


def test_a_status_with_headers_then_peace(box: Sandbox, http: requests.Session) -> None:
    box.videsk.faults.add(Fault("status", status=429, times=2, headers={"Retry-After": "1"}))
    replies = [videsk(box, http) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 429, 201]
    assert replies[0].headers["Retry-After"] == "1"
    assert replies[0].json()["className"] == "too-many-requests"
    assert [logged.status for logged in box.videsk.requests] == [429, 429, 201]
    assert box.videsk.faults.pending == 0


def test_skip_every_path_and_body(box: Sandbox, http: requests.Session) -> None:
    box.burki.faults.add(Fault("status", status=500), path="/count", skip=1)
    assert burki(box, http, "count").status_code == 200
    assert burki(box, http, format="json").status_code == 200
    crash = burki(box, http, "count")
    assert (crash.status_code, crash.text) == (500, "Internal Server Error")
    box.burki.faults.add(Fault("status", status=502, body="bad gateway", every=3, times=2))
    seen = [burki(box, http, "count").status_code for _ in range(9)]
    assert seen == [200, 200, 502, 200, 200, 502, 200, 200, 200]


def test_a_fault_may_wait_for_a_certain_request(box: Sandbox, http: requests.Session) -> None:
    box.videsk.faults.add(Fault("empty"), when=lambda request: request.body["$sort"] == -1)
    assert videsk(box, http).content
    assert videsk(box, http, **{"$sort": -1}).content == b""


@pytest.mark.parametrize("kind", ["reset", "cut_body"])
def test_broken_connections(box: Sandbox, http: requests.Session, kind: Kind) -> None:
    box.videsk.faults.add(Fault(kind))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        videsk(box, http)
    assert videsk(box, http).status_code == 201
    assert [logged.status for logged in box.videsk.requests] == [0 if kind == "reset" else 201, 201]


def test_broken_bodies(box: Sandbox, http: requests.Session) -> None:
    for kind in ("cut_json", "html", "empty"):
        box.videsk.faults.add(Fault(kind))
        reply = videsk(box, http)
        with pytest.raises(requests.JSONDecodeError):
            reply.json()
    box.videsk.faults.add(Fault("error_object"))
    assert "error" in videsk(box, http).json()
    box.burki.faults.add(Fault("html"))
    assert burki(box, http).headers["Content-Type"].startswith("text/html")


def test_a_redirect_leads_nowhere(box: Sandbox, http: requests.Session) -> None:
    box.burki.faults.add(Fault("redirect"))
    reply = burki(box, http)
    assert (reply.status_code, reply.headers["Location"]) == (302, "/elsewhere")
    http.get(f"{box.url}/elsewhere", timeout=10)
    assert [stray.path for stray in box.strays] == ["/elsewhere"]


def test_slow_answers_come_at_the_same_time(box: Sandbox, http: requests.Session) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.2))
    began = time.monotonic()
    assert burki(box, http, "count").status_code == 200
    assert time.monotonic() - began >= 0.2
    box.videsk.faults.add(Fault("slow", seconds=0.5))
    with pytest.raises(requests.ReadTimeout):
        http.post(f"{box.url}/videsk", timeout=0.1)


def test_a_closed_box_is_gone_and_comes_back(http: requests.Session) -> None:
    box = Sandbox(rows=5)
    with pytest.raises(RuntimeError):
        box.config()
    with box:
        url = box.url
        assert videsk(box, http).status_code == 201
    with pytest.raises(requests.ConnectionError):
        videsk(box, http)
    with box:
        assert box.url == url
        assert videsk(box, http).status_code == 201


def test_the_clock_may_be_wrong(box: Sandbox, http: requests.Session) -> None:
    right = burki(box, http, "count").headers["Date"]
    box.burki.clock_offset_seconds = 86_400
    assert burki(box, http, "count").headers["Date"][:16] != right[:16]
