"""A question and its answers, made without a server."""

from __future__ import annotations

import requests
from singer_sdk.streams.rest import HTTPRequest

from tap_callexports.http.response import Response
from tap_callexports.http.retry import HttpSettings, Question

MANNERS = HttpSettings(
    provider="Test", credential="test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1"
)


def question(*, splittable: bool = False) -> Question:
    return Question(HTTPRequest(url="http://localhost/x"), "test_calls", splittable=splittable)


def reply(status: int, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, requests.structures.CaseInsensitiveDict(named), body)
