"""The paginator of APIs that cap their responses and have no cursor."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.errors import WindowTooLarge
from tap_callexports.http.paginators import Page, Paginator, count_of
from tap_callexports.records.batch import Batch

TToken = TypeVar("TToken")


class CappedPage(Paginator[TToken]):
    """Reads a window that one response has to hold; a response that may be cut is too large.

    A window that cannot be split may be requested a second time, in the opposite order or with the
    highest limit of the API. Responses in opposite orders are complete together if they overlap.

    >>> from tap_callexports.cap import Cap
    >>> def page(*ids: int) -> Page:
    ...     return Page(Batch([{"id": i} for i in ids], {"id": list(ids)}))
    >>> second = CappedPage("oldest first", "newest first", cap=Cap(3), keys=("id",))
    >>> second.advance(page(1, 2, 3))
    []
    >>> second.token
    'newest first'
    >>> (batch,) = second.advance(page(4, 3, 2))
    >>> batch["id"], second.finished
    ([1, 2, 3, 4, 3, 2], True)

    Args:
        first: Token of the request.
        last: Token of the second request for a window that cannot be split; else None.
        last_limit: The limit of that request, if it is a higher one.
        cap: The known cap; learns from the responses.
        keys: Primary keys.
        advice: What the user can do if a window is too large and cannot be split.
    """

    def __init__(
        self,
        first: TToken,
        last: TToken | None = None,
        *,
        last_limit: int | None = None,
        cap: Cap,
        keys: Sequence[str],
        advice: str = "",
    ) -> None:
        super().__init__(first)
        self._last = last
        self._last_limit = last_limit
        self._cap = cap
        self._keys = tuple(keys)
        self._advice = f"; {advice}" if advice and last is not None else ""
        self._before = Batch([])

    @override
    def note_overload(self) -> None:
        self._cap.note_overload()

    @override
    def advance(self, page: Page) -> Sequence[Batch]:
        rows, cap, limit = page.rows, self._cap, count_of(page.limit) or self._cap.limit
        if self._last_limit and self.token == self._last:
            # What is learned from it does not hold for the usual limit.
            cap, limit = replace(cap), self._last_limit
        if cap.is_complete(len(rows), limit):
            self.finished = True
            return [rows]
        if self._last is not None and self.token != self._last:
            self.token, self._before = self._last, rows
            return []
        if _overlap(self._before.keys(self._keys), rows.keys(self._keys)):
            self.finished = True
            return [Batch.joined([self._before, rows])]
        raise WindowTooLarge(
            f"a response of {len(rows)} rows, which may have been cut{self._advice}"
        )


def _overlap(oldest: Sequence[Hashable], newest: Sequence[Hashable]) -> bool:
    """Whether two cut responses in opposite orders hold all rows together.

    They do if both end with the rows they share, in opposite order. One shared row, or equal times
    in the same order both ways, are no proof.
    """
    shared = len(set(oldest) & set(newest))
    return shared > 1 and list(oldest[-shared:]) == list(newest[-shared:])[::-1]
