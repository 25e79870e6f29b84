"""Twin24's login: few logins, fresh tokens, and an end where they are refused."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from provider_runs import asked, assert_complete, empty_sandbox, export, failure, why
from seam import fake_clock

from sandbox import Fault
from sandbox.instants import UTC
from tap_callexports.providers.twin24.login import EARLY_SECONDS, JwtAuth

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox import Sandbox

CALLS = "twin24_incoming_calls"
LOGIN, LIST = "auth/login", "/statistics/"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)


def _tokens_sent(box: Sandbox) -> list[str]:
    return [request.headers["authorization"] for request in asked(box.twin24, LIST)]


def test_one_login_serves_a_whole_run_and_sends_what_is_set(box: Sandbox) -> None:
    box.twin24.options.companies = [1, 7]
    run = export(box.twin24, page_size=10, token_ttl=900, company_id=1)
    assert run.code == 0
    (login,) = asked(box.twin24, LOGIN)
    assert login.method == "POST"
    assert login.body == {
        "email": box.twin24.options.email,
        "password": box.twin24.options.password,
        "ttl": 900,
        "companyId": 1,
    }
    assert "authorization" not in login.headers
    assert len(set(_tokens_sent(box))) == 1


def test_what_is_not_set_is_not_sent(box: Sandbox) -> None:
    export(box.twin24)
    (login,) = asked(box.twin24, LOGIN)
    assert set(login.body) == {"email", "password"}


@pytest.mark.covers(121)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_token_that_expires_in_mid_run_is_renewed_once_for_all_workers(workers: int) -> None:
    with empty_sandbox() as box:
        box.twin24.options.tokens_valid_requests = 12
        box.twin24.add(120, NOON, NOON + timedelta(days=20))
        run = export(box.twin24, page_size=4, max_concurrency=workers)
    assert_complete(run, box.twin24, CALLS)
    spent = sum(request.status == 200 for request in asked(box.twin24, LIST))
    # Each token is used up before there is another login, however many workers share it.
    assert len(asked(box.twin24, LOGIN)) == -(-spent // 12)
    assert "Token is expired." not in why(run)


@pytest.mark.parametrize("workers", [1, 4])
def test_tokens_whose_exp_has_passed_when_they_arrive_cost_one_login(
    box: Sandbox, workers: int
) -> None:
    box.twin24.options.token_exp_shift = -7200
    run = export(box.twin24, page_size=10, max_concurrency=workers)
    assert_complete(run, box.twin24, CALLS)
    assert len(asked(box.twin24, LOGIN)) == 1


def test_tokens_that_have_really_expired_when_they_arrive_end_the_provider(box: Sandbox) -> None:
    box.twin24.options.token_ttl = -60
    run = export(box.twin24)
    assert "twin24.email + twin24.password" in failure(run, CALLS)
    assert len(asked(box.twin24, LOGIN)) == 2


@pytest.mark.parametrize("uses", [1, 2, 4])
def test_tokens_that_several_workers_use_up_never_end_the_run(uses: int) -> None:
    with empty_sandbox() as box:
        box.twin24.options.tokens_valid_requests = uses
        box.twin24.add(1500, NOON, NOON + timedelta(days=20))
        box.twin24.faults.add(Fault("slow", seconds=0.01, times=10**6), LIST)
        run = export(box.twin24, page_size=20, max_concurrency=4)
    assert_complete(run, box.twin24, CALLS)
    spent = sum(request.status == 200 for request in asked(box.twin24, LIST))
    # Each token is used up before there is another login, however many workers share it.
    assert len(asked(box.twin24, LOGIN)) == -(-spent // uses)


def test_a_request_that_is_always_refused_ends_the_provider_after_few_logins(box: Sandbox) -> None:
    # Every other list can be read with the same tokens.
    box.twin24.faults.add(Fault("status", status=401, times=10**6), LIST)
    run = export(box.twin24, streams=["twin24_calls", CALLS], max_concurrency=1)
    assert run.code == 1
    assert len(asked(box.twin24, LOGIN)) <= 3


@pytest.mark.covers(122)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_token_that_is_refused_again_after_a_new_login_ends_the_provider(
    box: Sandbox, workers: int
) -> None:
    box.twin24.options.tokens_valid_requests = 0
    run = export(box.twin24, max_concurrency=workers)
    assert run.code == 1
    assert "twin24.email + twin24.password" in failure(run, CALLS)
    assert len(asked(box.twin24, LOGIN)) <= 2
    assert run.bookmark(CALLS) is None


def test_a_static_token_is_used_as_it_is(box: Sandbox) -> None:
    run = export(box.twin24, email=None, password=None, access_token=box.twin24.static_token)
    assert_complete(run, box.twin24, CALLS)
    assert asked(box.twin24, LOGIN) == []
    assert set(_tokens_sent(box)) == {f"Bearer {box.twin24.static_token}"}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_static_token_that_is_refused_ends_the_provider_at_once(
    box: Sandbox, workers: int
) -> None:
    run = export(
        box.twin24, email=None, password=None, access_token="a.b.c", max_concurrency=workers
    )
    assert "twin24.access_token" in failure(run, CALLS)
    assert len(asked(box.twin24)) == 1


@pytest.mark.covers(120)
def test_a_wrong_password_is_tried_once(box: Sandbox) -> None:
    run = export(box.twin24, password="not-the-password", max_concurrency=1)
    assert "twin24.password" in failure(run, CALLS)
    assert "not-the-password" not in failure(run, CALLS)
    assert len(asked(box.twin24)) == 1


def test_a_wrong_password_is_tried_once_by_all_workers_together(box: Sandbox) -> None:
    # Slow enough that all of them wait for the same login.
    box.twin24.faults.add(Fault("slow", seconds=0.15, times=9), LOGIN)
    run = export(box.twin24, password="not-the-password", max_concurrency=4)
    assert failure(run, CALLS)
    time.sleep(0.4)
    assert len(asked(box.twin24, LOGIN)) == 1


@pytest.mark.covers(122)
@pytest.mark.parametrize("fault", [Fault("status", status=503, times=3), Fault("reset", times=2)])
def test_a_login_that_fails_for_a_moment_is_tried_again(box: Sandbox, fault: Fault) -> None:
    box.twin24.faults.add(fault, LOGIN)
    run = export(box.twin24, max_concurrency=1)
    assert_complete(run, box.twin24, CALLS)
    assert len(asked(box.twin24, LOGIN)) == fault.times + 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", status=503, times=99),
        Fault("html", times=99),
        Fault("status", status=200, body='{"token": ""}', times=99),
        Fault("status", status=200, body='{"token": null}', times=99),
        Fault("status", status=404, times=99),
    ],
)
def test_a_login_that_never_works_ends_the_provider_and_names_the_address(
    box: Sandbox, fault: Fault
) -> None:
    box.twin24.faults.add(fault, LOGIN)
    run = export(box.twin24, max_concurrency=1)
    assert "twin24.auth_url" in failure(run, CALLS)
    assert "\n" not in failure(run, CALLS)
    assert asked(box.twin24, LIST) == []
    assert len(asked(box.twin24, LOGIN)) <= 8


@pytest.mark.covers(126)
def test_neither_password_nor_tokens_are_written_anywhere(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    box.twin24.options.tokens_valid_requests = 20
    run = export(box.twin24, page_size=10)
    assert_complete(run, box.twin24, CALLS)
    output = json.dumps(run.lines) + caplog.text
    assert box.twin24.options.password not in output
    for token in set(_tokens_sent(box)):
        assert token.removeprefix("Bearer ") not in output


# The token's keeper by itself.


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Logins:
    """A login that counts; its tokens are good for some seconds."""

    def __init__(self, seconds: float = 3600.0, pause: float = 0.0) -> None:
        self.count = 0
        self._seconds = seconds
        self._pause = pause

    def __call__(self) -> tuple[str, float]:
        self.count += 1
        time.sleep(self._pause)
        return f"token-{self.count}", self._seconds


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with fake_clock(monotonic=clock.monotonic):
        yield clock


def _sent(auth: JwtAuth) -> requests.PreparedRequest:
    return auth(requests.Request("GET", "http://localhost/").prepare())


@pytest.mark.covers(121)
def test_a_token_is_renewed_before_it_expires(clock: Clock) -> None:
    logins = Logins(seconds=300)
    auth = JwtAuth(logins)
    assert _sent(auth).headers["Authorization"] == "Bearer token-1"
    clock.now += 300 - EARLY_SECONDS - 1
    assert _sent(auth).headers["Authorization"] == "Bearer token-1"
    clock.now += 2
    assert _sent(auth).headers["Authorization"] == "Bearer token-2"
    assert logins.count == 2


@pytest.mark.parametrize("seconds", [-3600, -1, 0, 1, 5])
def test_a_token_that_has_expired_when_it_arrives_is_used_until_it_is_refused(
    clock: Clock, seconds: int
) -> None:
    logins = Logins(seconds=seconds)
    auth = JwtAuth(logins)
    for _ in range(5):
        sent = _sent(auth)
        assert sent.headers["Authorization"] == "Bearer token-1"
        clock.now += 3600
    assert auth.renew(sent)
    assert _sent(auth).headers["Authorization"] == "Bearer token-2"
    assert logins.count == 2


@pytest.mark.parametrize("seconds", [10, 30, 60])
def test_a_token_that_lives_shorter_than_the_margin_is_still_used(
    clock: Clock, seconds: int
) -> None:
    logins = Logins(seconds=seconds)
    auth = JwtAuth(logins)
    assert [_sent(auth).headers["Authorization"] for _ in range(3)] == ["Bearer token-1"] * 3
    clock.now += seconds
    assert _sent(auth).headers["Authorization"] == "Bearer token-2"


def _together(count: int, what: Callable[[], object]) -> None:
    threads = [threading.Thread(target=what) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.covers(121)
def test_workers_that_are_refused_together_share_one_new_token() -> None:
    logins = Logins(pause=0.02)
    auth = JwtAuth(logins)
    _together(8, lambda: _sent(auth))
    assert logins.count == 1
    refused = _sent(auth)
    renewed: list[bool] = []
    _together(8, lambda: renewed.append(auth.renew(refused)))
    assert renewed == [True] * 8
    assert logins.count == 2
    assert _sent(auth).headers["Authorization"] == "Bearer token-2"


def test_a_login_that_keeps_giving_the_refused_token_is_given_up() -> None:
    auth = JwtAuth(lambda: ("same", 3600.0))
    refused = _sent(auth)
    assert [auth.renew(refused) for _ in range(3)] == [True, False, False]


def test_a_fixed_token_cannot_be_renewed() -> None:
    auth = JwtAuth(None, fixed="fixed-token")
    assert auth.renew(_sent(auth)) is False
    assert _sent(auth).headers["Authorization"] == "Bearer fixed-token"


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bm90IGpzb24.c", "a.eyJleHAiOiJ4In0.c"])
def test_a_token_that_tells_no_expiry_is_good_all_the_same(box: Sandbox, token: str) -> None:
    reply = Fault("status", status=200, body=json.dumps({"token": token}), times=9)
    box.twin24.faults.add(reply, LOGIN)
    run = export(box.twin24, max_concurrency=1)
    # The sandbox does not know it, so it is refused, renewed once, and refused again.
    assert failure(run, CALLS)
    assert len(asked(box.twin24, LOGIN)) == 2
    assert _tokens_sent(box) == [f"Bearer {token}"] * 2


@pytest.mark.covers(127)
def test_a_token_s_life_is_counted_by_the_server_s_clock(box: Sandbox) -> None:
    expires = int(time.time()) - 7200 + 3600
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    parts = box.twin24.static_token.split(".")
    token = f"{parts[0]}.{claims}.{parts[2]}"
    box.twin24.static_token = token
    # A server two hours behind this machine: the token looks expired, and is not.
    box.twin24.clock_offset_seconds = -7200
    box.twin24.faults.add(Fault("status", status=200, body=json.dumps({"token": token})), LOGIN)
    run = export(box.twin24, max_concurrency=1)
    assert_complete(run, box.twin24, CALLS)
    assert len(asked(box.twin24, LOGIN)) == 1
