"""Edge cases that no other test covers."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.authenticators import BearerTokenAuthenticator

from sandbox import Fault, Sandbox
from tap_callexports.errors import ProviderFailed, WindowTooLarge
from tap_callexports.http.client import HttpClient
from tap_callexports.http.rate_limiter import RateLimiter
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.retry import HttpSettings
from tap_callexports.providers.twin24.login import JwtAuth
from tap_callexports.records.codec import Codec
from tap_callexports.records.timestamps import ISO_TIMES, SECOND, epoch_ms_instant, iso_instant
from tap_callexports.redaction import HIDDEN, SecretFilter, hide_secrets, sanitize
from tap_callexports.windows import Window, span_of

DAY = timedelta(days=1)
START = datetime(2024, 5, 10, tzinfo=timezone.utc)
MANNERS = HttpSettings(
    provider="Test", credential="test.key", read_timeout=1, max_retry_wait=2, user_agent="test/1"
)


@given(st.integers(2, 10**8))
def test_a_window_is_cut_on_a_whole_second_and_never_into_nothing(seconds: int) -> None:
    window = Window(START, START + seconds * SECOND)
    halves = window.split()
    assert halves is not None
    assert window.start == halves[0].start < halves[0].end == halves[1].start
    assert halves[1].start < halves[1].end == window.end
    assert halves[0].length % SECOND == timedelta(0)


@pytest.mark.covers(72, 74, 88)
def test_the_lookback_counts_from_the_last_run_also_where_that_is_after_the_end() -> None:
    end = START + 5 * DAY
    far = end + 9 * DAY
    assert span_of(start_date=START, end=end, bookmark=far, as_of=far, lookback=2 * DAY) is None
    span = span_of(start_date=START, end=end, bookmark=far, as_of=far, lookback=10 * DAY)
    assert span == Window(end - DAY, end)


@pytest.mark.covers(66)
@pytest.mark.parametrize("zone", ["America/Santiago", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_zone_of_the_machine_says_nothing_of_a_time(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            assert iso_instant("2024-05-01 10:00:00") == "2024-05-01T10:00:00.000000Z"
            assert iso_instant("2024-05-01 10:00") == "2024-05-01T10:00:00.000000Z"
            assert epoch_ms_instant(1703302407333) == "2023-12-23T03:33:27.333000Z"
    finally:
        time.tzset()


@pytest.mark.covers(139)
def test_an_amount_in_an_answer_keeps_every_digit() -> None:
    body = Response(
        200, {}, b'{"cost": 0.1234567890123456789, "seconds": 21.321383333333333}'
    ).json()
    assert body == {
        "cost": Decimal("0.1234567890123456789"), "seconds": Decimal("21.321383333333333")
    }  # fmt: skip


@pytest.mark.covers(113)
def test_a_value_that_is_nested_too_deeply_for_its_column_is_a_misfit() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    schema = {
        "properties": {
            "id": {"type": "string"},
            "notes": {"type": ["string", "null"], "contentMediaType": "application/json"},
        }
    }
    codec = Codec(schema, primary_keys=("id",), times=ISO_TIMES)
    batch = codec.batch([{"id": "c1", "notes": deep}])
    assert batch.records == [{"id": "c1", "notes": None}]
    assert batch.invalid_values == {0: ["notes"]}
    while deep:  # taken apart piece by piece: all at once is too deep for the interpreter
        deep = deep.pop()


@pytest.mark.covers(172)
def test_a_secret_is_hidden_in_any_case_and_so_are_older_ones() -> None:
    hide = SecretFilter()
    hide.add(["Canary-Key-one"])
    hide.add(["Canary-Key-two"])
    for text in ("Canary-Key-one", "CANARY-KEY-ONE", "canary-key-two", "Canary-Key-two"):
        assert hide.hide(f"token {text} refused") == f"token {HIDDEN} refused"


@pytest.mark.covers(126)
def test_a_token_the_tap_got_itself_is_hidden() -> None:
    token = "canary-renewed-token-9731"
    request = requests.Request("GET", "http://localhost/").prepare()
    JwtAuth(lambda: (token, 600.0))(request)
    assert request.headers["Authorization"] == f"Bearer {token}"
    assert token not in sanitize(f"the server said {token}")


@pytest.mark.covers(172)
def test_half_a_secret_is_not_shown_where_a_text_ends() -> None:
    hide_secrets(["canary-shortened-5518-canary"])
    assert "canary" not in sanitize("x" * 20 + " canary-shortened-5518-canary", 40)


@pytest.mark.covers(173)
@pytest.mark.parametrize(
    "personal", ["+1 555 0134 567", "(555) 013-4567", "15550134567", "ana@example.com"]
)
def test_whom_a_server_speaks_of_is_not_repeated(personal: str) -> None:
    message = f"no such customer {personal}, since 2024-05-01 or 2024-05-01T10:00:00Z"
    said = Response(400, {}, json.dumps({"message": message}).encode()).error_message
    assert personal not in said
    what = "e-mail" if "@" in personal else "number"
    assert said == f" (no such customer [{what}], since 2024-05-01 or 2024-05-01T10:00:00Z)"


@pytest.mark.covers(117)
@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(at_once: int) -> None:
    throttle = RateLimiter(at_once=at_once, per_minute=None)
    inside, leave = threading.Semaphore(0), threading.Event()

    def work() -> None:
        with throttle.slot():
            inside.release()
            leave.wait(60)

    threads = [threading.Thread(target=work) for _ in range(at_once + 3)]
    for thread in threads:
        thread.start()
    came = [inside.acquire(timeout=30) for _ in range(at_once)]
    one_more = inside.acquire(timeout=0.3)
    leave.set()
    for thread in threads:
        thread.join()
    assert all(came)
    assert not one_more


@pytest.mark.covers(120)
def test_a_credential_that_was_refused_is_not_sent_again(box: Sandbox) -> None:
    client, request = _client("wrong"), _request(box)
    for _ in range(3):
        with pytest.raises(ProviderFailed, match=r"test\.key"):
            client.send(request, Response.json)
    assert len(box.burki.requests) == 1


@pytest.mark.covers(120)
def test_a_wrong_credential_is_sent_once_by_workers_that_come_together(box: Sandbox) -> None:
    box.burki.faults.add(Fault("slow", seconds=0.3, times=9))
    client, refused = _client("wrong", at_once=4), []

    def work() -> None:
        with pytest.raises(ProviderFailed):
            client.send(_request(box), Response.json)
        refused.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4
    assert len(box.burki.requests) == 1


@pytest.mark.covers(111)
def test_what_is_not_answered_in_time_is_asked_for_in_halves(box: Sandbox) -> None:
    box.burki.faults.add(Fault("slow", seconds=3, times=9))
    with pytest.raises(WindowTooLarge, match="no response in 1 s, 2 times"):
        _client(box.burki.config()["api_key"]).send(_request(box), Response.json)


def _request(box: Sandbox) -> Request:
    address = f"{box.burki.config()['api_url']}/api/v1/calls/count"
    return Request(address, sender="test_calls", splittable=True)


def _client(key: str, at_once: int = 1) -> HttpClient:
    throttle = RateLimiter(at_once=at_once, per_minute=None)
    auth = BearerTokenAuthenticator(token=key)
    return HttpClient(MANNERS, throttle, auth, logging.getLogger("test"))
