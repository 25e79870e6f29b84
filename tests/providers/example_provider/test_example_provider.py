"""The recipe of CONTRIBUTING: a provider is a folder and a line, and gets all the rest with that.

`acme/` beside this file is the smallest provider there can be. It is put into a copy of the
package and registered there as a contributor would.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from process import Outcome, tap
from support import JSON, without_extra

from tap_callexports.compat import override

ACME = Path(__file__).parent / "acme"
ROOT = Path(__file__).resolve().parents[3]
START = datetime(2024, 5, 1, tzinfo=timezone.utc)
PAGE = 5
KEY = "acme-canary-key"


def registered(root: Path) -> None:
    """Put the folder and the line into a copy of the package under `root`."""
    package = root / "tap_callexports"
    shutil.copytree(ROOT / "tap_callexports", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ACME, package / "providers" / "acme")
    registry = package / "providers" / "__init__.py"
    text, imported = re.subn(
        r"(?m)^(?=from tap_callexports\.providers\.)",
        "from tap_callexports.providers.acme.provider import Acme\n",
        registry.read_text("utf-8"),
        count=1,
    )
    # However many there are, on one line or on many.
    text, listed = re.subn(r"(?ms)^(PROVIDERS\b[^=]*= \(.*?),?\s*\)$", r"\1, Acme)", text)
    assert (imported, listed) == (1, 1), f"Acme found no place in {registry.name}:\n{text}"
    registry.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fifth")
    registered(root)
    return root


class Acme(ThreadingHTTPServer):
    """The invented API: ranges, cursors, and a key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        times = [START + timedelta(hours=7 * number) for number in range(40)]
        self.calls: list[JSON] = [
            {"id": f"call-{number}", "started_at": time.isoformat(), "duration": number}
            for number, time in enumerate(times)
        ]
        self.asked = 0

    def page(self, query: dict[str, str]) -> JSON:
        low, high = (datetime.fromisoformat(query[name][:19] + "+00:00") for name in ("from", "to"))
        inside = [c for c in self.calls if low <= datetime.fromisoformat(c["started_at"]) < high]
        first = int(query.get("cursor", "0"))
        rest = len(inside) > first + PAGE
        return {"calls": inside[first : first + PAGE], "next": str(first + PAGE) if rest else None}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Acme)
        server.asked += 1
        url = urlsplit(self.path)
        good = self.headers["Authorization"] == f"Bearer {KEY}" and url.path == "/calls"
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = json.dumps(server.page(query) if good else {"error": "no"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


@contextmanager
def serving() -> Iterator[Acme]:
    with Acme() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def run(package: Path, server: Acme, *, key: str = KEY, state: JSON | None = None) -> Outcome:
    config = {
        "start_date": START.isoformat(),
        "acme": {"api_key": key, "api_url": f"http://127.0.0.1:{server.server_port}"},
    }
    return tap(config=config, state=state, env={"PYTHONPATH": str(package)})


def test_its_settings_and_streams_are_there(package: Path) -> None:
    env = {"PYTHONPATH": str(package)}
    about = json.loads(tap("--about", "--format=json", env=env).out)
    assert about["settings"]["properties"]["acme"]["properties"]["lookback_hours"]["default"] == 24
    catalog = json.loads(tap("--discover", config={}, env=env).out)
    entry = next(s for s in catalog["streams"] if s["tap_stream_id"] == "acme_calls")
    assert entry["replication_method"] == "INCREMENTAL"


def test_it_exports_every_call_and_asks_once_when_there_is_nothing_new(package: Path) -> None:
    with serving() as server:
        first = run(package, server)
        assert first.code == 0, first.err
        records = [line["record"] for line in first.lines if line["type"] == "RECORD"]
        assert len(records) == 40
        by_id = {record["id"]: record for record in records}
        assert all(
            without_extra(by_id[call["id"]])
            == {**call, "started_at": call["started_at"].replace("+00:00", ".000000Z")}
            for call in server.calls
        )
        asked = server.asked
        second = run(package, server, state=first.run.state)
        assert second.code == 0
        assert server.asked == asked + 1
    assert not [line for line in second.lines if line["type"] == "RECORD"]


def test_its_mistakes_are_told_like_everybody_elses(package: Path) -> None:
    with serving() as server:
        refused = run(package, server, key="wrong-key")
        assert refused.code == 1
        assert server.asked == 1
    *_, line = refused.errors
    assert "failed: Acme: 401, acme.api_key was refused" in line
    assert "wrong-key" not in refused.err
    unknown = tap(config={"acme": {"colour": "red"}}, env={"PYTHONPATH": str(package)})
    assert "acme.colour" in unknown.err


def test_it_is_as_strictly_typed_as_the_others(package: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "-p",
            "tap_callexports.providers.acme",
        ],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
