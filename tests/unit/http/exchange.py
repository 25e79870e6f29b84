"""A question and its answers, made without a server."""

from __future__ import annotations

import requests

from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.http.retry import HttpSettings

MANNERS = HttpSettings(
    provider="Test", credential="test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1"
)


def question(*, splittable: bool = False) -> Request:
    return Request("http://localhost/x", sender="test_calls", splittable=splittable)


def reply(status: int, body: bytes = b"", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, requests.structures.CaseInsensitiveDict(named), body)
