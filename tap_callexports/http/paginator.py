"""Paginators: a dialogue with a server, page by page. No I/O, no sleeping, no stream state.

The shape of singer_sdk's `BaseAPIPaginator`, over decoded pages: the SDK hands paginators the
response, which would then be decoded a second time, and it takes 0 and "" for the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

TToken = TypeVar("TToken")
TPage = TypeVar("TPage")


class PaginationError(Exception):
    """The dialogue cannot go on: the server contradicts itself. One sentence for the user."""


class Paginator(ABC, Generic[TToken, TPage]):
    """Says which page to ask for, and when the last one was read.

    Type parameters: the token, which tells one page from the next, hashable; and a decoded page.

    Args:
        start_value: Token of the first page.
    """

    def __init__(self, start_value: TToken) -> None:
        #: What is said of a server that leads back to a page that was read.
        self.led_back = "the server leads back to a page that was read already"
        self._value = start_value
        self._seen = {start_value}
        self._finished = False

    @property
    def current_value(self) -> TToken:
        """Token of the page to ask for."""
        return self._value

    @property
    def finished(self) -> bool:
        """Whether the last page has been read."""
        return self._finished

    def advance(self, page: TPage) -> None:
        """Go on from a page just read.

        Raises:
            PaginationError: Going on would lose rows or never end.
        """
        if not self.has_more(page):
            self._finished = True
            return
        self._value = self.get_next(page)
        if self._value in self._seen:
            raise PaginationError(self.led_back)
        self._seen.add(self._value)

    @abstractmethod
    def has_more(self, page: TPage) -> bool:
        """Whether the server has more after this page.

        Called once for each page, in their order, before `get_next`: it may note what it saw.

        Raises:
            PaginationError: The page contradicts those before it.
        """

    @abstractmethod
    def get_next(self, page: TPage) -> TToken:
        """Token of the page after this one, where there is more.

        Raises:
            PaginationError: The server does not say which.
        """
