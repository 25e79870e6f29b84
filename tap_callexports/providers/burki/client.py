"""How Burki is asked: a window at a time, and what comes is held against the window's count.

Both ends of a range are inclusive to the microsecond, and naive values are UTC. The export gives
a file without cap; the list gives pages that lose calls which started together, so it is asked
for windows that fit one page.
https://docs.burki.dev/api-reference/calls/export, .../list, .../get-count, .../data/transcripts
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import (
    FilterIgnored,
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.http.capped import looks_like_a_cap
from tap_callexports.providers.burki.call_list import CallPage, call_page, transcript_rows
from tap_callexports.providers.burki.export_file import rows_of_csv, rows_of_json
from tap_callexports.records.timestamps import (
    ISO_TIMES,
    MICROSECOND,
    SECOND,
    format_instant,
)
from tap_callexports.stream import ExportStream
from tap_callexports.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from singer_sdk.helpers.types import Context

    from tap_callexports.http.response import Response
    from tap_callexports.records.batch import Batch, Record
    from tap_callexports.records.raw_rows import Rows

#: https://docs.burki.dev/api-reference/calls/get-count
COUNT_PATH = "/api/v1/calls/count"
#: A count is asked for no more often: answers can be checked without.
COUNT_TRIES = 5
#: A window of more calls than this is halved before its file is requested.
LARGEST_FILE = 50_000
#: Most calls of a page.
PAGE = 1000
#: How often a file or page that is shorter than its count is read before the window is halved.
READS = 3


@dataclass(frozen=True, slots=True)
class CallsToken:
    """What to ask of a window: its calls, or with `count` how many calls it should hold."""

    window: Window
    count: bool = False


class BurkiStream(ExportStream[CallsToken]):
    """Base of the streams that ask for the calls of a window."""

    times = ISO_TIMES

    #: The count endpoint does not work here; said once.
    _uncounted = False

    @property
    @abstractmethod
    def own_params(self) -> dict[str, Any]:
        """Query parameters of this endpoint beside the filters."""

    @override
    def get_http_request(self, *, page: PageContext[CallsToken]) -> HTTPRequest:
        question, settings = self.token_of(page), self.account.settings
        params = {
            "date_from": _naive(question.window.start),
            "date_to": _naive(question.window.end - MICROSECOND),
            "status": settings.get("status"),
            "assistant_id": settings.get("assistant_id"),
        }
        if question.count:
            return HTTPRequest(url=self.account.url(COUNT_PATH), params=params)
        return HTTPRequest(url=self.account.url(self.path), params={**params, **self.own_params})

    @override
    def error_for(self, reply: Response, page: PageContext[CallsToken]) -> Exception | None:
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return self.fail("422, a filter was refused; check burki.status and burki.assistant_id")
        if reply.status == HTTPStatus.INTERNAL_SERVER_ERROR and self.account.settings.get(
            "assistant_id"
        ):
            return TransientFailure(
                "500, which may mean that burki.assistant_id does not exist", unreadable=True
            )
        return None

    def count(self, window: Window) -> int | None:
        """How many calls the server counts in a window; None from when on it does not say.

        https://docs.burki.dev/api-reference/calls/get-count

        Raises:
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """
        if self._uncounted:
            return None
        try:
            return self.ask(CallsToken(window, count=True), _count_of, tries=COUNT_TRIES)
        except ProviderFailed:
            raise
        except (StreamFailed, WindowTooLarge) as failure:
            self._uncounted = True
            self.logger.warning(
                "%s; answers cannot be checked against the count, their length and form decide",
                failure,
            )
            return None

    @property
    def ignored(self) -> str:
        """What is said of a server whose calls are not from the window."""
        return "the server does not apply date_from and date_to"


class FileStream(BurkiStream):
    """Base of the exports that come as one file for a window."""

    # A file lists a call once, and no other window's file lists it.
    dedupe_window = 10_000

    @property
    @override
    def own_params(self) -> dict[str, Any]:
        return {"format": self.account.settings["format"]}

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        counted = self.count(window)
        if counted is not None and counted > LARGEST_FILE and window.split():
            if self.count(Window(window.start, window.start + SECOND)) == counted:
                raise self._filter_ignored()
            raise WindowTooLarge(f"{counted} calls")
        batch = self._file(window, counted)
        if self.violates_filter(batch, window):
            raise self._filter_ignored()
        yield self.oldest_first(batch)

    @override
    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        try:
            batch = self._file(window, self.count(window))
        except WindowTooLarge as failure:
            # A part of the window would be the same file.
            raise self.fail(f"{failure}; {self.ignored}, so it cannot be split") from None
        yield self.oldest_first(batch)

    def _file(self, window: Window, counted: int | None) -> Batch:
        """A window's file, with as many rows as are counted; uncounted CSV is read twice."""
        csv = self.account.settings["format"] == "csv"
        before = None
        for _ in range(READS):
            rows: Rows = self.ask(CallsToken(window), rows_of_csv if csv else rows_of_json)
            if counted is not None and len(rows) < counted:
                counted = self.count(window)
                whole = False
            else:
                # JSON tells where it ends; CSV cut at the end of a row does not.
                whole = counted is not None or not csv or len(rows) == before
            if whole:
                batch = self.batch(rows)
                rows.clear()
                return batch
            before = len(rows)
        told = "more on another reading" if counted is None else f"{counted} are counted"
        raise WindowTooLarge(f"the file holds {before} calls, {told}")

    def _filter_ignored(self) -> FilterIgnored:
        return FilterIgnored(f"{self.where}: {self.ignored}")


class ListStream(BurkiStream):
    """Base of the lists, asked for windows that fit one page."""

    window_rows = PAGE

    @property
    @override
    def own_params(self) -> dict[str, Any]:
        return {"limit": PAGE}

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        for _ in range(READS):
            page = self.ask(CallsToken(window), call_page)
            batch = self.batch(page.items)
            if self.violates_filter(batch, window):
                raise self.fail(f"{self.ignored}, and the list cannot be read without them")
            if self._is_whole(page, window):
                yield self.oldest_first(batch)
                return
        raise WindowTooLarge(f"the page holds {len(page.items)} calls, more are counted")

    def _is_whole(self, page: CallPage, window: Window) -> bool:
        """Whether a page holds every call of its window, by its total or by the count."""
        rows = len(page.items)
        if rows >= PAGE:
            raise WindowTooLarge(f"{rows} calls or more")
        # A server may cut at fewer than it was asked for, and count no more than it gives.
        looks_cut = looks_like_a_cap(rows)
        if page.total == rows and not looks_cut:
            return True
        counted = self.count(window)
        if counted is None and looks_cut:
            raise WindowTooLarge(f"{rows} calls, perhaps more")
        counted = page.total if counted is None else counted
        return counted is None or rows >= counted


class TranscriptStream(DetailStream[int]):
    """Base of the transcripts, asked for one call at a time."""

    times = ISO_TIMES

    @override
    def details(self, call: Record) -> Batch:
        rows = self.ask(call["id"], lambda reply: transcript_rows(reply, call["id"]))
        return self.batch(rows, {"call_started_at": call["started_at"]})

    @override
    def get_http_request(self, *, page: PageContext[int]) -> HTTPRequest:
        path = self.path.replace("{id}", str(self.token_of(page)))
        return HTTPRequest(url=self.account.url(path))


def _count_of(reply: Response) -> int:
    count = reply.object().get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise TransientFailure(f"{reply.status} without a count")
    return count


def _naive(instant: datetime) -> str:
    """UTC without a mark: zoned values pass through the server's database zone."""
    return format_instant(instant).removesuffix("Z")
