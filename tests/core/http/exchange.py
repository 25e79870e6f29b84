"""A question and its answers, made without a server."""

from __future__ import annotations

import requests
from singer_sdk.streams.rest import HTTPRequest

from tap_callexports.core.http.policy import HttpSettings, Question
from tap_callexports.core.http.reply import Reply

MANNERS = HttpSettings(
    provider="Test", credential="test.key", read_timeout=5, max_retry_wait=2, user_agent="test/1"
)


def question(*, splittable: bool = False) -> Question:
    return Question(HTTPRequest(url="http://localhost/x"), "test_calls", splittable=splittable)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, requests.structures.CaseInsensitiveDict(named), body)
