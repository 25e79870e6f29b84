"""Providers: one client for all streams, and one cutoff for all of a run."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from fake_calls import DAY, SECOND, SPAN, fake_provider
from seam import start_of_run

from tap_callexports.http.client import HttpClient
from tap_callexports.http.response import Response
from tap_callexports.provider import CLOCK_SKEW

#: The run begins when the span ends.
AS_OF = SPAN.end - timedelta(minutes=5)


def by_date(*dates: str | datetime, late: timedelta = timedelta(), minutes: int = 5) -> Any:
    """A provider that has got responses of these dates, some time after the run began."""
    provider = fake_provider(settle_minutes=minutes)
    with start_of_run(SPAN.end + late):
        for date in dates:
            text = date if isinstance(date, str) else format_datetime(date, usegmt=True)
            provider.client._check_clock(Response(200, {"Date": text}, b"{}"))
    return provider


@pytest.mark.parametrize(
    ("off", "warned", "calls"),
    [
        (
            -3 * DAY,
            "259200 s ahead of the server's; the server's time is used: {}",
            "calls before 2024-05-01T23:55:00.000000Z are exported",
        ),
        (-61 * SECOND, "61 s ahead of the server's; {}", ""),
        (-60 * SECOND, None, ""),
        (60 * SECOND, None, ""),
        (
            3 * DAY,
            "259200 s behind the server's; this machine's time is used: {}",
            "calls from 2024-05-04T23:55:00.000000Z on are left to a later run",
        ),
    ],
)
def test_now_is_the_servers_time_where_that_is_over_a_minute_earlier(
    off: timedelta, warned: str | None, calls: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = by_date(SPAN.end + off, SPAN.end + 9 * DAY)
    assert provider.as_of == provider.cutoff == AS_OF + (off if off < -CLOCK_SKEW else timedelta())
    assert provider.local_as_of == AS_OF
    assert provider.latest_as_of == max(AS_OF, AS_OF + off)
    assert len(caplog.messages) == (warned is not None)
    words = f"Test: this machine's clock is {warned and warned.format(calls)}"
    assert all(line.startswith(words) for line in caplog.messages)


def test_workers_that_come_together_get_one_client_and_so_one_rate_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = HttpClient.__init__

    def slow(self: HttpClient, *options: Any, **more: Any) -> None:
        time.sleep(0.05)
        real(self, *options, **more)

    monkeypatch.setattr(HttpClient, "__init__", slow)
    shared = fake_provider()
    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: shared.client, range(8)))
    assert len(set(map(id, clients))) == 1
