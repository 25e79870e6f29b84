"""Secrets do not reach a log line, whoever writes it and however they are spelled."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest

from tap_callexports.redaction import HIDDEN, HideSecrets, sanitize

SECRET = "canary/secret+value é"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    caplog.set_level(logging.DEBUG)
    hide = HideSecrets()
    hide.add([SECRET])
    logger = logging.getLogger("redact-test")
    logger.filters = [hide]
    return logger


@pytest.mark.covers(172)
@pytest.mark.parametrize(
    "spelled",
    [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode(), f"a{SECRET}b"],
)
def test_a_secret_is_hidden_in_every_spelling(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, spelled: str
) -> None:
    log.info("token %s refused", spelled)
    assert spelled not in caplog.text
    assert HIDDEN in caplog.text


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


def test_a_very_short_secret_does_not_blot_out_words() -> None:
    hide = HideSecrets()
    hide.add(["a"])
    record = logging.LogRecord("x", logging.INFO, "", 0, "a calm day", (), None)
    assert hide.filter(record)
    assert record.getMessage() == "a calm day"


@pytest.mark.covers(176)
def test_foreign_text_is_printable_and_short() -> None:
    assert sanitize("a\r\nb\x00c") == "a  b c"
    assert len(sanitize("x" * 999)) <= 201
