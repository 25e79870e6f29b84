"""Repairs JSON texts that no target can store: unpaired surrogates and U+0000.

An unpaired surrogate becomes U+FFFD, U+0000 is removed. Works on the JSON text, without decoding.
"""

from __future__ import annotations

import re
from collections import Counter

#: Kinds of repairs.
SURROGATES, NULS = "surrogates", "nuls"

#: Finds what may need repair, but no pairs of surrogates, which are frequent. An escaped backslash
#: before what looks like the first of a pair is checked by _ESCAPE.
_SUSPECT = re.compile(
    rb"\\(?:u0000"
    rb"|u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|u[dD][c-fC-F][0-9a-fA-F]{2}(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD].{3})"
    rb"|\\u[dD][89abAB])"
)
#: An escape after any escaped backslashes: U+0000, or a surrogate, perhaps with its second.
_ESCAPE = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u(?:(0000)"
    rb"|[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    rb"|[dD][c-fC-F][0-9a-fA-F]{2})"
)
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def repaired(body: bytes) -> tuple[bytes, Counter[str]]:
    """Repair a JSON text, including keys of objects; a raw U+0000 outside of texts stays invalid.

    Returns:
        The text, and how many characters were repaired, by SURROGATES and NULS.
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
