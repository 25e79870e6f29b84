"""Burki's calls as a file, as a list, and transcripts; rows are compared with the server's count.

Both ends of a range are inclusive to the microsecond, and naive values are UTC. The export is a
file without a cap. The list's pages lose calls that started together, so windows must fit one page.
https://docs.burki.dev/api-reference/calls/export, .../list, .../get-count, .../data/transcripts
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.cap import Cap, looks_like_a_cap
from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.errors import (
    FilterIgnored,
    ProviderFailed,
    StreamFailed,
    TransientFailure,
    WindowTooLarge,
)
from tap_callexports.http.capped_page import CappedPage
from tap_callexports.http.paginators import Page, SinglePage, count_of
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.burki import schemas
from tap_callexports.providers.burki.export_file import rows_in, rows_of_csv, rows_of_json
from tap_callexports.records.batch import Record
from tap_callexports.records.rows import Row
from tap_callexports.records.timestamps import MICROSECOND, SECOND, format_instant
from tap_callexports.records.values import plain_values
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)
COUNT_PATH = "/api/v1/calls/count"
#: Tries of a count, which is not essential.
COUNT_TRIES = 5
#: A window of more calls is split before a file is requested.
LARGEST_FILE = 50_000
#: Most calls of a page.
PAGE = 1000


class BurkiStream(CallStream[int]):
    """Requests and counts of a window."""

    primary_keys = ("id",)
    replication_key = "started_at"
    filter_field = "started_at"
    sorts_rows = True
    strict_filter = True

    #: Whether the count endpoint does not work, which was logged.
    _uncounted = False

    def request_calls(self, path: str, window: Window, **params: Any) -> Request:  # noqa: ANN401 - any parameter
        """A request about the calls of a window."""
        settings = self.provider.settings
        return self.get(
            path,
            date_from=_naive(window.start),
            date_to=_naive(window.end - MICROSECOND),
            status=settings.get("status"),
            assistant_id=settings.get("assistant_id"),
            **params,
        )

    def count(self, window: Window) -> int | None:
        """How many calls the server counts in a window; None once that has failed.

        https://docs.burki.dev/api-reference/calls/get-count

        Raises:
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """
        if self._uncounted:
            return None
        request = replace(self.request_calls(COUNT_PATH, window), max_tries=COUNT_TRIES)
        try:
            return self.send(request, _parse_count)
        except ProviderFailed:
            raise
        except (StreamFailed, WindowTooLarge) as failure:
            self._uncounted = True
            self.logger.warning(
                "%s; without a count, a response is checked by its length and form only",
                failure,
            )
            return None

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        if response.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return self.fail("422, a filter was refused; check burki.status and burki.assistant_id")
        if response.status == HTTPStatus.INTERNAL_SERVER_ERROR and self.provider.settings.get(
            "assistant_id"
        ):
            return TransientFailure(
                "500, which may mean that burki.assistant_id does not exist", unreadable=True
            )
        return None

    @property
    @override
    def filter_ignored_text(self) -> str:
        return "the server does not apply date_from and date_to"


class Calls(BurkiStream):
    """Calls as one file for a window, https://docs.burki.dev/api-reference/calls/export"""

    name = "burki_calls"
    path = "/api/v1/calls/export"
    schema = StreamSchema(SCHEMAS)
    # A file lists a call once, and no other window's file lists it.
    dedupe_window = 10_000

    @override
    def paginator(self, window: Window) -> SinglePage:
        counted = self.count(window)
        if counted is not None and counted > LARGEST_FILE and window.split():
            second = replace(window, end=window.start + SECOND)
            if self.count(second) == counted:
                raise FilterIgnored(f"{self.where}: {self.filter_ignored_text}")
            raise WindowTooLarge(f"{counted} calls")
        # A CSV that is cut at the end of a row looks complete.
        return SinglePage(counted, read_twice=self._csv)

    @override
    def build_request(self, window: Window, token: int) -> Request:
        return self.request_calls(self.path, window, format=self.provider.settings["format"])

    @override
    def parse_page(self, response: Response, window: Window) -> Page:
        rows = rows_of_csv(response) if self._csv else rows_of_json(response)
        return Page(self.batch(rows))

    @property
    def _csv(self) -> bool:
        return bool(self.provider.settings["format"] == "csv")


class CallList(BurkiStream):
    """Calls with costs, numbers and metadata, https://docs.burki.dev/api-reference/calls/list"""

    name = "burki_call_list"
    path = "/api/v1/calls/"
    schema = StreamSchema(SCHEMAS)
    target_rows = PAGE
    can_scan = False

    @cached_property
    @override
    def cap(self) -> Cap:
        return Cap(PAGE)

    @override
    def paginator(self, window: Window) -> CappedPage[int]:
        return CappedPage(0, cap=self.cap_for(window), keys=self.declared_primary_keys)

    @override
    def build_request(self, window: Window, token: int) -> Request:
        return self.request_calls(self.path, window, limit=PAGE)

    @override
    def parse_page(self, response: Response, window: Window) -> Page:
        body = response.envelope("items", "total")
        total = body.get("total") if isinstance(body, dict) else None
        return Page(self.batch(rows_in(body, response)), count=total)

    @override
    def check_page(self, page: Page, window: Window) -> None:
        super().check_page(page, window)
        rows, total = len(page.rows), count_of(page.count)
        looks_cut = looks_like_a_cap(rows)
        if rows == total and not looks_cut:
            return
        # The total may be wrong, or absent in versions before 2025.
        counted = self.count(window)
        if counted is None and looks_cut:
            raise WindowTooLarge(f"{rows} rows, perhaps more")
        counted = total if counted is None else counted
        if counted is not None and rows < counted:
            raise WindowTooLarge(f"{rows} rows read where {counted} are counted")


class CallTranscripts(DetailStream):
    """Transcripts, https://docs.burki.dev/api-reference/calls/data/transcripts"""

    name = "burki_call_transcripts"
    path = "/api/v1/calls/{id}/transcripts"
    primary_keys = ("id",)
    replication_key = "call_started_at"
    filter_field = "call_started_at"
    schema = StreamSchema(SCHEMAS)
    calls = CallList
    status_column = "status"
    unfinished = frozenset({"ongoing", "in-progress", "pending"})

    @override
    def parse_call(self, response: Response, call: Record) -> Collection[Row]:
        rows = rows_of_json(response)
        if any(named != call["id"] for named in plain_values(rows.column("call_id"))):
            raise TransientFailure(f"{response.status} with the transcript of another call")
        return rows

    @override
    def added_columns(self, call: Record) -> Mapping[str, Any]:
        return {"call_started_at": call["started_at"]}


def _parse_count(response: Response) -> int:
    count = count_of(response.object().get("count"))
    if count is None:
        raise TransientFailure(f"{response.status} without a count")
    return count


def _naive(instant: datetime) -> str:
    """UTC without a zone: the server converts zoned values to its database's zone."""
    return format_instant(instant).removesuffix("Z")
