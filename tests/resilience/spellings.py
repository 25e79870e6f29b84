"""Texts as they may turn up where nobody may read them, and where they have."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

_GAPS = re.compile(r"\s+|\\+[nrt]?")


def _wrapped(text: str, end: str) -> str:
    return end.join(text[start : start + 7] for start in range(0, len(text), 7))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: How a server may say a text back.
WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "within words": lambda text: f"key={text}; refused",
    "URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "base64": _base64,
    "URL-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of a header": lambda text: _base64(f"Bearer {text}"),
    "base64 of a pair": lambda text: _base64(f"me:{text}!"),
    "other case": str.swapcase,
    "upper case": str.upper,
    "two lines": lambda text: _wrapped(text, "\n"),
    "lines as mail has them": lambda text: _wrapped(text, "\r\n\t"),
    "lines of base64": lambda text: _wrapped(_base64(text), "\r\n"),
    "lines in JSON in JSON": lambda text: json.dumps(_wrapped(text, "\n"))[1:-1],
}


def squeezed(text: str) -> str:
    """A text without what may hide another in it: case, line wraps and quoting."""
    return _GAPS.sub("", text).lower()


def found(text: str, secrets: Iterable[str]) -> list[str]:
    """The secrets that can be read out of a text, in any spelling, or a dozen letters of them."""
    text = squeezed(text)
    return [secret for secret in secrets if any(squeezed(f) in text for f in _forms(secret))]


def _forms(secret: str) -> Iterator[str]:
    yield from (secret[:12], secret[-12:])
    yield from (json.dumps(secret)[1:-1], quote(secret, safe="")[:16])
    for before in ("", ".", ".."):
        yield _base64(f"{before}{secret}")[4:16]
        yield _base64(f"{before}{secret}").translate(str.maketrans("+/", "-_"))[4:16]
