"""What is tried again, for how long, and what the user is told."""

from __future__ import annotations

import gzip
import logging
import time
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import urllib3
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.streams.rest import HTTPRequest

from sandbox import Fault, Sandbox
from tap_callexports.core.errors import (
    ExportError,
    Forbidden,
    RunFailed,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.core.http.body import read_reply
from tap_callexports.core.http.client import HttpClient
from tap_callexports.core.http.policy import MAX_TRIES, Attempts, HttpSettings, Question, failure_of
from tap_callexports.core.http.reply import Reply
from tap_callexports.core.http.throttle import Throttle
from tap_callexports.core.redact import shown

MANNERS = HttpSettings(
    provider="Test", credential="test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1"
)


def question(*, splittable: bool = False) -> Question:
    return Question(HTTPRequest(url="http://localhost/x"), "test_calls", splittable=splittable)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, requests.structures.CaseInsensitiveDict(named), body)


@pytest.mark.covers(103, 109, 110, 120, 124)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StreamFailed), (401, RunFailed), (402, StreamFailed), (403, Forbidden),
        (404, StreamFailed), (405, StreamFailed), (408, TransientFailure), (415, StreamFailed),
        (422, StreamFailed), (425, TransientFailure), (429, TransientFailure),
        (500, TransientFailure), (502, TransientFailure), (503, TransientFailure),
        (520, TransientFailure), (527, TransientFailure), (301, StreamFailed),
        (413, TransientFailure), (504, TransientFailure), (524, TransientFailure),
    ],
)  # fmt: skip
def test_a_status_decides_what_happens(status: int, kind: type[ExportError]) -> None:
    failure = failure_of(reply(status), MANNERS, question())
    assert type(failure) is kind
    if not isinstance(failure, TransientFailure):
        assert str(failure).startswith(f"Test (test_calls): {status}")
        assert "\n" not in str(failure)


@pytest.mark.covers(124)
def test_a_403_says_how_to_leave_the_stream_out() -> None:
    assert 'select "!test_calls.*"' in str(failure_of(reply(403), MANNERS, question()))


@pytest.mark.covers(120)
def test_a_401_names_the_setting() -> None:
    assert "test.key was refused" in str(failure_of(reply(401), MANNERS, question()))


@pytest.mark.covers(109)
def test_a_redirect_names_the_host_only() -> None:
    moved = reply(302, Location="https://elsewhere.example/path?token=canary")
    text = str(failure_of(moved, MANNERS, question()))
    assert "elsewhere.example" in text
    assert "canary" not in text


@pytest.mark.covers(176)
def test_the_servers_own_words_are_shortened_and_cannot_forge_a_log_line() -> None:
    body = b'{"message": "bad\\n2024 ERROR forged \\u001b[31m' + b"x" * 500 + b'"}'
    text = str(failure_of(reply(400, body), MANNERS, question()))
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 400


@pytest.mark.covers(100)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("-3", None), ("soon", None), ("", None), ("1.5", None)],
)
def test_retry_after_is_read_where_it_makes_sense(header: str, seconds: float | None) -> None:
    assert reply(429, Retry_After=header).retry_after == seconds


@pytest.mark.covers(100)
def test_retry_after_may_be_a_date_and_ratelimit_reset_counts_too() -> None:
    wait = reply(429, Retry_After=formatdate(time.time() + 30, usegmt=True)).retry_after
    assert wait is not None
    assert 27 <= wait <= 31
    assert reply(429, Ratelimit_Reset="4").retry_after == 4


@pytest.mark.covers(101)
def test_a_wait_longer_than_allowed_fails_with_both_numbers() -> None:
    attempts = Attempts(question(), MANNERS)
    attempts.sent()
    with pytest.raises(StreamFailed, match=r"asks to wait 900 s.*max_retry_wait \(2 s\)"):
        attempts.wait_after(TransientFailure("429", wait=900))


@pytest.mark.covers(102)
def test_tries_end() -> None:
    attempts = Attempts(question(), MANNERS)
    for _ in range(MAX_TRIES - 1):
        attempts.sent()
        assert 0 <= attempts.wait_after(TransientFailure("500")) <= 2
    attempts.sent()
    with pytest.raises(StreamFailed, match="gave up after 8 tries"):
        attempts.wait_after(TransientFailure("500"))


def test_what_cannot_be_split_is_tried_as_often_as_anything_else() -> None:
    attempts = Attempts(question(), MANNERS)
    for _ in range(MAX_TRIES - 1):
        attempts.sent()
        attempts.wait_after(TransientFailure("504", heavy=True))


@pytest.mark.covers(58, 111)
def test_what_is_too_much_for_the_server_is_split_and_not_tried_for_ever() -> None:
    attempts = Attempts(question(splittable=True), MANNERS)
    attempts.sent()
    attempts.wait_after(TransientFailure("504", heavy=True))
    attempts.sent()
    with pytest.raises(WindowTooLarge):
        attempts.wait_after(TransientFailure("504", heavy=True))


@pytest.mark.covers(176)
def test_foreign_text_is_printable_and_short() -> None:
    assert shown("a\r\nb\x00c") == "a  b c"
    assert len(shown("x" * 999)) <= 201


class _Raw:
    """A body as urllib3 gives it, in small pieces."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)

    def read1(self, _: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        piece, self._body = self._body[:7], self._body[7:]
        return bytes(piece)


def response(body: bytes, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(status_code=200, headers=named, raw=_Raw(body))


WHOLE = b'[{"id": 1, "name": "Duraci\xc3\xb3n"}, {"id": 2}]'


@pytest.mark.covers(45)
def test_a_gzip_body_is_read_whole_and_cut_at_any_byte_refused() -> None:
    packed = gzip.compress(WHOLE)
    far = time.monotonic() + 60
    assert read_reply(response(packed, Content_Encoding="gzip"), far).body == WHOLE
    for length in range(1, len(packed)):
        with pytest.raises(TransientFailure):
            read_reply(response(packed[:length], Content_Encoding="gzip"), far)


@pytest.mark.covers(47)
def test_json_cut_at_any_byte_is_refused() -> None:
    assert len(reply(200, WHOLE).json()) == 2
    for length in range(len(WHOLE)):
        with pytest.raises(TransientFailure):
            reply(200, WHOLE[:length]).json()


@pytest.mark.covers(113)
@pytest.mark.parametrize(
    "body",
    [b"", b"   ", b"<html>no</html>", b"NaN", b'{"a": NaN}', b'{"a": 1e99999999999999999999}',
     b"[" * 100_000, b"\xff\xfe", b'{"a": "\\ud800"}'],
)  # fmt: skip
def test_what_is_no_json_is_refused_without_showing_it(body: bytes) -> None:
    with pytest.raises(TransientFailure) as caught:
        reply(200, body, Content_Type="text/html").json()
    assert "no</html>" not in str(caught.value)


@pytest.mark.covers(104)
def test_a_body_that_drips_is_given_up() -> None:
    with pytest.raises(TransientFailure, match="too slowly"):
        read_reply(response(WHOLE), time.monotonic() - 1)


@pytest.mark.covers(44)
def test_a_body_cut_by_the_network_is_a_transient_failure() -> None:
    broken = response(b"")

    def read1(*_: object, **__: object) -> bytes:
        raise urllib3.exceptions.ProtocolError("cut")

    broken.raw.read1 = read1
    with pytest.raises(TransientFailure, match="cut short"):
        read_reply(broken, time.monotonic() + 60)


@pytest.fixture
def burki(box: Sandbox) -> Any:
    return box.burki


def client(key: str, caplog: pytest.LogCaptureFixture) -> HttpClient:
    caplog.set_level(logging.INFO)
    auth = BearerTokenAuthenticator(token=key)
    throttle = Throttle(at_once=1, per_minute=None)
    return HttpClient(MANNERS, throttle, auth, logging.getLogger("test"))


def count_question(api: Any) -> Question:
    return Question(HTTPRequest(url=f"{api.config()['api_url']}/api/v1/calls/count"), "test_calls")


def test_a_request_carries_its_credential_and_asks_for_gzip(
    burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client(burki.config()["api_key"], caplog).ask(count_question(burki), Reply.json)
    headers = burki.requests[-1].headers
    assert headers["authorization"] == f"Bearer {burki.config()['api_key']}"
    assert headers["user-agent"] == "test/1"
    assert headers["accept-encoding"] == "gzip"


@pytest.mark.covers(100)
def test_a_wait_the_server_asks_for_is_kept(burki: Any, caplog: pytest.LogCaptureFixture) -> None:
    burki.faults.add(Fault("status", status=429, times=1, headers={"Retry-After": "1"}))
    before = time.monotonic()
    client(burki.config()["api_key"], caplog).ask(count_question(burki), Reply.json)
    assert time.monotonic() - before >= 1
    assert [request.status for request in burki.requests] == [429, 200]


@pytest.mark.covers(105)
def test_html_with_status_200_is_tried_again_and_never_shown(
    burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    burki.faults.add(Fault("html", times=100))
    with pytest.raises(StreamFailed, match="200 with HTML instead of JSON; gave up after 8"):
        client(burki.config()["api_key"], caplog).ask(count_question(burki), Reply.json)
    assert "<" not in caplog.text.replace("<locals>", "")


@pytest.mark.covers(109)
def test_a_redirect_is_not_followed(
    box: Sandbox, burki: Any, caplog: pytest.LogCaptureFixture
) -> None:
    burki.faults.add(Fault("redirect", times=1))
    with pytest.raises(StreamFailed, match="redirects are never followed"):
        client(burki.config()["api_key"], caplog).ask(count_question(burki), Reply.json)
    assert not box.strays
