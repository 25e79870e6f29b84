"""Keeps secrets, personal data and control characters out of log lines."""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from tap_callexports.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What a log line holds in place of a secret.
HIDDEN = "[hidden]"
#: Characters: shorter "secrets" (a one-letter test key) would hide parts of ordinary words.
_SHORTEST = 6
#: What may stand between the characters of a secret: line breaks and backslashes of quoted text.
_GAP = r"(?:\s|\\[nrt]?)*"
#: What may be a phone number: seven digits or more, except for a date; and an e-mail address.
_DATE = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)"
_PHONE = re.compile(rf"(?<!\d)(?!{_DATE})\+?\(?\d(?:[-\s().\u2010-\u2015/]{{0,2}}\d){{6,}}")
_EMAIL = re.compile(r"[^\s<>\"',;:()=]+(?:@|%40)[^\s<>\"',;:()=]+")


class SecretFilter(logging.Filter):
    """Replaces known secrets in log lines: plain, URL-quoted, JSON-escaped or in base64."""

    def __init__(self) -> None:
        super().__init__()
        self._forms: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these too from now on, unless they have fewer than 6 characters."""
        for secret in secrets:
            for form in _forms_of(secret) if len(secret) >= _SHORTEST else ():
                squeezed = re.sub(_GAP, "", form)
                # Behind a backslash its first letter may be taken for a part of a line break.
                self._forms |= {squeezed, re.sub("^[nrt]", "", squeezed)}

    def hide(self, text: str) -> str:
        """A text with `[hidden]` in place of secrets, in whatever case and across line breaks."""
        squeezed = re.sub(_GAP, "", text).lower()
        # Longest first: a secret may be a part of another.
        for form in sorted(self._forms, key=len, reverse=True):
            if form.lower() in squeezed:
                text = re.sub(_GAP.join(map(re.escape, form)), HIDDEN, text, flags=re.IGNORECASE)
        return text

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        if (hidden := self.hide(text)) != text:
            record.msg, record.args = hidden, ()
            record.exc_info, record.exc_text = None, None
        return True


_filter = SecretFilter()


def hide_secrets(secrets: Iterable[str]) -> None:
    """Hide these texts from now on in what the root logger's present handlers write."""
    _filter.add(secrets)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_filter)


def sanitize(text: str, limit: int = 200) -> str:
    """Text of others for a log line: without secrets, printable, and cut with "…" at a limit."""
    # Cut last: half a secret would not be recognised.
    clean = "".join(char if char.isprintable() else " " for char in _filter.hide(text))
    return clean if len(clean) <= limit else clean[:limit] + "…"


def sanitize_and_mask(text: str) -> str:
    """As `sanitize`, with `[number]` and `[e-mail]` for phone numbers and e-mail addresses."""
    return sanitize(_PHONE.sub("[number]", _EMAIL.sub("[e-mail]", _filter.hide(text))))


def _forms_of(secret: str) -> Iterator[str]:
    """A secret as it may be written; of base64 the part that is the secret's at any offset."""
    raw = secret.encode(errors="replace")
    yield from (secret, quote(raw, safe=""), quote_plus(raw), json.dumps(secret)[1:-1])
    for before, shared in enumerate((0, 2, 3)):
        padded = bytes(before) + raw
        encoded = base64.b64encode(padded[: len(padded) // 3 * 3]).decode()[shared:]
        if len(encoded) >= _SHORTEST:
            yield from (encoded, encoded.translate(str.maketrans("+/", "-_")))
