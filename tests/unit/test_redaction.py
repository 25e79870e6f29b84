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


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.DEBUG)
    hide = SecretFilter()
    hide.add([SECRET])
    logger = logging.getLogger("redact-test")
    logger.filters = [hide]
    return logger


@pytest.mark.covers(172)
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
    [message] = caplog.messages
    assert re.fullmatch(r"token \W*(\w{0,4}|b)\[hidden\]\W*\S{0,4} refused", message)


@pytest.mark.covers(126, 172)
def test_a_secret_in_an_exception_is_hidden(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        int(SECRET)
    except ValueError:
        log.exception("failed")
    assert SECRET not in caplog.text
    assert "ValueError" in caplog.text


def test_other_lines_stay_as_they_are(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    log.info("%d rows", 5)
    assert caplog.messages == ["5 rows"]


def test_only_the_secret_is_hidden_whatever_stands_around_it() -> None:
    hide = SecretFilter()
    hide.add(["canary-secret", "canary-secret-2", "next-secret"])
    assert hide.hide("İ canary-secret-2\n, \\next-secret İ") == "İ [hidden]\n, \\n[hidden] İ"


def test_a_secret_that_cannot_be_encoded_is_hidden_all_the_same() -> None:
    hide = SecretFilter()
    hide.add(["canary\ud800secret"])
    assert hide.hide("a canary\ud800secret!") == "a [hidden]!"


def test_a_very_short_secret_does_not_blot_out_words() -> None:
    hide = SecretFilter()
    hide.add(["a"])
    record = logging.LogRecord("x", logging.INFO, "", 0, "a calm day", (), None)
    assert hide.filter(record)
    assert record.getMessage() == "a calm day"


@pytest.mark.covers(176)
def test_foreign_text_is_printable_and_short() -> None:
    assert sanitize("a\r\nb\x00c") == "a  b c"
    assert len(sanitize("x" * 999)) <= 201
