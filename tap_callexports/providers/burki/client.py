"""How Burki is asked: one file per window, checked against the count of the same window.

The export has no pages and no cap, both ends are inclusive to the microsecond, and naive values
are UTC. https://docs.burki.dev/api-reference/calls/export and .../get-count
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.errors import (
    FilterIgnored,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.core.instants import MICROSECOND, SECOND, format_instant, iso_instant
from tap_callexports.core.stream import ExportStream
from tap_callexports.core.window import Window
from tap_callexports.providers.burki.export_file import rows_of_csv, rows_of_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.normalise import Batch
    from tap_callexports.core.reply import Reply

COUNT_PATH = "/api/v1/calls/count"
COUNT_TRIES = 5
#: A window of more calls than this is halved before a file is asked for.
LARGEST_FILE = 100_000
#: How often a file shorter than its count is read before the window is halved.
READS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of a window: its file, or how many calls it should hold."""

    window: Window
    count: bool = False


class BurkiStream(ExportStream[Question]):
    """Base of the exports that come as one file."""

    #: The count endpoint does not work here; said once.
    _uncounted = False

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        counted = self._count(window)
        if counted is not None and counted > LARGEST_FILE and window.split():
            if self._count(Window(window.start, window.start + SECOND)) == counted:
                raise self._ignored()
            raise WindowTooLarge(f"{counted} calls")
        batch = self.batch(self._file(window, counted))
        if self.far_outside(batch, window):
            raise self._ignored()
        yield self.within(batch, window)

    @override
    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        yield self.within(self.batch(self._file(window, self._count(window))), window)

    @override
    def read_time(self, value: object) -> str:
        return iso_instant(value)

    @override
    def get_http_request(self, *, page: PageContext[Question]) -> HTTPRequest:
        question, settings = self.token_of(page), self.provider.settings
        params = {
            "date_from": _naive(question.window.start),
            "date_to": _naive(question.window.end - MICROSECOND),
            "status": settings.get("status"),
            "assistant_id": settings.get("assistant_id"),
        }
        if not question.count:
            params["format"] = settings["format"]
        path = COUNT_PATH if question.count else self.path
        return HTTPRequest(url=self.provider.url(path), params=params)

    @override
    def refused(self, reply: Reply, token: Question) -> Exception | None:
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return self.fail("422, a filter was refused; check burki.status and burki.assistant_id")
        return None

    def _file(self, window: Window, counted: int | None) -> list[dict[str, object]]:
        """The rows of a window's file: as many as are counted; uncounted CSV is read twice."""
        csv = self.provider.settings["format"] == "csv"
        decode = rows_of_csv if csv else rows_of_json
        before = None
        for _ in range(READS):
            rows = self.ask(Question(window), decode)
            if counted is not None:
                if len(rows) >= counted:
                    return rows
                counted = self._count(window)
            # JSON tells where it ends; CSV cut at the end of a row does not.
            if counted is None and (not csv or len(rows) == before):
                return rows
            before = len(rows)
        told = "more on another reading" if counted is None else f"{counted} are counted"
        raise WindowTooLarge(f"the file holds {before} calls, {told}")

    def _count(self, window: Window) -> int | None:
        """How many calls the server counts in a window; None when it does not say."""
        if self._uncounted:
            return None
        try:
            return self.ask(Question(window, count=True), _count_of, tries=COUNT_TRIES)
        except (StreamFailed, WindowTooLarge) as failure:
            self._uncounted = True
            self.logger.warning(
                "%s; files cannot be checked against the count, their length and form decide",
                failure,
            )
            return None

    def _ignored(self) -> FilterIgnored:
        return FilterIgnored(f"{self.where}: the server does not apply date_from and date_to")


def _count_of(reply: Reply) -> int:
    body = reply.json()
    count = body.get("count") if isinstance(body, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise TransientFailure(f"{reply.status} without a count")
    return count


def _naive(instant: datetime) -> str:
    """UTC without a mark: zoned values pass through the server's database zone."""
    return format_instant(instant).removesuffix("Z")
