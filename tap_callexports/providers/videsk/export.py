"""Videsk's exports: `POST /reports/exports/...` with a time range and a cap on responses.

https://docs.videsk.io/es-developers/api-privada/exportacion
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any, ClassVar

from tap_callexports.cap import Cap
from tap_callexports.compat import override
from tap_callexports.http.capped_page import CappedPage
from tap_callexports.http.paginators import Page, count_of
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.providers.videsk.answers import Header, keys_for
from tap_callexports.providers.videsk.labels import IDENTITY_KEYS, column_of
from tap_callexports.providers.videsk.times import (
    ZoneCheck,
    object_id_time,
    videsk_instant,
    with_offsets,
)
from tap_callexports.records.batch import Batch
from tap_callexports.records.rows import Row
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
from tap_callexports.redaction import sanitize
from tap_callexports.stream import CallStream
from tap_callexports.windows import Window

#: Values of `$sort`.
OLDEST_FIRST, NEWEST_FIRST = 1, -1
#: Windows at least this long begin a second early; shorter ones, made by splitting, a millisecond.
_LONG = 10 * SECOND
_REFUSED = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class VideskStream(CallStream[int]):
    """An export: one capped response for a range, in either order.

    Forms and surveys have one partition per definition; their columns are questions, but for some
    fixed ones.
    """

    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    sorts_rows = True
    #: Whether `id` is an ObjectId of the second of the replication key.
    id_has_time: ClassVar[bool] = True
    #: Field of the request with the partition, if there are partitions.
    definition: ClassVar[str]
    #: The columns of forms and surveys that are not questions: ids, or labels if there is no id.
    fixed: ClassVar[tuple[str, ...]] = ()

    #: Whether it was logged that responses do not name their cap, and which labels repeat.
    _unnamed = False
    _repeated: frozenset[str] = frozenset()

    @override
    def paginator(self, window: Window) -> CappedPage[int]:
        # Two responses in opposite orders may hold a second that one response does not.
        return CappedPage(
            OLDEST_FIRST,
            None if window.split() else NEWEST_FIRST,
            cap=self.cap_for(window),
            keys=self.declared_primary_keys,
            advice="ask Videsk to raise the cap for the account",
        )

    @override
    def build_request(self, window: Window, token: int) -> Request:
        # A little wider than the window: whether ranges include their ends is not documented.
        start = window.start - (SECOND if window.length >= _LONG else MILLISECOND)
        body: dict[str, Any] = {
            "$sort": token,
            "start": _iso_ms(start),
            "end": _iso_ms(window.end + MILLISECOND - MICROSECOND),
            "timezone": self.provider.settings["timezone"],
            "keys": keys_for(self.fixed) if self.fixed else IDENTITY_KEYS,
        }
        if self.partition_setting:
            body[self.definition] = window.only[self.partition_column]
        return self.post(self.path, body)

    @override
    def parse_page(self, response: Response, window: Window) -> Page:
        rows, body = response.list_of_rows("data", "columns", "$limit")
        columns = body.get("columns")
        labels = columns if isinstance(columns, list) else []
        arranged = self.arrange(rows, [label for label in labels if isinstance(label, str)])
        batch = self.batch(arranged, window.only)
        limit = count_of(body.get("$limit"))
        if not limit:
            limit = self._assumed_limit
            if not self._unnamed:
                self._unnamed = True
                self.logger.warning(
                    "%s: responses do not name their cap; videsk.max_records (%d) is assumed",
                    self.where,
                    limit,
                )
        # A response longer than the cap that it names has another cap.
        return Page(batch, limit=limit if len(batch) <= limit else self._assumed_limit)

    def arrange(self, rows: Collection[Row], labels: Sequence[str]) -> Collection[Row]:
        """Rearrange rows for the codec.

        Args:
            rows: As the provider sent them, keyed by label.
            labels: The `columns` of the response, in order.

        Raises:
            StreamFailed: A question has the label of a needed column.
        """
        if not self.fixed:
            return rows
        known = set(labels)
        unnamed = dict.fromkeys(label for row in rows for label in row if label not in known)
        header = Header([*labels, *unnamed], self.fixed)
        if rows and header.hidden:
            raise self.fail(
                f"a question has the label of the column {', '.join(header.hidden)}; rename "
                "the question"
            )
        if new := set(header.repeated) - self._repeated:
            self._repeated |= new
            self.logger.warning(
                "%s: several questions of one %s have the same label (%s); the provider sends the "
                "answer to one of them only",
                self.where,
                self.definition,
                ", ".join(sanitize(label, 80) for label in sorted(new)),
            )
        if not self.passthrough:
            # Stream maps and flattening need decoded values, and the codec does not decode lists.
            rows = [{label: plain(value) for label, value in row.items()} for row in rows]
        return [header.arranged(row) for row in rows]

    @override
    def batch(self, rows: Collection[Row], added: Mapping[str, Any] | None = None) -> Batch:
        if self.id_has_time and self._zone is not UTC:
            rows = [self._placed(row) for row in rows]
        batch = super().batch(rows, added)
        self._check_zone(batch)
        return batch

    def _placed(self, row: Row) -> Row:
        """A row with its times as instants, in repeated hours by the time in its id."""
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
        # The replication key first: other times are not before it.
        labels = sorted(times, key=lambda label: column_of(label) != self.declared_replication_key)
        filled = [label for label in labels if times[label]]
        return with_offsets({**row, **times}, filled, self._zone, made)

    def _check_zone(self, batch: Batch) -> None:
        column = self.replication_key
        if not self.id_has_time or not column:
            return
        off = self._zone_check.misread_by(batch["id"], batch[column])
        if off:
            hours = off.total_seconds() / 3600
            raise self.fail(
                f"every time is {hours:+g} h off the time in its row's id: the "
                "provider does not use the requested time zone; set videsk.timezone to the zone of "
                "the account"
            )

    @property
    @override
    def times(self) -> TimeReader:
        read = partial(videsk_instant, zone=self._zone)
        return TimeReader(read, utc_instants) if self._zone is UTC else TimeReader(read)

    @override
    def column_of(self, field: str) -> str:
        return column_of(field)

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        zone = self.provider.settings["timezone"]
        if self.partition_setting and response.status in _REFUSED:
            definition = sanitize(str(request.json[self.definition]), 80)
            return self.fail(
                f"{response.status}, the {self.definition} {definition} was refused"
                f"{response.error_message}; check videsk.{self.partition_setting}, and "
                "videsk.timezone if it names that"
            )
        if response.status == HTTPStatus.BAD_REQUEST:
            return self.fail(
                f"400, the request was refused{response.error_message}; if it is about the time "
                f"zone, set videsk.timezone (now {zone}) to Etc/UTC or to the account's own"
            )
        return None

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.provider.settings["timezone"])

    @cached_property
    @override
    def cap(self) -> Cap:
        """The cap on responses, the same for all partitions."""
        return Cap(self._assumed_limit)

    @property
    def _assumed_limit(self) -> int:
        return int(self.provider.settings["max_records"])

    @cached_property
    def _zone_check(self) -> ZoneCheck:
        return ZoneCheck()


def _iso_ms(instant: datetime) -> str:
    """UTC with milliseconds and an explicit Z, rounded down."""
    return format_instant(instant)[: -len("000Z")] + "Z"
