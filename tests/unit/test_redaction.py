"""Secrets do not reach a log line, whoever writes it and however they are spelled."""

from __future__ import annotations

import base64
import json
import logging
import re
from urllib.parse import quote

import pytest

from tap_callexports.redaction import SecretFilter, sanitize

SECRET = "canary/secret+value é"


def hiding(*secrets: str) -> SecretFilter:
    hide = SecretFilter()
    hide.add(secrets)
    return hide


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("redact-test")
    logger.filters = [hiding(SECRET)]
    return logger


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        f"a{SECRET}b",
        SECRET.upper(),
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(json.dumps(SECRET)),
        *(base64.b64encode(f"{before}{SECRET}!".encode()).decode() for before in ("", "a", "ab")),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        "\r\n".join(SECRET),
        json.dumps("\n".join(SECRET)),
    ],
)
def test_a_secret_is_hidden_in_every_spelling(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, spelled: str
) -> None:
    log.info("token %s refused", spelled)
    (message,) = caplog.messages
    assert re.fullmatch(r"token \W*(\w{0,4}|b)\[hidden\]\W*\S{0,4} refused", message)


def test_a_secret_in_an_exception_is_hidden_and_other_lines_stay_as_they_are(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log.info("%d rows", 5)
    try:
        int(SECRET)
    except ValueError:
        log.exception("failed")
    assert caplog.messages[0] == "5 rows"
    assert SECRET not in caplog.text
    assert "ValueError" in caplog.text


@pytest.mark.parametrize(
    ("secrets", "text", "hidden"),
    [
        (
            ["canary-secret", "canary-secret-2", "next-secret"],
            "İ canary-secret-2\n, \\next-secret İ",
            "İ [hidden]\n, \\n[hidden] İ",
        ),
        (["canary\ud800secret"], "a canary\ud800secret!", "a [hidden]!"),
        (["a"], "a calm day", "a calm day"),
    ],
    ids=["what stands around it", "no UTF-8", "too short to be told from words"],
)
def test_only_the_secret_is_hidden(secrets: list[str], text: str, hidden: str) -> None:
    assert hiding(*secrets).hide(text) == hidden


def test_foreign_text_is_printable_and_short() -> None:
    assert sanitize("a\r\nb\x00c") == "a  b c"
    assert len(sanitize("x" * 999)) <= 201
