"""Accounts: one client for all streams, and one end for all of a run."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from story import DAY, SPAN, START, Lonely, account

from tap_callexports.core.http.client import HttpClient

#: The run begins when the span ends.
SETTLED = SPAN.end - timedelta(minutes=5)
EARLIER = SETTLED - timedelta(seconds=1)


def test_its_credential_is_named_as_a_user_writes_it() -> None:
    assert Lonely.credential_names() == "lonely.key or lonely.user + lonely.password"
    assert account().http_settings.credential == Lonely.credential_names()


@pytest.mark.parametrize(
    ("end_date", "end"),
    [
        (None, SETTLED), (START, START), (EARLIER, EARLIER), (SPAN.end, SETTLED),
        (SPAN.end + 9 * DAY, SETTLED),
    ],
)  # fmt: skip
def test_a_run_reads_up_to_what_has_settled_or_to_an_earlier_end_date(
    end_date: datetime | None, end: datetime
) -> None:
    ended = account(end_date, settle_minutes=5)
    assert (ended.end, ended.settled) == (end, SETTLED)


@pytest.mark.parametrize("address", ["https://api.example/v1", "https://api.example/v1/"])
def test_a_slash_at_the_end_of_its_address_changes_nothing(address: str) -> None:
    assert account(api_url=address).url("/calls") == "https://api.example/v1/calls"


def test_workers_that_come_together_get_one_client_and_so_one_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = HttpClient.__init__

    def slow(self: HttpClient, *options: Any, **more: Any) -> None:
        time.sleep(0.05)
        real(self, *options, **more)

    monkeypatch.setattr(HttpClient, "__init__", slow)
    shared = account()
    clients: list[HttpClient] = []
    threads = [threading.Thread(target=lambda: clients.append(shared.client)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(clients) == 8
    assert len(set(map(id, clients))) == 1
