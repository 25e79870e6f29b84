"""What a status means, what is tried again, for how long, and what the user is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from exchange import SETTINGS, request, response
from seam import retry_waits

from tap_callexports.errors import (
    ExportError,
    Forbidden,
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    Unreachable,
    WindowTooLarge,
)
from tap_callexports.http.request import MAX_TRIES
from tap_callexports.http.retry import Attempts, failure_of


@pytest.mark.covers(103, 109, 110, 120, 124)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StreamFailed), (401, ProviderFailed), (402, StreamFailed), (403, Forbidden),
        (404, StreamFailed), (405, StreamFailed), (408, TransientFailure), (415, StreamFailed),
        (422, StreamFailed), (425, TransientFailure), (429, TransientFailure),
        (500, TransientFailure), (502, TransientFailure), (503, TransientFailure),
        (520, TransientFailure), (527, TransientFailure), (301, StreamFailed),
        (413, TransientFailure), (504, TransientFailure), (524, TransientFailure),
    ],
)  # fmt: skip
def test_a_status_decides_what_happens(status: int, kind: type[ExportError]) -> None:
    failure = failure_of(response(status), SETTINGS, request())
    assert type(failure) is kind
    if not isinstance(failure, TransientFailure):
        who = "Test" if kind is ProviderFailed else "Test (test_calls)"
        assert str(failure).startswith(f"{who}: {status}")
        assert "\n" not in str(failure)


@pytest.mark.covers(124)
def test_a_403_says_how_to_leave_the_stream_out() -> None:
    assert 'select "!test_calls.*"' in str(failure_of(response(403), SETTINGS, request()))


@pytest.mark.covers(120)
def test_a_401_names_the_setting() -> None:
    assert "test.key was refused" in str(failure_of(response(401), SETTINGS, request()))


@pytest.mark.covers(109)
def test_a_redirect_names_the_host_only() -> None:
    moved = response(302, Location="https://elsewhere.example/path?token=canary")
    text = str(failure_of(moved, SETTINGS, request()))
    assert "elsewhere.example" in text
    assert "canary" not in text


@pytest.mark.covers(176)
def test_the_servers_own_words_are_shortened_and_cannot_forge_a_log_line() -> None:
    body = b'{"message": "bad\\n2024 ERROR forged \\u001b[31m' + b"x" * 500 + b'"}'
    text = str(failure_of(response(400, body), SETTINGS, request()))
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 400


@pytest.mark.covers(101)
def test_a_wait_longer_than_allowed_fails_with_both_numbers() -> None:
    attempts = Attempts(request(), SETTINGS)
    attempts.sent()
    with pytest.raises(StreamFailed, match=r"asks to wait 900 s.*max_retry_wait \(2 s\)"):
        attempts.wait_after(TransientFailure("429", wait=900))


@pytest.mark.covers(102)
@pytest.mark.parametrize("asked", [{"Retry_After": "0"}, {"Retry_After_Ms": "1"}])
@retry_waits(first=1, longest=60)
def test_a_wait_of_nearly_nothing_grows(
    asked: dict[str, str],
) -> None:
    attempts = Attempts(request(), replace(SETTINGS, max_retry_wait=300))
    for shortest in (0.25, 0.5, 1, 2, 4, 8, 15):
        attempts.sent()
        failure = failure_of(response(429, b"", **asked), SETTINGS, request())
        assert isinstance(failure, TransientFailure)
        assert shortest <= attempts.wait_after(failure) <= 4 * shortest


def test_a_renewed_token_is_tried_at_once() -> None:
    attempts = Attempts(request(), SETTINGS)
    attempts.sent()
    assert attempts.wait_after(TransientFailure("401, token renewed", wait=0)) == 0


def test_a_wait_is_as_long_as_the_server_asks() -> None:
    attempts = Attempts(request(), SETTINGS)
    attempts.sent()
    assert attempts.wait_after(TransientFailure("429", wait=1.5)) == 1.5


def test_the_number_of_tries_is_said() -> None:
    attempts = Attempts(request(splittable=True), SETTINGS)
    attempts.sent()
    attempts.wait_after(TransientFailure("500"))
    assert attempts.try_number == "try 1 of 8"
    attempts.sent()
    attempts.wait_after(TransientFailure("504", too_large=True))
    assert attempts.try_number == "try 2 of 3"


@pytest.mark.covers(102)
def test_tries_end() -> None:
    attempts = Attempts(request(), SETTINGS)
    for _ in range(MAX_TRIES - 1):
        attempts.sent()
        assert 0 <= attempts.wait_after(TransientFailure("500")) <= 2
    attempts.sent()
    with pytest.raises(StreamFailed, match="gave up after 8 tries"):
        attempts.wait_after(TransientFailure("500"))


@pytest.mark.parametrize(("connected", "kind"), [(0, Unreachable), (1, StreamFailed)])
def test_a_host_that_no_try_connected_to_is_unreachable(
    connected: int, kind: type[StreamFailed]
) -> None:
    attempts = Attempts(request(), SETTINGS)
    for number in range(MAX_TRIES - 1):
        attempts.sent()
        attempts.wait_after(TransientFailure("refused", connected=number < connected))
    attempts.sent()
    with pytest.raises(StreamFailed) as caught:
        attempts.wait_after(TransientFailure("refused", connected=False))
    assert type(caught.value) is kind


def test_what_cannot_be_split_is_tried_as_often_as_anything_else() -> None:
    attempts = Attempts(request(), SETTINGS)
    for _ in range(MAX_TRIES - 1):
        attempts.sent()
        attempts.wait_after(TransientFailure("504", too_large=True))


@pytest.mark.covers(58, 111)
def test_what_is_too_much_for_the_server_is_split_and_not_tried_for_ever() -> None:
    attempts = Attempts(request(splittable=True), SETTINGS)
    attempts.sent()
    attempts.wait_after(TransientFailure("504", too_large=True))
    attempts.sent()
    with pytest.raises(WindowTooLarge):
        attempts.wait_after(TransientFailure("504", too_large=True))


def test_a_wait_of_ones_own_after_a_401_is_no_longer_than_a_server_may_ask_for() -> None:
    settings = replace(SETTINGS, max_retry_wait=3, unauthorised_waits=((8.0,), ()))
    attempts = Attempts(request(), settings)
    attempts.sent()
    with pytest.raises(TransientFailure) as failure:
        attempts.unauthorised(succeeded=False)
    assert attempts.wait_after(failure.value) == 3
    attempts.unauthorised(succeeded=False)  # no further wait: the credential is refused
