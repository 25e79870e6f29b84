"""Errors that a body reports: which fields say so, and what is shown of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_callexports.http.error_fields import message_of, reports_error


@pytest.mark.parametrize(
    "fields",
    [
        {"error": "database unavailable"}, {"error": True}, {"error": {"message": "x"}},
        {"error": {"type": "x"}}, {"errors": [{"message": "x"}]}, {"errors": ["x"]},
        {"error_message": "x"}, {"errorMessage": "x"}, {"status": "error"}, {"status": "ERROR"},
        {"status": "fail"}, {"status": 503}, {"success": False}, {"ok": False},
        {"statusCode": 500, "message": "x"}, {"status_code": "404"}, {"code": Decimal(429)},
        {"name": "GeneralError", "message": "x", "code": 500, "className": "general-error"},
    ],
)  # fmt: skip
def test_an_error_is_noticed(fields: dict[str, Any]) -> None:
    assert reports_error({"items": [], **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"error": None}, {"error": False}, {"error": ""}, {"error": " "}, {"error": "false"},
        {"error": "null"}, {"error": 0}, {"errors": []}, {"errors": {}}, {"status": "ok"},
        {"status": "success"}, {"status": 200}, {"status": None}, {"status": "errors: 0"},
        {"code": 0}, {"code": 5000}, {"code": "EUR"}, {"success": True}, {"success": None},
        {"message": "2 calls"}, {"detail": "complete"}, {"name": "calls"},
    ],
)  # fmt: skip
def test_an_ordinary_body_reports_no_error(fields: dict[str, Any]) -> None:
    assert not reports_error({"items": [], **fields})


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({}, ""),
        ({"message": ""}, ""),
        ({"message": "try again"}, " (try again)"),
        ({"error": {"message": "a", "body": "secret"}}, " (a)"),
        ({"errors": [{"message": "a"}, {"message": "b"}]}, " (a; b)"),
        ({"message": ["a", 5, "b"]}, " (a; b)"),
        ({"message": "a", "error": "a", "detail": "b"}, " (a; b)"),
        ({"message": 5, "items": ["no row is shown"]}, ""),
    ],
)
def test_the_server_s_own_message_is_shown(body: dict[str, Any], shown: str) -> None:
    assert message_of(body) == shown
