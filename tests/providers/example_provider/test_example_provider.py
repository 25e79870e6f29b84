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
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from process import Outcome, tap
from support import HOUR, JSON, UTC, instant, text, without_extra

from tap_callexports.compat import override

ACME = Path(__file__).parent / "acme"
ROOT = Path(__file__).resolve().parents[3]
START = datetime(2024, 5, 1, tzinfo=UTC)
CALLS: list[JSON] = [
    {"id": f"call-{number}", "started_at": text(START + number * 7 * HOUR), "duration": number}
    for number in range(40)
]
PAGE = 5
KEY = "acme-canary-key"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the provider's folder in it, and its line in the registry."""
    root = tmp_path_factory.mktemp("with_acme")
    copy = root / "tap_callexports"
    shutil.copytree(ROOT / "tap_callexports", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ACME, copy / "providers" / "acme")
    registry = copy / "providers" / "__init__.py"
    line = "from tap_callexports.providers.acme.provider import Acme\n"
    before = registry.read_text("utf-8")
    after, imported = re.subn(r"(?m)^(?=from tap_callexports\.providers\.)", line, before, count=1)
    # However many there are, on one line or on many.
    after, listed = re.subn(r"(?ms)^(PROVIDERS\b[^=]*= \(.*?),?\s*\)$", r"\1, Acme)", after)
    assert (imported, listed) == (1, 1), f"Acme found no place in {registry.name}:\n{after}"
    registry.write_text(after, "utf-8")
    return root


class Acme(ThreadingHTTPServer):
    """The invented API: ranges, cursors, and a key."""

    daemon_threads = True
    requests = 0

    def respond(self, url: str, credential: str) -> tuple[int, JSON]:
        self.requests += 1
        path, query = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query))
        if (path, credential) != ("/calls", f"Bearer {KEY}"):
            return 401, {"error": "no"}
        start, end = instant(query["from"]), instant(query["to"])
        inside = [call for call in CALLS if start <= instant(call["started_at"]) < end]
        first = int(query.get("cursor", "0"))
        following = str(first + PAGE) if len(inside) > first + PAGE else None
        return 200, {"calls": inside[first : first + PAGE], "next": following}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Acme)
        status, reply = self.server.respond(self.path, self.headers["Authorization"])
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


@pytest.fixture
def server() -> Iterator[Acme]:
    with Acme(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def run(package: Path, server: Acme, *, key: str = KEY, state: JSON | None = None) -> Outcome:
    settings = {"api_key": key, "api_url": f"http://127.0.0.1:{server.server_port}"}
    config = {"start_date": START.isoformat(), "acme": settings}
    return tap(config=config, state=state, env={"PYTHONPATH": str(package)})


def test_its_settings_and_streams_are_there(package: Path) -> None:
    env = {"PYTHONPATH": str(package)}
    about = json.loads(tap("--about", "--format=json", env=env).out)
    assert about["settings"]["properties"]["acme"]["properties"]["lookback_hours"]["default"] == 24
    catalog = json.loads(tap("--discover", config={}, env=env).out)
    [entry] = [one for one in catalog["streams"] if one["tap_stream_id"] == "acme_calls"]
    assert entry["replication_method"] == "INCREMENTAL"


def test_it_exports_every_call_and_asks_once_when_there_is_nothing_new(
    package: Path, server: Acme
) -> None:
    first = run(package, server)
    assert first.code == 0, first.err
    assert list(map(without_extra, first.run.records("acme_calls"))) == CALLS
    before = server.requests
    second = run(package, server, state=first.run.state)
    assert (second.code, second.run.records("acme_calls")) == (0, [])
    assert server.requests == before + 1


@pytest.mark.slow
def test_it_is_as_strictly_typed_as_the_others(package: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
    done = subprocess.run(
        [*command, "-p", "tap_callexports.providers.acme"],
        cwd=package,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
