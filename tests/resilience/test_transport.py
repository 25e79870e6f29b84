"""What lies below a request: TLS, proxies, the environment, and the pace of requests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
from one_answer import SECRETS, answer
from raw_server import RawServer, http
from seam import fake_clock
from support import JSON, Run, run_tap

from sandbox import Sandbox
from tap_callexports.http.rate_limiter import RateLimiter

DAY = {"start_date": "2024-05-09", "end_date": "2024-05-10"}
STREAM = "burki_call_list"


def export(url: str, **top: object) -> Run:
    """One run of one list at this address."""
    config: JSON = {**DAY, "burki": {"api_url": url, **SECRETS["burki"]}, **top}
    return run_tap(config, streams=[STREAM])


def why(run: Run) -> str:
    """The line that says why the stream failed."""
    assert run.error is None
    assert run.tap is not None
    return str(run.tap.failures[STREAM])


@pytest.mark.covers(114)
def test_https_to_a_port_without_tls_fails_at_once_and_says_so() -> None:
    with RawServer(lambda _: [http(answer())]) as server:
        url = server.url.replace("http:", "https:")
        run = export(url)
    assert f"{urlsplit(url).netloc}: the port does not use TLS" in why(run)
    assert len(server.asked) == 1


@pytest.mark.covers(115)
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_s_certificates_are_used_and_named_when_they_are_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    run = export("https://127.0.0.1:9")
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE" in why(run)


@pytest.mark.covers(115)
def test_the_environment_s_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with RawServer(lambda _: [http(answer())]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        run = export("http://calls.example", allow_insecure_url=True)
    assert run.code == 0
    [record] = run.records(STREAM)
    assert record["id"] == 7
    assert {asked.head.split()[1].split(b"?")[0] for asked in proxy.asked} == {
        b"http://calls.example/api/v1/calls/"
    }


@pytest.mark.covers(126)
def test_credentials_of_the_user_s_netrc_go_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login netrc-user password netrc-password\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Sandbox(rows=3) as box:
        run = run_tap({**DAY, **box.config()})
        assert run.code == 0
        sent = [asked.headers for api in box.apis.values() for asked in api.requests]
    kinds = {headers.get("authorization", "none").split()[0] for headers in sent}
    assert kinds == {"Bearer", "none"}, "none: Videsk's own header, and Twin24's login"


class Clock:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, _: Event | None) -> bool:
        self.now += seconds
        return False


@pytest.mark.covers(118)
@pytest.mark.parametrize("per_minute", [1, 7, 60, 1200])
def test_requests_never_start_faster_than_the_setting_says(per_minute: int) -> None:
    clock, starts = Clock(), []
    with fake_clock(monotonic=clock.monotonic, sleep=clock.sleep):
        throttle = RateLimiter(at_once=4, per_minute=per_minute)
        for number in range(30):
            with throttle.slot():
                starts.append(clock.now)
                clock.now += number % 3 / 100
            if number == 20:
                throttle.pause(90)
    gaps = [after - before for before, after in pairwise(starts)]
    assert min(gaps) == pytest.approx(60 / per_minute)
    assert starts[21] - starts[20] >= 90
