"""What a run says while it waits, and of each window."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import requests
from raw_server import Asked, RawServer, http
from seam import fake_clock, limits

from tap_callexports.http.client import Auth, HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.retry import HttpSettings
from tap_callexports.progress.lines import Progress
from tap_callexports.progress.stats import COMPLETE, FAILED, Stats
from tap_callexports.records.timestamps import UTC
from tap_callexports.windows import ClosedWindow, Window

LOGGER = logging.getLogger("tap-test")
SETTINGS = HttpSettings("Test", "test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1")
START = datetime(2024, 5, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(days=1))


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of streams that are waited for, once each."""
    lines = [message for message in caplog.messages if ": still " in message]
    return list(dict.fromkeys(line.partition(": still ")[2] for line in lines))


def slow(_: Asked) -> Iterator[bytes]:
    time.sleep(0.2)
    yield http(b"1")


def slow_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    time.sleep(0.2)
    return request


def dripping(_: Asked) -> Iterator[bytes]:
    yield http(b"1")[:-1]
    time.sleep(0.2)
    yield b"1"


@pytest.mark.parametrize(
    ("respond", "auth", "times", "words"),
    [
        (slow, None, 1, "waiting for a response: 0 s, try 1"),
        (dripping, None, 1, "receiving a response: 0 s, try 1, 0.0 MiB so far"),
        (lambda _: [http(b"1")], None, 2, "waiting for the rate limit: 0 s"),
        (lambda _: [http(b"1")], slow_login, 1, "waiting for a credential: 0 s"),
    ],
)
def test_a_wait_is_told(
    respond: object, auth: Auth | None, times: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = RateLimiter(at_once=1, per_minute=120)
    client = HttpClient(SETTINGS, limiter, auth or (lambda request: request), LOGGER)
    stats = Stats("test_calls")
    with (
        RawServer(respond) as server,  # type: ignore[arg-type] # of the table
        limits(SILENCE=0.05),
        Progress(LOGGER, lambda: False) as progress,
    ):
        progress.begin(stats)
        stats.traffic.part()
        for _ in range(times):
            client.send(Request(server.url, sender="test_calls"), Response.json)
    assert any(line.startswith(words) for line in lines_of(caplog)), caplog.messages
    told = next(record for record in caplog.records if "still" in record.getMessage())
    assert vars(told)["stream_name"] == "test_calls"
    assert [thread.name for thread in threading.enumerate() if thread.name == "progress"] == []


@pytest.mark.parametrize(
    ("blocked", "doing"), [(True, "waiting: target backpressure"), (False, "at work")]
)
def test_a_target_that_does_not_read_is_told_from_work(
    caplog: pytest.LogCaptureFixture, doing: str, *, blocked: bool
) -> None:
    now = 100.0
    with limits(SILENCE=55.0), fake_clock(monotonic=lambda: now):
        progress = Progress(LOGGER, lambda: blocked)
        progress.begin(Stats("test_calls"))
        now += 60
        progress.tick()
    assert caplog.messages == [f"test_calls: still {doing}; 0 rows so far"]


def test_windows_that_close_often_are_enough(caplog: pytest.LogCaptureFixture) -> None:
    """The clock is the test's: two hours in steps of half a minute."""
    clock = itertools.count(0, 30.0)
    now = [next(clock)]
    with limits(SILENCE=55.0), fake_clock(monotonic=lambda: now[0]):
        progress, stats = Progress(LOGGER, lambda: False), Stats("test_calls")
        progress.begin(stats)
        for _ in range(240):
            now[0] = next(clock)
            progress.closed(stats, ClosedWindow(WINDOW, 1, 1))
            assert progress.tick() == 55.0
        assert lines_of(caplog) == []
        for _ in range(4):
            now[0] = next(clock)
            progress.tick()
    assert sum("still" in line for line in caplog.messages) == 2, "one a minute once they stop"


@pytest.mark.parametrize(
    ("partition", "counts", "said"),
    [
        ("", (812, 9, 2), "test_calls: {}: 812 rows, 9 requests, 2 retries"),
        ("form_id 7", (1, 1, 1), "test_calls (form_id 7): {}: 1 row, 1 request, 1 retry"),
    ],
)
def test_the_line_of_a_window_names_its_stream_and_counts_what_there_was(
    partition: str, counts: tuple[int, int, int], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    closed = ClosedWindow(WINDOW, *counts)
    Progress(LOGGER, lambda: False).closed(Stats("test_calls", partition), closed)
    assert caplog.messages == [said.format("window 2024-05-01T00:00Z to 2024-05-02T00:00Z")]
    fields = vars(caplog.records[0])
    assert (fields["stream_name"], fields["rows"]) == ("test_calls", closed.rows)
    assert fields["window_start"] == "2024-05-01T00:00:00.000000Z"


def test_the_line_of_a_stream_counts_what_there_was(caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress(LOGGER, lambda: False)
    stats = Stats("test_calls", outcome=COMPLETE, rows=812, windows=3, bookmark=START)
    stats.duplicates, stats.outside, stats.not_found = 2, 1, 1
    stats.invalid_values.update(["notes", "price"])
    stats.next_from = START - timedelta(days=1)
    for again in (False, True, False):
        stats.traffic.sent(again=again)
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
