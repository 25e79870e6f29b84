"""Twin24's lists of calls, paginated by offset and verified by their count.

https://developers.twin24.ai/reference/sessionincominglist, https://confluence.twin24.ai/x/BwLLBg
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, tzinfo
from functools import cached_property
from http import HTTPStatus
from typing import ClassVar

from singer_sdk import SchemaDirectory, StreamSchema

from tap_callexports.compat import override
from tap_callexports.http.paginators import OffsetPaginator, Page, count_of
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.twin24 import schemas
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
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

SCHEMAS = SchemaDirectory(schemas)


class Twin24Stream(CallStream[int]):
    """A list with offset and count."""

    ids_setting = "company_ids"
    ids_column = "company_id"
    tracked_columns = ("company_id",)
    sorts_rows = True
    #: Field that the server sorts by, ascending by default.
    sort: ClassVar[str]

    #: Whether it was logged that responses have no count.
    _uncounted = False

    @override
    def paginator(self, window: Window) -> OffsetPaginator:
        return OffsetPaginator(
            keys=self.declared_primary_keys, max_rows=self.provider.settings["max_records"]
        )

    @override
    def build_request(self, window: Window, token: int) -> Request:
        settings = self.provider.settings
        params = {
            **settings.get("extra_params", {}),
            "fields": ",".join(self._fields),
            # 1 s wider than the window: whether the ends belong to it is not documented.
            "from": _with_offset(floor_second(window.start) - SECOND),
            "to": _with_offset(ceil_second(window.end)),
            "sort": self.sort,
            "limit": settings["page_size"],
            "offset": token,
            "companyIds": window.only.get("company_id"),
        }
        return self.get(self.endpoint, **params)

    @override
    def parse_page(self, response: Response, window: Window) -> Page:
        rows, body = response.list_of_rows("items", "count", or_null=True)
        page = Page(self.batch(rows), count=body.get("count"))
        if count_of(page.count) is None and not self._uncounted:
            self._uncounted = True
            self.logger.warning(
                "%s: responses have no count; rows that move between pages cannot be noticed",
                self.where,
            )
        company = window.only.get("company_id")
        # Not all rows have a company.
        companies = page.rows.columns.get("company_id", ())
        if company and not {None, company}.issuperset(companies):
            raise self.ids_ignored_failure
        return page

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        if response.status == HTTPStatus.NOT_FOUND and self.path_setting:
            return self.fail(
                f"404, there is no list at this path; set twin24.{self.path_setting} to the one "
                "the provider's page shows"
            )
        return None

    @property
    @override
    def times(self) -> TimeReader:
        return ISO_TIMES if self._zone is UTC else TimeReader(self._read_local)

    def _read_local(self, value: object) -> str:
        moment = read_iso(value)
        return format_instant(moment if moment.tzinfo else to_utc(moment, self._zone))

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.provider.settings["timezone"])

    @cached_property
    def _fields(self) -> list[str]:
        """The fields to request: the selected columns in the provider's spelling."""
        needed = {*self.declared_primary_keys, self.declared_replication_key, "company_id"}
        columns = [
            name
            for name in self.schema["properties"]
            if name != EXTRA and (name in needed or self.mask.get(("properties", name), True))
        ]
        extra = self.provider.settings["extra_fields"]
        return list(dict.fromkeys([*map(camel_case, columns), *extra]))


class IncomingCalls(Twin24Stream):
    """Incoming call sessions, https://developers.twin24.ai/reference/sessionincominglist"""

    name = "twin24_incoming_calls"
    path_setting = "incoming_calls_path"
    primary_keys = ("call_id",)
    replication_key = "started_at"
    sort = "startedAt"
    schema = StreamSchema(SCHEMAS)

    @override
    def build_request(self, window: Window, token: int) -> Request:
        request, settings = super().build_request(window, token), self.provider.settings
        # Without the parameter's name the server's default, createdAt, holds.
        if name := settings.get("date_field_param"):
            return replace(request, params={**request.params, name: settings["date_field"]})
        return request


class Calls(Twin24Stream):
    """Call statistics, https://confluence.twin24.ai/x/BwLLBg"""

    name = "twin24_calls"
    path = "/search/cis/calls"
    primary_keys = ("id",)
    replication_key = "created_at"
    filter_field = "created_at"
    sort = "createdAt"
    schema = StreamSchema(SCHEMAS)


def camel_case(column: str) -> str:
    """A column in the provider's spelling, `callId` for `call_id`."""
    first, *rest = column.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _with_offset(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
