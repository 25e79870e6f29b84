"""How Twin24 is asked: a period in pages, held against the count of the same period.

A period is a window as the provider is asked for it: in whole seconds, and a little wider.
https://developers.twin24.ai/reference/sessionincominglist, https://confluence.twin24.ai/x/BwLLBg
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.compat import override
from tap_callexports.errors import StreamFailed, WindowTooLarge
from tap_callexports.providers.twin24.paginator import (
    ListToken,
    OffsetPaginator,
    SessionPage,
    session_page,
)
from tap_callexports.records.batch import Batch
from tap_callexports.records.codec import EXTRA
from tap_callexports.records.time_zones import to_utc, zone_named
from tap_callexports.records.timestamps import (
    ISO_TIMES,
    SECOND,
    UTC,
    TimeReader,
    ceil_second,
    floor_second,
    format_instant,
    read_iso,
)
from tap_callexports.stream import ExportStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from singer_sdk.helpers.types import Context

    from tap_callexports.http.response import Response
    from tap_callexports.windows import Window

#: Parameters users may not add, and what to do instead: the tap sets them, or could not read or
#: count the rows of a response.
FIXED_PARAMS = {
    "from": "use start_date",
    "to": "use end_date",
    "limit": "use twin24.page_size",
    "offset": "the tap reads every page",
    "page": "the tap reads every page",
    "fields": "select columns, or use twin24.extra_fields",
    "sort": "the tap needs its own order",
    "format": "the tap reads JSON only",
    "zip": "the tap reads JSON only",
    "companyIds": "use twin24.company_ids",
}
#: How often a period whose rows do not match its count is read before it is halved.
READS = 3


class Twin24Stream(ExportStream[ListToken]):
    """Base of the lists with offset and count."""

    #: The provider's name of the field that tells rows apart.
    key_field: ClassVar[str]
    tracked_columns = ("company_id",)
    #: Field the server sorts by; ascending is its default.
    sort: ClassVar[str]

    _uncounted = False

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        # One second wider than the window: whether the ends belong to it is not documented.
        start, end = floor_second(window.start) - SECOND, ceil_second(window.end)
        known: set[object] = set()
        found = []
        for company in self.account.settings["company_ids"] or [None]:
            batch = self._period(ListToken(start, end, company=company), context)
            keys = set(batch.keys(self.declared_primary_keys))
            if keys & known:
                raise self._company_ignored()
            known |= keys
            found.append(batch)
        yield self.oldest_first(Batch.joined(found))

    def _period(self, first: ListToken, context: Context | None) -> Batch:
        """Every call of a period: as many distinct ones as the server counts."""
        limit = self.account.settings["max_records"]
        read = counted = 0
        for _ in range(READS):
            paginator = OffsetPaginator(first, self.key_field)
            pages, counts = [], set()
            for page in self.pages(paginator, session_page, context):
                count = page.count
                counts.add(count)
                if count is not None and count >= limit:
                    raise WindowTooLarge(f"{count} calls counted, {limit} is the most for a period")
                pages.append(self._calls_of(page, first))
            calls = Batch.joined(pages)
            # A row that moved between pages comes twice, and its neighbour not at all.
            read = len(set(calls.keys(self.declared_primary_keys)))
            if None in counts:
                self._say_uncounted()
                if len(calls) >= limit:
                    raise WindowTooLarge(f"{limit} calls or more")
                return calls
            # A count that changed on the way means that rows were added or went.
            if counts == {read}:
                return calls
            counted = max(count for count in counts if count is not None)
        raise WindowTooLarge(f"{read} distinct calls read where {counted} are counted")

    def _calls_of(self, page: SessionPage, token: ListToken) -> Batch:
        batch = self.batch(page.items)
        # Not every list tells a call's company.
        companies = batch.columns.get("company_id", ())
        if token.company and not {None, token.company}.issuperset(companies):
            raise self._company_ignored()
        return batch

    def _company_ignored(self) -> StreamFailed:
        return self.fail(
            "asked for one company, answered with another one; twin24.company_ids is not applied "
            "by the server"
        )

    @property
    @override
    def times(self) -> TimeReader:
        return ISO_TIMES if self._zone is UTC else TimeReader(self._read_local)

    def _read_local(self, value: object) -> str:
        moment = read_iso(value)
        return format_instant(moment if moment.tzinfo else to_utc(moment, self._zone))

    @override
    def get_http_request(self, *, page: PageContext[ListToken]) -> HTTPRequest:
        token, settings = self.token_of(page), self.account.settings
        params: dict[str, Any] = {
            **settings.get("extra_params", {}),
            "fields": ",".join(self._fields),
            "from": _with_offset(token.start),
            "to": _with_offset(token.end),
            "sort": self.sort,
            "limit": settings["page_size"],
            "offset": token.offset,
        }
        if token.company is not None:
            params["companyIds"] = token.company
        return HTTPRequest(url=self.account.url(self.endpoint), params=params)

    @override
    def error_for(self, reply: Response, page: PageContext[ListToken]) -> Exception | None:
        if reply.status == HTTPStatus.NOT_FOUND and self.path_setting:
            return self.fail(
                f"404, there is no list at this path; set twin24.{self.path_setting} to the one "
                "the provider's page shows"
            )
        return None

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.account.settings["timezone"])

    @cached_property
    def _fields(self) -> list[str]:
        """The selected columns in the provider's spelling: what is not wanted is not asked for."""
        needed = {*self.declared_primary_keys, self.declared_replication_key, "company_id"}
        columns = [
            name
            for name in self.schema["properties"]
            if name != EXTRA and (name in needed or self.mask.get(("properties", name), True))
        ]
        extra = self.account.settings["extra_fields"]
        return list(dict.fromkeys([*map(camel_case, columns), *extra]))

    def _say_uncounted(self) -> None:
        if not self._uncounted:
            self._uncounted = True
            self.logger.warning(
                "%s: answers hold no count; rows that move between pages cannot be noticed",
                self.where,
            )


def camel_case(column: str) -> str:
    """A column in the provider's spelling, `call_id` as `callId`."""
    first, *rest = column.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _with_offset(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
