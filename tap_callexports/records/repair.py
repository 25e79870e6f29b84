"""Repairs JSON texts that no target can store: unpaired surrogates and U+0000.

An unpaired surrogate becomes U+FFFD, U+0000 is removed. Works on the JSON text itself, so that
values need not be decoded. Pure.
"""

from __future__ import annotations

import re
from collections import Counter

#: What is repaired, as counted.
SURROGATES, NULS = "surrogates", "nuls"

#: Finds what may need repair, and passes over pairs of surrogates, of which some texts are full.
#: An escaped backslash in front of what looks like the first of a pair needs a closer look.
_SUSPECT = re.compile(
    rb"\\(?:u0000"
    rb"|u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|u[dD][c-fC-F][0-9a-fA-F]{2}(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD].{3})"
    rb"|\\u[dD][89abAB])"
)
#: An escape behind any escaped backslashes: U+0000, or a surrogate with the second of a pair.
_ESCAPE = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u(?:(0000)"
    rb"|[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|[dD][c-fC-F][0-9a-fA-F]{2})"
)
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def repaired(body: bytes) -> tuple[bytes, Counter[str]]:
    """A JSON text whose texts every target can store, keys of objects included.

    Args:
        body: JSON text; a raw U+0000 is removed from texts only, elsewhere the JSON is broken.

    Returns:
        The text, and how many characters were repaired, by SURROGATES and NULS. A text that needs
        no repair is returned as it is.
    """
    counts: Counter[str] = Counter()
    if b"\0" in body:
        body = _TEXT.sub(lambda text: text[0].replace(b"\0", rb"\u0000"), body)
    if not (b"\\u" in body and _SUSPECT.search(body)):
        return body, counts

    def repair(escape: re.Match[bytes]) -> bytes:
        backslashes, nul, second = escape.groups()
        if second:
            return escape[0]
        counts[NULS if nul else SURROGATES] += 1
        return backslashes if nul else backslashes + rb"\ufffd"

    return _ESCAPE.sub(repair, body), counts
