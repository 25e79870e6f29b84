"""The three APIs of the benchmark on 127.0.0.1, a process each: `with serving(plan) as server`.

They page, filter by time and cap as the providers do, and answer with bytes encoded beforehand.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.plan import EPOCH, MILLISECOND, UTC, Plan
from benchmarks.rows import (
    CSV_HEADER,
    VIDESK_COLUMNS,
    anunzi_rows,
    burki_rows,
    videsk_rows,
)
from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[1]
#: Where the server tells how many requests it has had.
_COUNT = "/requests"
_ANUNZI_PAGE = 1000
_PATIENCE = 60
Query = dict[str, Any]


class Api(ABC):
    """A provider's rows, and how it answers requests for them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times = plan.times()

    @abstractmethod
    def answer(self, path: str, asked: Query) -> tuple[str, bytes]:
        """Content type and body; KeyError for what there is not.

        Args:
            path: Without the query.
            asked: The JSON body of a POST, the query of a GET.
        """


class Anunzi(Api):
    """A call list with a cursor, at most 1000 calls a page."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._rows = anunzi_rows(plan)

    @override
    def answer(self, path: str, asked: Query) -> tuple[str, bytes]:
        if path != "/v3/list-calls":
            raise KeyError(path)
        between = asked.get("filter_criteria", {}).get("start_timestamp")
        first, last = 0, len(self.times)
        if between:
            first = bisect_left(self.times, between["low_threshold"])
            last = bisect_right(self.times, between["high_threshold"])
        first = int(asked.get("pagination_key") or first)
        after = min(first + min(asked.get("limit", 50), _ANUNZI_PAGE), last)
        items = b"".join(chain.from_iterable((*row, b",") for row in self._rows[first:after]))
        more = after < last
        end = json.dumps({"has_more": more, "pagination_key": str(after) if more else None})
        return "application/json", b'{"items":[%s],%s' % (items[:-1], end[1:].encode())


class Burki(Api):
    """One file of any size, as JSON or CSV, and a count."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._json = burki_rows(plan, as_csv=False)
        self._csv = burki_rows(plan, as_csv=True)

    @override
    def answer(self, path: str, asked: Query) -> tuple[str, bytes]:
        first, after = 0, len(self.times)
        if "date_from" in asked:
            first = bisect_left(self.times, _epoch_ms(asked["date_from"]))
        if "date_to" in asked:
            after = bisect_right(self.times, _epoch_ms(asked["date_to"]))
        if path == "/api/v1/calls/count":
            return "application/json", b'{"count":%d}' % (after - first)
        if path != "/api/v1/calls/export":
            raise KeyError(path)
        if asked.get("format") == "csv":
            return "text/csv", b"".join([CSV_HEADER, *self._csv[first:after]])
        return "application/json", b"[\n%s\n]" % b",\n".join(self._json[first:after])


class Videsk(Api):
    """A report without paging: what the cap leaves of a range."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._rows = videsk_rows(plan)
        columns = json.dumps(VIDESK_COLUMNS).encode()
        self._end = b'],"columns":%s,"$limit":%d}' % (columns, plan.cap)

    @override
    def answer(self, path: str, asked: Query) -> tuple[str, bytes]:
        if path != "/reports/exports/calls":
            raise KeyError(path)
        first = bisect_left(self.times, _epoch_ms(asked["start"]))
        rows = self._rows[first : bisect_right(self.times, _epoch_ms(asked["end"]))]
        ordered = rows if asked.get("$sort", 1) > 0 else rows[::-1]
        return "application/json", b'{"data":[' + b",".join(ordered[: self.plan.cap]) + self._end


APIS: dict[str, type[Api]] = {"anunzi": Anunzi, "burki": Burki, "videsk": Videsk}


class Server:
    """A running server.

    Attributes:
        plan: What it holds.
        url: Its address.
    """

    def __init__(self, plan: Plan, port: int) -> None:
        self.plan = plan
        self.url = f"http://127.0.0.1:{port}"

    def requests(self) -> int:
        """Requests since this was asked last."""
        open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        with open_url(self.url + _COUNT, timeout=_PATIENCE) as reply:
            return int(reply.read())


@contextlib.contextmanager
def serving(plan: Plan) -> Iterator[Server]:
    """A server in a process of its own, while the context lasts."""
    command = [sys.executable, "-m", "benchmarks.server", plan.to_json()]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield Server(plan, int(process.stdout.readline()))
        finally:
            process.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; waiting to join them would cost 40 ms an answer.
    disable_nagle_algorithm = True
    api: Api
    count = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == _COUNT:
            with _Handler.lock:
                count, _Handler.count = _Handler.count, 0
            self._send(200, "text/plain", str(count).encode())
            return
        self._answer(parts.path, {name: value[0] for name, value in parse_qs(parts.query).items()})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(urlsplit(self.path).path, json.loads(body))

    def _answer(self, path: str, asked: Query) -> None:
        with _Handler.lock:
            _Handler.count += 1
        time.sleep(self.api.plan.latency)
        try:
            kind, body = self.api.answer(path, asked)
        except KeyError:
            self._send(404, "text/plain", b"")
        else:
            self._send(200, kind, body)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
        """Say nothing: the terminal is for the figures."""


def _epoch_ms(text: str) -> float:
    """Epoch milliseconds of ISO text, UTC where it names no zone."""
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - EPOCH) / MILLISECOND


def main() -> None:
    """Serve the plan of the command line, and print the port."""
    plan = Plan.from_json(sys.argv[1])
    _Handler.api = APIS[plan.provider](plan)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        print(server.server_port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
