"""Keeps secrets, personal data and control characters out of log lines."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from tap_callexports.compat import override

#: What a log line holds in place of a secret.
HIDDEN = "[hidden]"
#: Characters: shorter "secrets" (a one-letter test key) would hide parts of ordinary words.
_SHORTEST = 6
#: What may separate the characters of a secret: line breaks and the backslashes of quoted text.
_GAP = r"(?:\s|\\[nrt]?)*"
#: A phone number is seven digits or more, but not a date.
_DATE = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)"
_PHONE = re.compile(rf"(?<!\d)(?!{_DATE})\+?\(?\d(?:[-\s().\u2010-\u2015/]{{0,2}}\d){{6,}}")
_EMAIL = re.compile(r"[^\s<>\"',;:()=]+(?:@|%40)[^\s<>\"',;:()=]+")


class SecretFilter(logging.Filter):
    """Replaces known secrets in log lines: plain, URL-quoted, JSON-escaped or in base64."""

    def __init__(self) -> None:
        super().__init__()
        self._forms: set[str] = set()

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these secrets from now on, unless they have fewer than 6 characters."""
        for secret in secrets:
            for form in _forms_of(secret) if len(secret) >= _SHORTEST else ():
                squeezed = re.sub(_GAP, "", form)
                # After a backslash its first letter may be read as part of a line break.
                self._forms |= {squeezed, re.sub("^[nrt]", "", squeezed)}

    def hide(self, text: str) -> str:
        """Replace secrets by `[hidden]`, in any case and across line breaks."""
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
    """Hide these texts from now on in what the root logger's current handlers write."""
    _filter.add(secrets)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_filter)


def sanitize(text: str, limit: int = 200) -> str:
    """Make foreign text safe for a log line: no secrets, printable, cut with "…" at the limit."""
    # Cut last: half a secret is not recognised.
    clean = "".join(char if char.isprintable() else " " for char in _filter.hide(text))
    return clean if len(clean) <= limit else clean[:limit] + "…"


def sanitize_and_mask(text: str) -> str:
    """`sanitize`, and replace phone numbers and e-mail addresses by `[number]` and `[e-mail]`."""
    return sanitize(_PHONE.sub("[number]", _EMAIL.sub("[e-mail]", _filter.hide(text))))


def _forms_of(secret: str) -> Iterator[str]:
    """The forms in which a secret may be written; in base64 the part that no neighbour changes."""
    raw = secret.encode(errors="replace")
    yield from (secret, quote(raw, safe=""), quote_plus(raw), json.dumps(secret)[1:-1])
    for before, shared in enumerate((0, 2, 3)):
        padded = bytes(before) + raw
        encoded = base64.b64encode(padded[: len(padded) // 3 * 3]).decode()[shared:]
        if len(encoded) >= _SHORTEST:
            yield from (encoded, encoded.translate(str.maketrans("+/", "-_")))
