"""Wrong credentials end a provider at once; a refused stream ends nothing but itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from forked import run
from support import JSON, assert_table_is, run_tap

from sandbox import Fault, Sandbox
from sandbox.instants import text
from sandbox.tokens import jwt
from tap_callexports.detail_stream import DetailStream
from tap_callexports.stream import CallStream
from tap_callexports.tap import TapCallExports

MAY = {"start_date": "2024-05-01", "end_date": "2024-06-01"}
WRONG = "Wrong-Canary-Credential-91"
EXPIRED = jwt({"iat": 0, "exp": 1_000_000_000, "sub": "42", "company_id": 1})


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """The four APIs with a few calls each."""
    with Sandbox(seed=3, rows=6) as running:
        yield running


#: What is wrong, the setting that is to be named, and the most requests it may cost.
CASES: dict[str, tuple[str, JSON, str, int]] = {
    "videsk": ("videsk", {"api_token": WRONG}, "videsk.api_token", 1),
    "anunzi": ("anunzi", {"api_key": WRONG}, "anunzi.api_key", 1),
    "burki": ("burki", {"api_key": WRONG}, "burki.api_key", 2),
    "twin24 password": ("twin24", {"password": WRONG}, "twin24.email + twin24.password", 1),
    "twin24 e-mail": ("twin24", {"email": f"{WRONG}@example.com"}, "twin24.email", 1),
    "twin24 token": (
        "twin24",
        {"email": None, "password": None, "access_token": WRONG},
        "twin24.access_token",
        1,
    ),
    "twin24 expired token": (
        "twin24",
        {"email": None, "password": None, "access_token": EXPIRED},
        "twin24.access_token",
        1,
    ),
}


def config_with(box: Sandbox, provider: str, **settings: object) -> JSON:
    """One provider's config with some settings changed."""
    api = box.apis[provider]
    return {**MAY, provider: {**api.config(), **settings}}


@pytest.mark.covers(120)
@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_credential_ends_the_provider_within_two_requests(
    box: Sandbox, case: str, workers: int
) -> None:
    provider, settings, named, most = CASES[case]
    config = config_with(box, provider, **settings, max_concurrency=workers)
    ended = run_tap(config, streams=box.apis[provider].streams)
    assert ended.code == 1
    [line] = set(ended.complaints)
    assert named in line
    assert "\n" not in line
    assert not any(str(value) in line for value in settings.values() if value)
    assert len(box.apis[provider].requests) <= most
    assert "replication_key_value" not in str(ended.state)


@pytest.mark.covers(120, 126)
@pytest.mark.parametrize("arguments", [(), ("--test",)], ids=["sync", "connection test"])
@pytest.mark.parametrize("case", CASES)
def test_the_command_line_says_it_in_its_last_line(
    box: Sandbox, case: str, arguments: tuple[str, ...]
) -> None:
    provider, settings, named, _ = CASES[case]
    ended = run(config_with(box, provider, **settings), *arguments, level="DEBUG")
    assert ended.code == 1
    first, last = ended.errors
    assert named in first
    assert named in last
    assert ended.err.rstrip().endswith(last)
    values = [str(value) for value in settings.values() if value]
    assert not any(value in ended.err + ended.out for value in values)


@pytest.mark.covers(122)
def test_twin24_logs_in_twice_at_most_for_a_token_that_is_never_good(box: Sandbox) -> None:
    box.twin24.faults.add(Fault("status", status=401, times=10**6), "/statistics/")
    config = config_with(box, "twin24", max_concurrency=8)
    ended = run_tap(config, streams=["twin24_incoming_calls"])
    assert "twin24.email + twin24.password" in ended.complaints[0]
    assert sum("auth/login" in request.path for request in box.twin24.requests) == 2


# A stream that may not be read.


def endpoints() -> dict[str, list[str]]:
    """Paths, and the streams that cannot do without them."""
    found: dict[str, list[str]] = {}
    stream: CallStream[Any]
    for stream in TapCallExports(config={}).streams.values():  # type: ignore[assignment] # ours
        found.setdefault(stream.endpoint, []).append(stream.name)
        if isinstance(stream, DetailStream):
            found.setdefault(stream._calls.endpoint, []).append(stream.name)
    return found


ENDPOINTS = endpoints()


def forbid(box: Sandbox, path: str) -> str:
    """Let a path answer 403; the provider it belongs to."""
    provider = next(name for name in box.apis if ENDPOINTS[path][0].startswith(name))
    pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$")
    fault = Fault("status", status=403, times=10**6)
    box.apis[provider].faults.add(fault, when=lambda asked: bool(pattern.search(asked.path)))
    return provider


@pytest.mark.covers(124)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_forbidden_stream_fails_alone_and_says_how_to_leave_it_out(
    box: Sandbox, path: str
) -> None:
    provider = forbid(box, path)
    streams = box.apis[provider].streams
    ended = run_tap(config_with(box, provider), streams=streams)
    assert (ended.code, ended.error) == (1, None)
    assert ended.tap is not None
    assert set(ended.tap.failures) == set(ENDPOINTS[path])
    for name, failure in ended.tap.failures.items():
        assert f'select "!{name}.*"' in str(failure)
        assert "403" in str(failure)
        # Windows in which there is nothing to ask for are complete.
        instants = [text(row.at) for row in box.apis[provider].of(name).rows]
        assert (ended.bookmark(name) or "") <= min(instants)
        assert ended.table(name) == {}
    for name in set(streams) - set(ENDPOINTS[path]):
        assert_table_is(ended.table(name), box.truth(name))


@pytest.mark.covers(124)
@pytest.mark.parametrize("path", [paths for paths in ENDPOINTS if "/calls" in paths])
def test_forbidden_streams_may_be_skipped_with_a_warning(box: Sandbox, path: str) -> None:
    provider = forbid(box, path)
    config = {**config_with(box, provider), "skip_forbidden_streams": True}
    ended = run(config, streams=box.apis[provider].streams)
    assert ended.code == 0
    assert ended.errors == []
    for name in ENDPOINTS[path]:
        [line] = [line for line in ended.logged("WARNING") if f"({name})" in line]
        assert "skipped as skip_forbidden_streams says" in line
        assert f'select "!{name}.*"' in line
    assert not set(ENDPOINTS[path]) & set(ended.records)
