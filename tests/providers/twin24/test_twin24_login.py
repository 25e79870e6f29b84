"""Twin24's login: few logins, fresh tokens, and an end where they are refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
import requests
from provider_runs import asked, assert_complete, empty_sandbox, export
from seam import fake_clock
from support import DAY, UTC, failure

from sandbox import Fault, Sandbox
from tap_callexports.providers.twin24.login import EARLY_SECONDS, JwtAuth

CALLS = "twin24_incoming_calls"
LOGIN, LIST = "auth/login", "/statistics/"
NOON = datetime(2024, 5, 9, 12, tzinfo=UTC)
WORKERS = pytest.mark.parametrize("workers", [1, 4])


def tokens_sent(box: Sandbox) -> list[str]:
    return [request.headers["authorization"] for request in asked(box.twin24, LIST)]


def test_one_login_serves_a_whole_run_and_sends_what_is_set(box: Sandbox) -> None:
    box.twin24.options.companies = [1, 7]
    assert export(box.twin24, page_size=10, token_ttl=900, company_id=1).code == 0
    [login] = asked(box.twin24, LOGIN)
    given = {"email": box.twin24.options.email, "password": box.twin24.options.password}
    assert login.method == "POST"
    assert login.body == {**given, "ttl": 900, "companyId": 1}
    assert "authorization" not in login.headers
    assert len(set(tokens_sent(box))) == 1
    export(box.twin24)
    assert asked(box.twin24, LOGIN)[-1].body == given


@pytest.mark.parametrize(("uses", "workers"), [(12, 1), (12, 4), (1, 4), (4, 4)])
def test_a_token_that_is_used_up_is_renewed_once_for_all_workers(uses: int, workers: int) -> None:
    with empty_sandbox() as box:
        box.twin24.options.tokens_valid_requests = uses
        box.twin24.add(300, NOON, NOON + 20 * DAY)
        box.twin24.faults.add(Fault("slow", seconds=0.01, times=10**6), LIST)
        run = export(box.twin24, page_size=10, max_concurrency=workers)
    assert_complete(run, box.twin24)
    spent = sum(request.status == 200 for request in asked(box.twin24, LIST))
    # Each token is used up before there is another login, however many workers share it.
    assert len(asked(box.twin24, LOGIN)) == -(-spent // uses)


@WORKERS
def test_tokens_whose_exp_has_passed_when_they_arrive_cost_one_login(
    box: Sandbox, workers: int
) -> None:
    box.twin24.options.token_exp_shift = -7200
    assert_complete(export(box.twin24, page_size=10, max_concurrency=workers), box.twin24)
    assert len(asked(box.twin24, LOGIN)) == 1


@WORKERS
@pytest.mark.parametrize("option", ["tokens_valid_requests", "token_ttl"])
def test_a_token_that_is_refused_again_after_a_new_login_ends_the_provider(
    box: Sandbox, option: str, workers: int
) -> None:
    setattr(box.twin24.options, option, {"tokens_valid_requests": 0, "token_ttl": -60}[option])
    run = export(box.twin24, max_concurrency=workers)
    assert "twin24.email + twin24.password" in failure(run, CALLS)
    assert len(asked(box.twin24, LOGIN)) <= 2
    assert run.bookmark(CALLS) is None


def test_a_list_that_is_always_refused_ends_the_provider_after_few_logins(box: Sandbox) -> None:
    # The other list can be read with the same tokens.
    box.twin24.faults.add(Fault("status", status=401, times=10**6), LIST)
    run = export(box.twin24, streams=["twin24_calls", CALLS], max_concurrency=1)
    assert run.code == 1
    assert len(asked(box.twin24, LOGIN)) <= 3


def test_an_access_token_is_used_as_it_is_and_ends_the_provider_where_it_is_refused(
    box: Sandbox,
) -> None:
    token = box.twin24.static_token
    assert_complete(export(box.twin24, email=None, password=None, access_token=token), box.twin24)
    assert set(tokens_sent(box)) == {f"Bearer {token}"}
    before = len(asked(box.twin24))
    run = export(box.twin24, access_token="a.b.c", max_concurrency=4)
    assert "twin24.access_token" in failure(run, CALLS)
    assert len(asked(box.twin24)) == before + 1
    assert asked(box.twin24, LOGIN) == []


@WORKERS
def test_a_wrong_password_is_tried_once_by_all_workers_together(box: Sandbox, workers: int) -> None:
    # Slow enough that all of them wait for the same login.
    box.twin24.faults.add(Fault("slow", seconds=0.1, times=9), LOGIN)
    run = export(box.twin24, password="not-the-password", max_concurrency=workers)
    assert "twin24.password" in failure(run, CALLS)
    assert "not-the-password" not in failure(run, CALLS)
    time.sleep(0.2)
    assert len(asked(box.twin24)) == 1


@pytest.mark.parametrize("fault", [Fault("status", status=503, times=3), Fault("reset", times=2)])
def test_a_login_that_fails_for_a_moment_is_tried_again(box: Sandbox, fault: Fault) -> None:
    box.twin24.faults.add(fault, LOGIN)
    assert_complete(export(box.twin24, max_concurrency=1), box.twin24)
    assert len(asked(box.twin24, LOGIN)) == fault.times + 1


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Fault("status", status=503, times=99), "twin24.auth_url"),
        (Fault("html", times=99), "twin24.auth_url"),
        (Fault("status", status=200, body='{"token": null}', times=99), "twin24.auth_url"),
        (Fault("status", status=404, times=99), "twin24.auth_url"),
        (Fault("status", status=200, body='{"token": "a.b.c", "error": "down"}', times=99), "down"),
    ],
)
def test_a_login_that_never_works_ends_the_provider_and_names_the_address(
    box: Sandbox, fault: Fault, word: str
) -> None:
    box.twin24.faults.add(fault, LOGIN)
    assert word in failure(export(box.twin24, max_concurrency=1), CALLS)
    assert asked(box.twin24, LIST) == []
    assert len(asked(box.twin24, LOGIN)) <= 8


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.bm90IGpzb24.c", "a.eyJleHAiOiJ4In0.c"])
def test_a_token_that_tells_no_expiry_is_used_until_it_is_refused(box: Sandbox, token: str) -> None:
    reply = Fault("status", status=200, body=json.dumps({"token": token}), times=9)
    box.twin24.faults.add(reply, LOGIN)
    # The sandbox does not know it, so it is refused, renewed once, and refused again.
    assert failure(export(box.twin24, max_concurrency=1), CALLS)
    assert tokens_sent(box) == [f"Bearer {token}"] * 2


def test_a_token_s_life_is_counted_by_the_server_s_clock(box: Sandbox) -> None:
    expires = int(time.time()) - 7200 + 3600
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    head, _, signature = box.twin24.static_token.split(".")
    token = box.twin24.static_token = f"{head}.{claims}.{signature}"
    # A server two hours behind this machine: the token looks expired, and is not.
    box.twin24.clock_offset_seconds = -7200
    box.twin24.faults.add(Fault("status", status=200, body=json.dumps({"token": token})), LOGIN)
    assert_complete(export(box.twin24, max_concurrency=1), box.twin24)
    assert len(asked(box.twin24, LOGIN)) == 1


# The token's keeper by itself.


class Logins:
    """A login that counts; its tokens are good for some seconds."""

    def __init__(self, seconds: float) -> None:
        self.count = 0
        self._seconds = seconds

    def __call__(self) -> tuple[str, float]:
        self.count += 1
        return f"token-{self.count}", self._seconds


@pytest.fixture
def clock() -> Iterator[list[float]]:
    """The time, which moves when it is told to."""
    now = [1000.0]
    with fake_clock(monotonic=lambda: now[0]):
        yield now


def sent_by(auth: JwtAuth) -> requests.PreparedRequest:
    return auth(requests.Request("GET", "http://localhost/").prepare())


def token_of(auth: JwtAuth) -> str:
    return str(sent_by(auth).headers["Authorization"]).removeprefix("Bearer ")


@pytest.mark.parametrize("seconds", [10, 60, 300])
def test_a_token_is_renewed_before_it_expires_but_not_before_it_is_used(
    clock: list[float], seconds: int
) -> None:
    auth = JwtAuth(Logins(seconds=seconds))
    assert [token_of(auth), token_of(auth)] == ["token-1", "token-1"]
    clock[0] += max(seconds - EARLY_SECONDS - 1, 0)
    assert token_of(auth) == "token-1"
    clock[0] += min(seconds, EARLY_SECONDS + 1)
    assert token_of(auth) == "token-2"


def test_a_token_that_stays_the_same_or_is_fixed_cannot_be_renewed() -> None:
    auth = JwtAuth(lambda: ("same", 3600.0))
    refused = sent_by(auth)
    assert [auth.renew(refused) for _ in range(3)] == [True, False, False]
    fixed = JwtAuth(None, fixed="fixed-token")
    assert fixed.renew(sent_by(fixed)) is False
    assert token_of(fixed) == "fixed-token"
