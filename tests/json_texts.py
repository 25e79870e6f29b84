"""JSON texts with surrogates and NULs, as escapes and raw, and how a decoded text is repaired."""

from __future__ import annotations

from collections import Counter

from hypothesis import strategies as st

from tap_callexports.records.repair import NULS, SURROGATES

#: Pieces of a JSON string as they may stand in a response.
PIECES = st.sampled_from(
    [
        r"\ud83d", r"\uD83D", r"\ude00", r"\uDE00", r"\udbff", r"\udfff", r"\u0000", "\0", r"\\",
        r"\\\\", r"\"", r"\n", r"\u00e9", r"\ud7ff", r"\ue000", "u", "ud83d", "ude00", "u0000",
        "d83d", "0000", "a", "é", "😀", "\ufffd", r"\ufffd", " ",
    ]
)  # fmt: skip
STRINGS = st.lists(PIECES, max_size=8).map(lambda pieces: f'"{"".join(pieces)}"')
VALUES = st.recursive(
    STRINGS | st.sampled_from(["null", "1.5", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(STRINGS, inner), max_size=3).map(
            lambda parts: "{" + ",".join(f"{key} :{value}" for key, value in parts) + "}"
        )
    ),
    max_leaves=8,
)


def text_of(text: str, counts: Counter[str]) -> str:
    """A decoded text as it should be repaired."""
    # The decoder has made characters of pairs: the surrogates that are left are unpaired.
    surrogates = sum("\ud800" <= letter <= "\udfff" for letter in text)
    counts.update({SURROGATES: surrogates, NULS: text.count("\0")})
    letters = ("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return "".join(letters).replace("\0", "")
