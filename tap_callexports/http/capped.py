"""Responses with a cap on their rows and no cursor: a window is read whole, or it is halved.

No I/O. What is known of the cap is the length of the longest response so far: a server that sent n
rows does not cut below n. That needs no order of the rows and no knowledge of what the server
filters by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tap_callexports.compat import override
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http.paginator import Paginator
from tap_callexports.records.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

TToken = TypeVar("TToken")

#: A response with fewer rows than this was cut by no cap, unless its length looks like one.
TRUSTED_ROWS = 1000
#: From here on a length may look like a cap,
SUSPICIOUS_ROWS = 100
#: if it is a multiple of this.
ROUND = 50
#: How many times the rows that surely fit a response are asked for, to learn how many it may have.
_GROWTH = 4


def looks_like_a_cap(rows: int) -> bool:
    """Whether a response of so many rows may have been cut at a round number."""
    return rows > 0 and rows % ROUND == 0


@dataclass(slots=True)
class Cap:
    """What is known of the cap on responses.

    Args:
        limit: The most rows a response may have, as last asked for, named by the server, or
            assumed. Something in between may cut lower.
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
        """Whether a response has every row of its range; takes its length into account.

        Args:
            rows: How many it has.
            limit: How many it may have.
        """
        known = self.longest
        reached = rows if rows == known or rows >= limit else 0
        self.learn(Cap(limit, rows, reached))
        if rows >= limit:
            return False
        looks_cut = rows >= SUSPICIOUS_ROWS and (rows == known or looks_like_a_cap(rows))
        return rows < known or (rows < TRUSTED_ROWS and not looks_cut)

    def note_overload(self) -> None:
        """Note that a range was too large for the server: no more rows should be asked for."""
        self.reached = self.longest

    def learn(self, other: Cap) -> None:
        """Add what was learned later."""
        self.limit = other.limit
        self.longest = max(self.longest, other.longest)
        self.reached = max(self.reached, other.reached)

    @property
    def fitting(self) -> int:
        """How many rows surely fit a response."""
        return min(self.limit, max(self.longest, TRUSTED_ROWS))

    @property
    def wanted(self) -> int:
        """How many rows to ask for: more than surely fit, as long as the cap is not known."""
        return self.fitting if self.longest == self.reached else self.fitting * _GROWTH


@dataclass(frozen=True, slots=True)
class CappedResponse:
    """A decoded response.

    Args:
        batch: Its rows as records, in its order.
        limit: The most rows it may have.
    """

    batch: Batch
    limit: int


class CappedPage(Paginator[TToken, CappedResponse]):
    """Reads a range that one response has to hold; a response that may be cut is an error.

    A range that cannot be halved may be asked for in a second way. Responses in opposite orders
    are complete together where they overlap.

    >>> def response(*ids: int) -> CappedResponse:
    ...     return CappedResponse(Batch([{"id": i} for i in ids], {"id": list(ids)}), limit=3)
    >>> second = CappedPage("oldest first", Cap(3), "newest first", keys=("id",))
    >>> second.advance(response(1, 2, 3))
    >>> second.current_value
    'newest first'
    >>> second.advance(response(4, 3, 2))
    >>> second.finished, second.batch["id"]
    (True, [1, 2, 3, 4, 3, 2])

    Args:
        first: The request of the range.
        cap: What is known of the cap; learns by the responses.
        last: Another request of a range that cannot be halved: in the opposite order, or with the
            highest limit the API takes. None where it can.
        keys: Columns that tell records apart.

    Attributes:
        batch: The rows, once the range was read; they may repeat.
        may_be_cut: Whether they may not be all.

    Raises:
        WindowTooLarge: By `advance`: there may be more rows than came.
    """

    def __init__(
        self, first: TToken, cap: Cap, last: TToken | None = None, *, keys: Sequence[str]
    ) -> None:
        super().__init__(first)
        self.batch = Batch([])
        self.may_be_cut = False
        self._cap = cap
        self._last = last
        self._keys = tuple(keys)

    @override
    def has_more(self, page: CappedResponse) -> bool:
        before, self.batch = self.batch, page.batch
        self.may_be_cut = not self._cap.is_complete(len(page.batch), page.limit)
        if not self.may_be_cut:
            return False
        if self._last is not None and self.current_value != self._last:
            return True
        if _overlap(before.keys(self._keys), page.batch.keys(self._keys)):
            self.batch = Batch.joined([before, page.batch])
            self.may_be_cut = False
            return False
        raise WindowTooLarge(f"a response of {len(page.batch)} rows, which may have been cut")

    @override
    def get_next(self, page: CappedResponse) -> TToken:
        assert self._last is not None  # noqa: S101 - for the type checker
        return self._last


def _overlap(oldest: Sequence[Hashable], newest: Sequence[Hashable]) -> bool:
    """Whether two cut responses in opposite orders hold every row between them.

    They do if the rows they share end both, in opposite order. One shared row, or rows that tie in
    the same order both ways, prove nothing.
    """
    shared = len(set(oldest) & set(newest))
    return shared > 1 and oldest[-shared:] == newest[-shared:][::-1]
