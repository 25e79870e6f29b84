"""Keeps secrets out of logs, whoever writes the line."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from tap_callexports.core.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN = "[hidden]"
#: Shorter "secrets" (a one-letter test key) would blot out ordinary words.
_SHORTEST = 6


def spellings(secret: str) -> set[str]:
    """A secret as it may turn up: plain, URL-encoded, base64, JSON-escaped."""
    encoded = base64.b64encode(secret.encode()).decode()
    escaped = secret.encode("unicode_escape").decode()
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        encoded,
        encoded.rstrip("="),
        escaped,
    }


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
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
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
    """A text that will be shortened: half a secret is not recognised any more."""
    return _filter.hidden(text)


def hide_secrets(secrets: Iterable[str]) -> None:
    """Hide these texts in everything logged by this process."""
    _filter.add(secrets)
    for handler in logging.getLogger().handlers:
        if _filter not in handler.filters:
            handler.addFilter(_filter)
