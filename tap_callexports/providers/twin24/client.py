"""How Twin24 is asked: a period in pages, held against the count of the same period.

https://developers.twin24.ai/reference/sessionincominglist
"""

from __future__ import annotations

from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.errors import WindowTooLarge
from tap_callexports.core.instants import (
    SECOND,
    ceil_second,
    floor_second,
    format_instant,
    read_iso,
)
from tap_callexports.core.normalise import EXTRA, Batch
from tap_callexports.core.stream import ExportStream
from tap_callexports.core.zones import to_utc, zone_named
from tap_callexports.providers.twin24.paginator import (
    ListToken,
    OffsetPaginator,
    SessionPage,
    session_page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.reply import Reply
    from tap_callexports.core.window import Window

#: Parameters the tap sets itself.
FIXED_PARAMS = frozenset(
    {"from", "to", "limit", "offset", "page", "fields", "sort", "format", "zip"}
)
#: How often a period whose rows do not match its count is read before it is halved.
READS = 3


class Twin24Stream(ExportStream[ListToken]):
    """Base of the lists with offset and count."""

    #: The provider's name of the key field.
    key_field: ClassVar[str]
    #: What the server sorts by; ascending is its default.
    sort: ClassVar[str]
    #: Setting that holds the endpoint's path.
    path_setting: ClassVar[str]

    _uncounted = False

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        # One second wider than the window: whether the ends belong to it is not documented.
        start, end = floor_second(window.start) - SECOND, ceil_second(window.end)
        for company in self.provider.settings["company_ids"] or [None]:
            yield self._period(ListToken(start, end, company=company), context)

    def _period(self, first: ListToken, context: Context | None) -> Batch:
        """Every call of a period: as many distinct ones as the server counts."""
        limit = self.provider.settings["max_records"]
        read = counted = 0
        for _ in range(READS):
            paginator = OffsetPaginator(first, self.key_field)
            calls = Batch([])
            counts = set()
            for page in self.pages(paginator, session_page, context):
                count = page.count
                counts.add(count)
                if count is not None and count >= limit:
                    raise WindowTooLarge(f"{count} calls counted, {limit} is the most for a period")
                self._collect(page, first, calls)
            # A row that moved between pages comes twice, and its neighbour not at all.
            read = len({record[self.declared_primary_keys[0]] for record in calls.records})
            if None in counts:
                self._say_uncounted()
                if len(calls.records) >= limit:
                    raise WindowTooLarge(f"{limit} calls or more")
                return calls
            # A count that changed on the way means that rows were added or went.
            if counts == {read}:
                return calls
            counted = max(count for count in counts if count is not None)
        raise WindowTooLarge(f"{read} distinct calls read where {counted} are counted")

    def _collect(self, page: SessionPage, token: ListToken, calls: Batch) -> None:
        batch = self.batch(page.items)
        for record in batch.records:
            company = record["company_id"]
            if token.company is not None and company not in {None, token.company}:
                raise self.fail(
                    f"asked for company {token.company}, answered with another one; "
                    "twin24.company_ids is not applied by the server"
                )
        calls.records += batch.records
        calls.misfits |= batch.misfits

    @override
    def read_time(self, value: object) -> str:
        moment = read_iso(value)
        return format_instant(moment if moment.tzinfo else to_utc(moment, self._zone))

    @override
    def get_http_request(self, *, page: PageContext[ListToken]) -> HTTPRequest:
        token, settings = self.token_of(page), self.provider.settings
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
        return HTTPRequest(url=self.provider.url(settings[self.path_setting]), params=params)

    @override
    def refused(self, reply: Reply, token: ListToken) -> Exception | None:
        if reply.status == HTTPStatus.NOT_FOUND:
            return self.fail(
                f"404, there is no list at this path; set twin24.{self.path_setting} to the one "
                "the provider's page shows"
            )
        return None

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.provider.settings["timezone"])

    @cached_property
    def _fields(self) -> list[str]:
        """The selected columns in the provider's spelling: what is not wanted is not asked for."""
        needed = {*self.declared_primary_keys, self.declared_replication_key, "company_id"}
        columns = [
            name
            for name in self.schema["properties"]
            if name != EXTRA and (name in needed or self.mask.get(("properties", name), True))
        ]
        return [*map(camel_case, columns), *self.provider.settings["extra_fields"]]

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
