"""What a run says while it waits, and of each window."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from raw_server import Asked, RawServer, http
from seam import fake_clock, limits
from singer_sdk.authenticators import BearerTokenAuthenticator
from support import run_tap

from sandbox import Fault, Sandbox
from tap_callexports.http.client import HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.retry import HttpSettings
from tap_callexports.progress.lines import Progress
from tap_callexports.progress.stats import COMPLETE, FAILED, Stats
from tap_callexports.records.timestamps import UTC
from tap_callexports.windows import ClosedWindow, Window

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
LOGGER = logging.getLogger("tap-test")
START = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def impatient(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A line is due every tenth of a second."""
    caplog.set_level(logging.INFO)
    with limits(SILENCE=0.1):
        yield


@pytest.fixture
def url() -> Iterator[str]:
    """Where the answer comes at once, but for its last bytes, which take a second."""

    def drip(_: Asked) -> Iterator[bytes]:
        answer = http(b'{"total": 1}')
        yield answer[:-10]
        for byte in answer[-10:]:
            time.sleep(0.1)
            yield bytes([byte])

    with RawServer(drip) as server:
        yield server.url


def said(caplog: pytest.LogCaptureFixture, start: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.getMessage().startswith(start)]


def ask(url: str, key: str = "key", *, per_minute: int | None = None, times: int = 1) -> Stats:
    """Ask an address while a run is told of."""
    settings = HttpSettings(
        "Test", "test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1"
    )
    throttle = RateLimiter(at_once=1, per_minute=per_minute)
    client = HttpClient(settings, throttle, BearerTokenAuthenticator(token=key), LOGGER)
    stats = Stats("test_calls")
    with Progress(LOGGER, lambda: False) as progress:
        progress.begin(stats)
        stats.traffic.part()
        for _ in range(times):
            client.send(Request(url, sender="test_calls"), Response.json)
        stats.outcome = COMPLETE
    return stats


def count_url(box: Sandbox) -> str:
    return f"{box.burki.config()['api_url']}/api/v1/calls/count"


@pytest.mark.covers(162)
@pytest.mark.usefixtures("impatient")
def test_a_silent_server_is_not_answered_with_silence(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.burki.faults.add(Fault("slow", seconds=1))

    ask(count_url(box), box.burki.config()["api_key"])

    lines = said(caplog, "test_calls: still waiting for a response: ")
    assert len(lines) >= 2
    assert "try 1" in lines[0].getMessage()
    assert vars(lines[0])["stream_name"] == "test_calls"
    assert vars(lines[0])["requests"] == 1


@pytest.mark.covers(162)
@pytest.mark.usefixtures("impatient")
def test_a_wait_the_server_asks_for_says_when_it_ends(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.burki.faults.add(Fault("status", status=429, headers={"Retry-After": "1"}))

    stats = ask(count_url(box), box.burki.config()["api_key"])

    lines = said(caplog, "test_calls: still 429")
    assert "; try 1 of 8, next in 1 s" in lines[0].getMessage()
    assert (stats.traffic.requests, stats.traffic.retries) == (2, 1)


@pytest.mark.covers(162)
@pytest.mark.usefixtures("impatient")
def test_a_wait_for_the_rate_limit_is_told(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    ask(count_url(box), box.burki.config()["api_key"], per_minute=60, times=2)

    assert said(caplog, "test_calls: still waiting for the rate limit: ")


@pytest.mark.covers(162)
@pytest.mark.usefixtures("impatient")
def test_an_answer_that_drips_is_told(url: str, caplog: pytest.LogCaptureFixture) -> None:
    ask(url)

    lines = said(caplog, "test_calls: still receiving a response: ")
    assert len(lines) >= 2
    assert all("try 1, 0.0 MiB so far" in line.getMessage() for line in lines)


@pytest.mark.covers(162)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("blocked", [True, False])
def test_a_loader_that_does_not_read_is_told_from_work(
    caplog: pytest.LogCaptureFixture,
    blocked: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    with Progress(LOGGER, lambda: blocked) as progress:
        progress.begin(Stats("test_calls"))
        until(lambda: bool(said(caplog, "test_calls: still ")))

    doing = "waiting: target backpressure" if blocked else "at work"
    assert caplog.records[0].getMessage() == f"test_calls: still {doing}; 0 rows so far"


def test_windows_that_close_often_are_enough(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The clock is the test's: two hours in steps of half a minute."""
    caplog.set_level(logging.INFO)
    clock = itertools.count(0, 30.0)
    now = [next(clock)]
    with limits(SILENCE=55.0), fake_clock(monotonic=lambda: now[0]):
        progress, stats = Progress(LOGGER, lambda: False), Stats("test_calls")
        progress.begin(stats)
        for hour in range(240):
            now[0] = next(clock)
            window = Window(START + timedelta(hours=hour), START + timedelta(hours=hour + 1))
            progress.closed(stats, ClosedWindow(window, 1, 1))
            assert progress.tick() == 55.0
        assert said(caplog, "test_calls: still ") == []

        for _ in range(4):
            now[0] = next(clock)
            progress.tick()
    assert len(said(caplog, "test_calls: still ")) == 2, "one a minute once they stop"


@pytest.mark.usefixtures("impatient")
def test_a_window_is_one_line_with_fields(box: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    run_tap(MAY | {"burki": box.burki.config()}, streams=["burki_calls"])

    windows = [vars(record) for record in caplog.records if "window_start" in vars(record)]
    assert len(windows) > 2
    assert windows[0]["window_start"] == "2024-05-01T00:00:00.000000Z"
    assert windows[-1]["window_end"] == "2024-06-01T00:00:00.000000Z"
    assert {window["stream_name"] for window in windows} == {"burki_calls"}
    assert sum(window["rows"] for window in windows) == 200
    assert sum(window["requests"] for window in windows) == len(box.burki.requests)


WINDOW = Window(START, START + timedelta(days=1))


@pytest.mark.parametrize(
    ("partition", "closed", "line", "counts"),
    [
        (
            "",
            ClosedWindow(WINDOW, 812, 9, 2),
            "test_calls: window 2024-05-01T00:00Z to 2024-05-02T00:00Z: {}",
            "812 rows, 9 requests, 2 retries",
        ),
        (
            "form_id 7",
            ClosedWindow(Window(START, START + timedelta(seconds=1)), 1, 1, 1),
            "test_calls (form_id 7): window 2024-05-01T00:00Z to 2024-05-01T00:00:01.000000Z: {}",
            "1 row, 1 request, 1 retry",
        ),
        (
            "",
            ClosedWindow(WINDOW, 0, 1),
            "test_calls: window 2024-05-01T00:00Z to 2024-05-02T00:00Z: {}",
            "0 rows, 1 request",
        ),
    ],
)
def test_the_line_of_a_window_names_its_stream_and_counts_what_there_was(
    partition: str, closed: ClosedWindow, line: str, counts: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Progress(LOGGER, lambda: False).closed(Stats("test_calls", partition), closed)
    assert caplog.messages == [line.format(counts)]


def test_the_line_of_a_stream_counts_what_there_was(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = Progress(LOGGER, lambda: False)
    stats = Stats("test_calls", outcome=COMPLETE, rows=812, windows=3, bookmark=START)
    stats.duplicates, stats.outside, stats.not_found = 2, 1, 1
    stats.invalid_values.update(["notes", "price"])
    stats.next_from = START - timedelta(days=1)
    for again in (False, True, False):
        stats.traffic.sent(again=again)
    stats.began, stats.ended = 1.0, None
    progress.end(stats)
    progress.end(Stats("test_other", outcome=FAILED, began=time.monotonic()))
    first, second = caplog.messages
    assert first.startswith("test_calls: complete after ")
    assert first.partition(" s: ")[2] == (
        "812 rows, 3 windows, 3 requests, 1 retry, 2 duplicates, 1 row outside the time range, "
        "1 call no longer exists, 2 invalid values, bookmark 2024-05-01T00:00Z, "
        "next run from 2024-04-30T00:00Z"
    )
    assert second == "test_other: failed after 0.0 s: 0 rows"


@pytest.mark.parametrize(
    ("outcomes", "line"),
    [
        ([COMPLETE], "1 stream, 2 rows"),
        ([COMPLETE, COMPLETE], "2 streams, 4 rows"),
        ([COMPLETE, FAILED], "2 streams, 1 incomplete, 4 rows"),
    ],
)
def test_the_line_of_a_run_says_what_is_incomplete_if_anything_is(
    outcomes: list[str], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    progress = Progress(LOGGER, lambda: False)
    for number, outcome in enumerate(outcomes):
        progress.begin(Stats(f"test_{number}", outcome=outcome, rows=2))
    progress.summarise()
    assert caplog.messages == [f"run ended after 0.0 s: {line}"]


@pytest.mark.usefixtures("impatient")
def test_no_thread_is_left_behind(box: Sandbox) -> None:
    burki = box.burki.config()
    config = MAY | {"burki": burki}
    assert run_tap(config).code == 0
    assert run_tap(config | {"burki": burki | {"api_key": "wrong"}}).code == 1
    box.burki.faults.add(Fault("status", status=403, times=99))
    assert run_tap(config).code == 1
    assert [t.name for t in threading.enumerate() if t.name == "progress"] == []


def until(ready: Callable[[], bool]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.01)
