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
from tap_callexports.http.retry import Attempts, HttpSettings, failure_of


def after(
    *failures: TransientFailure, splittable: bool = False, settings: HttpSettings = SETTINGS
) -> tuple[Attempts, list[float]]:
    """The attempts at a request that fails so, and the waits after them."""
    attempts, waits = Attempts(request(splittable=splittable), settings), []
    for failure in failures:
        attempts.sent()
        waits.append(attempts.wait_after(failure))
    return attempts, waits


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, StreamFailed), (400, StreamFailed), (401, ProviderFailed), (402, StreamFailed),
        (403, Forbidden), (404, StreamFailed), (408, TransientFailure), (413, TransientFailure),
        (422, StreamFailed), (425, TransientFailure), (429, TransientFailure),
        (500, TransientFailure), (503, TransientFailure), (504, TransientFailure),
        (520, TransientFailure), (524, TransientFailure), (527, TransientFailure),
    ],
)  # fmt: skip
def test_a_status_decides_what_happens(status: int, kind: type[ExportError]) -> None:
    failure = failure_of(response(status), SETTINGS, request())
    assert type(failure) is kind
    if not isinstance(failure, TransientFailure):
        who = "Test" if kind is ProviderFailed else "Test (test_calls)"
        assert str(failure).startswith(f"{who}: {status}")
        assert "\n" not in str(failure)


@pytest.mark.parametrize("headers", [{"Retry_After": "0"}, {"Retry_After_Ms": "1"}])
@retry_waits(first=1, longest=60)
def test_a_wait_of_nearly_nothing_grows(headers: dict[str, str]) -> None:
    failure = failure_of(response(429, b"", **headers), SETTINGS, request())
    assert isinstance(failure, TransientFailure)
    _, waits = after(*[failure] * 7, settings=replace(SETTINGS, max_retry_wait=300))
    for shortest, wait in zip((0.25, 0.5, 1, 2, 4, 8, 15), waits, strict=True):
        assert shortest <= wait <= 4 * shortest


def test_a_wait_is_as_long_as_requested_and_a_renewed_token_is_tried_at_once() -> None:
    _, waits = after(TransientFailure("429", wait=1.5), TransientFailure("401, renewed", wait=0))
    assert waits == [1.5, 0]


@pytest.mark.parametrize(("connected", "kind"), [(0, Unreachable), (1, StreamFailed)])
def test_tries_end_and_a_host_that_no_try_connected_to_is_unreachable(
    connected: int, kind: type[StreamFailed]
) -> None:
    failures = [
        TransientFailure("500", connected=number < connected) for number in range(MAX_TRIES)
    ]
    _, waits = after(*failures[:-1])
    assert all(0 <= wait <= 2 for wait in waits)
    with pytest.raises(StreamFailed, match="gave up after 8 tries") as caught:
        after(*failures)
    assert type(caught.value) is kind


def test_only_what_can_be_split_is_tried_less_often_where_it_is_too_large() -> None:
    too_large = TransientFailure("504", too_large=True)
    after(*[too_large] * (MAX_TRIES - 1))
    attempts, _ = after(TransientFailure("500"), splittable=True)
    assert attempts.try_number == "try 1 of 8"
    attempts, _ = after(too_large, splittable=True)
    assert attempts.try_number == "try 1 of 2"
    with pytest.raises(WindowTooLarge):
        after(too_large, too_large, splittable=True)


def test_a_wait_of_ones_own_after_a_401_is_no_longer_than_a_server_may_ask_for() -> None:
    settings = replace(SETTINGS, max_retry_wait=3, unauthorised_waits=((8.0,), ()))
    attempts = Attempts(request(), settings)
    attempts.sent()
    with pytest.raises(TransientFailure) as failure:
        attempts.unauthorised(succeeded=False)
    assert attempts.wait_after(failure.value) == 3
    attempts.unauthorised(succeeded=False)  # no further wait: the credential is refused
