"""How Videsk is asked: `POST /reports/exports/...` with a range, and a cap on what comes back.

https://docs.videsk.io/es-developers/api-privada/exportacion
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.capped_windows import CappedWindow
from tap_callexports.compat import override
from tap_callexports.errors import TransientFailure, Unreadable, WindowTooLarge
from tap_callexports.http.capped import Cap, CappedPage, CappedResponse
from tap_callexports.providers.videsk.labels import IDENTITY_KEYS, column_of
from tap_callexports.providers.videsk.times import (
    ZoneCheck,
    object_id_time,
    videsk_instant,
    with_offsets,
)
from tap_callexports.records.rows import Rows
from tap_callexports.records.time_zones import zone_named
from tap_callexports.records.timestamps import (
    MICROSECOND,
    MILLISECOND,
    SECOND,
    UTC,
    TimeReader,
    format_instant,
    utc_instants,
)
from tap_callexports.records.values import plain
from tap_callexports.stream import ExportStream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime, tzinfo

    from singer_sdk.helpers.types import Context

    from tap_callexports.http.response import Response
    from tap_callexports.records.batch import Batch
    from tap_callexports.records.rows import Row
    from tap_callexports.windows import Window

#: Values of `$sort`.
OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: Windows at least this long begin a second early; shorter ones, made by splitting, a millisecond.
_LONG = 10 * SECOND


@dataclass(frozen=True, slots=True)
class RangeToken:
    """A request: rows from `start` to `end` (UTC), in the order of `sort`.

    Whether the ends belong to it is unknown.
    """

    start: datetime
    end: datetime
    sort: int = OLDEST_FIRST


def request_for(window: Window, sort: int = OLDEST_FIRST) -> RangeToken:
    """The request for a window, a little wider than it: its ends may not belong to a response.

    Args:
        window: What to ask for; the end is widened by 1 ms as the request is built.
        sort: OLDEST_FIRST or NEWEST_FIRST.
    """
    margin = SECOND if window.length >= _LONG else MILLISECOND
    return RangeToken(window.start - margin, window.end, sort)


class VideskStream(ExportStream[RangeToken]):
    """Base of the exports."""

    http_method = "POST"

    #: Whether `id` was made in the second the replication key names.
    id_tells_time: ClassVar[bool] = True
    #: Body field that names a partition, where the endpoint has any.
    definition: ClassVar[str]

    #: Answers do not name their cap; said once.
    _unnamed = False

    @property
    def keys(self) -> Mapping[str, str]:
        """The `keys` of a request: the labels that are asked for, by column id."""
        return IDENTITY_KEYS

    def arranged(self, rows: Collection[Row], labels: Sequence[str]) -> Collection[Row]:
        """Rows as the normaliser is to have them.

        Args:
            rows: As the provider sent them, keyed by label.
            labels: The `columns` of the answer, in order.

        Raises:
            StreamFailed: They cannot be told apart from others.
        """
        return rows

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        cap = window.cap if isinstance(window, CappedWindow) else self.cap
        # Of a second that one response does not hold, two in opposite orders may hold all.
        last = None if window.split() else request_for(window, NEWEST_FIRST)
        page = CappedPage(request_for(window), cap, last, keys=self.declared_primary_keys)
        try:
            for _ in self.pages(page, partial(self._decode, context), context):
                pass
        except WindowTooLarge:
            if not page.may_be_cut:
                cap.note_overload()
            if last is None or not page.may_be_cut:
                raise
            raise Unreadable(
                f"{self.where}: the second {window.start:%Y-%m-%dT%H:%M:%SZ} holds more rows than "
                "the provider gives in one answer; ask Videsk to raise the cap for the account"
            ) from None
        yield self.oldest_first(page.batch)

    def _decode(self, context: Context | None, reply: Response) -> CappedResponse:
        body = reply.envelope("data", "columns", "$limit")
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, Rows):
            raise TransientFailure(
                f"{reply.status} with no list 'data' of rows{reply.error_message}"
            )
        columns = body.get("columns")
        labels = columns if isinstance(columns, list) else []
        rows = self.arranged(rows, [label for label in labels if isinstance(label, str)])
        batch, limit = self.batch(rows, context), body.get("$limit")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
            limit = self._assumed_limit
            if not self._unnamed:
                self._unnamed = True
                self.logger.warning(
                    "%s: answers name no cap; videsk.max_records (%d) is taken for it",
                    self.where,
                    limit,
                )
        # Longer than the cap it names: that is not the cap.
        return CappedResponse(batch, limit if len(batch) <= limit else self._assumed_limit)

    @override
    def batch(self, rows: Collection[Row], context: Context | None = None) -> Batch:
        if self.id_tells_time and self._zone is not UTC:
            rows = [self._placed(row) for row in rows]
        batch = super().batch(rows, context)
        self._check_zone(batch)
        return batch

    def _placed(self, row: Row) -> Row:
        """A row whose times no longer depend on the clock changes of the zone."""
        made = object_id_time(
            next((plain(row[name]) for name in row if column_of(name) == "id"), None)
        )
        if made is None:
            return row
        columns = self.schema["properties"]
        times = {
            label: plain(value)
            for label, value in row.items()
            if columns.get(column_of(label), {}).get("format") == "date-time"
        }
        # The row's own time first: the others are not before it.
        labels = sorted(times, key=lambda label: column_of(label) != self.declared_replication_key)
        filled = [label for label in labels if times[label]]
        return with_offsets({**row, **times}, filled, self._zone, made)

    def _check_zone(self, batch: Batch) -> None:
        column = self.replication_key
        if not self.id_tells_time or not column:
            return
        off = self._zone_check.misread_by(batch["id"], batch[column])
        if off:
            hours = off.total_seconds() / 3600
            raise self.fail(
                f"every time is {hours:+g} h off the time in its row's id: the "
                "provider does not write the zone it was asked for; set videsk.timezone to the "
                "zone of the account"
            )

    @property
    @override
    def times(self) -> TimeReader:
        read = partial(videsk_instant, zone=self._zone)
        return TimeReader(read, utc_instants) if self._zone is UTC else TimeReader(read)

    @override
    def name_of(self, field_name: str) -> str:
        return column_of(field_name)

    @override
    def get_http_request(self, *, page: PageContext[RangeToken]) -> HTTPRequest:
        ask = self.token_of(page)
        body: dict[str, Any] = {
            "$sort": ask.sort,
            "start": _iso_ms(ask.start),
            "end": _iso_ms(ask.end + MILLISECOND - MICROSECOND),
            "timezone": self.account.settings["timezone"],
            "keys": self.keys,
        }
        if context := page.stream_context:
            body[self.definition] = context[self.partition_column]
        return HTTPRequest(url=self.account.url(self.path), method=self.http_method, data=body)

    @override
    def error_for(self, reply: Response, page: PageContext[RangeToken]) -> Exception | None:
        if reply.status == HTTPStatus.BAD_REQUEST:
            zone = self.account.settings["timezone"]
            return self.fail(
                f"400, the request was refused{reply.error_message}; if it is about the time zone, "
                f"set videsk.timezone (now {zone}) to Etc/UTC or to the account's own"
            )
        return None

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.account.settings["timezone"])

    @cached_property
    @override
    def cap(self) -> Cap:
        """What is known of the cap on responses; the same server answers for all partitions."""
        return Cap(self._assumed_limit)

    @property
    def _assumed_limit(self) -> int:
        return int(self.account.settings["max_records"])

    @cached_property
    def _zone_check(self) -> ZoneCheck:
        return ZoneCheck()


def _iso_ms(instant: datetime) -> str:
    """UTC with milliseconds and an explicit Z, rounded down."""
    return format_instant(instant)[: -len("000Z")] + "Z"
