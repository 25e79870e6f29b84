"""Learns the cap on responses of an API without cursors.

A server that sent n rows does not cut responses below n, so the longest response so far is a lower
bound. This needs no order of the rows and no knowledge of what the server filters by.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A response with fewer rows than this is complete, unless its length looks like a cap.
TRUSTED_ROWS = 1000
#: A length looks like a cap from this many rows on, if it is a multiple of ROUND.
SUSPICIOUS_ROWS, ROUND = 100, 50
#: To learn the cap, windows aim at this multiple of the rows that surely fit a response.
_MORE = 4


def looks_like_a_cap(rows: int) -> bool:
    """Whether a response of so many rows may have been cut at a round number."""
    return rows > 0 and rows % ROUND == 0


@dataclass(slots=True)
class Cap:
    """What is known of the cap on responses.

    Args:
        limit: The most rows a response may have, as last requested, named by the server, or
            assumed. A proxy in between may cut lower.
        longest: Rows of the longest response so far.
        reached: The most rows that two responses had, or one as long as its limit, or the longest
            one when the server could not send more.

    >>> cap = Cap(5000)
    >>> cap.is_complete(999, 5000), cap.is_complete(1800, 5000), cap.is_complete(1799, 5000)
    (True, False, True)
    """

    limit: int
    longest: int = 0
    reached: int = 0

    def is_complete(self, rows: int, limit: int) -> bool:
        """Whether a response of `rows` rows has every row of its range; learns from its length."""
        known = self.longest
        reached = rows if rows == known or rows >= limit else 0
        self.learn(Cap(limit, rows, reached))
        if rows >= limit:
            return False
        looks_cut = rows >= SUSPICIOUS_ROWS and (rows == known or looks_like_a_cap(rows))
        return rows < known or (rows < TRUSTED_ROWS and not looks_cut)

    def note_overload(self) -> None:
        """Note that a range was too large for the server: do not request more rows."""
        self.reached = self.longest

    def learn(self, other: Cap) -> None:
        """Merge what was learned later."""
        self.limit = other.limit
        self.longest = max(self.longest, other.longest)
        self.reached = max(self.reached, other.reached)

    @property
    def fitting(self) -> int:
        """How many rows surely fit a response."""
        return min(self.limit, max(self.longest, TRUSTED_ROWS))

    @property
    def wanted(self) -> int:
        """How many rows to aim at: more than surely fit, as long as the cap is not known."""
        return self.fitting if self.longest == self.reached else self.fitting * _MORE
