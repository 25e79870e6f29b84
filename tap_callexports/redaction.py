"""Keeps secrets, personal data and control characters out of logs, whoever writes the line.

Knows no setting: which texts are secrets it is told.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What a log line holds in place of a secret.
HIDDEN = "[hidden]"
#: Characters: shorter "secrets" (a one-letter test key) would blot out ordinary words.
_SHORTEST = 6
#: What may stand between two letters of a secret where lines are wrapped, or quotes quoted.
_GAP = re.compile(r"(?:\s|\\[nrt]?)+")
_BLANK = re.compile(r"[\s\\]+")
_URL_SAFE = str.maketrans("+/", "-_")
_SHOWN_CHARS = 200

#: What may be somebody's phone number: seven digits and more, a date apart; and their e-mail.
_DATE = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)"
_PHONE = re.compile(rf"(?<!\d)(?!{_DATE})\+?\(?\d(?:[-\s().\u2010-\u2015/]{{0,2}}\d){{6,}}")
_EMAIL = re.compile(r"[^\s<>\"',;:()=]+(?:@|%40)[^\s<>\"',;:()=]+")


def spellings(secret: str) -> set[str]:
    """A secret as it may turn up: plain, URL-encoded, JSON-escaped, as base64 or inside some."""
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        secret.encode("unicode_escape").decode(),
        json.dumps(secret)[1:-1],
        *_inside_base64(secret.encode()),
    }


def _inside_base64(secret: bytes) -> Iterator[str]:
    """The part of base64 that is this secret's alone, wherever in the encoded text it stands."""
    for before, shared in enumerate((0, 2, 3)):
        text = bytes(before) + secret
        encoded = base64.b64encode(text[: len(text) // 3 * 3]).decode()[shared:]
        if len(encoded) >= _SHORTEST:
            yield encoded
            yield encoded.translate(_URL_SAFE)


def _squeezed(text: str) -> str:
    """A text in which neither line wraps nor case hide anything, read in both ways.

    A backslash before an n may be a wrap, or stand before a secret that begins with n.
    """
    return "\0".join(gap.sub("", text).lower() for gap in (_GAP, _BLANK))


@lru_cache(maxsize=1024)
def _readings(form: str) -> list[str]:
    return _squeezed(form).split("\0")


@lru_cache(maxsize=1024)
def _pattern(form: str) -> re.Pattern[str]:
    letters = map(re.escape, _GAP.sub("", form))
    return re.compile(f"(?:{_GAP.pattern})?".join(letters), re.IGNORECASE)


class HideSecrets(logging.Filter):
    """Replaces known secrets in whole log lines, arguments and exceptions included."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: list[str] = []

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these from now on; renewed tokens are added as they come."""
        found = {
            form for secret in secrets if len(secret) >= _SHORTEST for form in spellings(secret)
        }
        # Longest first: a secret may be part of another.
        self._secrets = sorted(found.union(self._secrets), key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """A text without the secrets."""
        squeezed = _squeezed(text)
        for secret in self._secrets:
            if any(form in squeezed for form in _readings(secret)):
                text = _pattern(secret).sub(HIDDEN, text)
        return text

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        if (hidden := self.hidden(text)) != text:
            record.msg, record.args = hidden, ()
            record.exc_info, record.exc_text = None, None
        return True


_filter = HideSecrets()


def without_secrets(text: str) -> str:
    """A text with its secrets hidden, before it is cut: half a secret is not recognised."""
    return _filter.hidden(text)


def hide_secrets(secrets: Iterable[str]) -> None:
    """Hide these texts in what the root logger's handlers write; later handlers are not covered.

    Args:
        secrets: Those of fewer than 6 characters are not hidden.
    """
    _filter.add(secrets)
    for handler in logging.getLogger().handlers:
        if _filter not in handler.filters:
            handler.addFilter(_filter)


def sanitize(text: str, limit: int = _SHOWN_CHARS) -> str:
    """Foreign text made safe for one log line: printable, without secrets, shortened.

    Args:
        text: As it came from a server or a file.
        limit: Characters that are kept; what is cut off is sanitize as "…".
    """
    clean = "".join(char if char.isprintable() else " " for char in without_secrets(text))
    return clean if len(clean) <= limit else clean[:limit] + "…"


def sanitize_and_mask(text: str) -> str:
    """As `sanitize`, without phone numbers and e-mails; masked first, for half a number is none."""
    return sanitize(_PHONE.sub("[number]", _EMAIL.sub("[e-mail]", without_secrets(text))))
