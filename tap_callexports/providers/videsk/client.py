"""How Videsk is asked: `POST /reports/exports/...` with a range, and a cap on what comes back.

How far is asked and what an answer proves is decided in pace.py, cap.py and paginator.py.

https://docs.videsk.io/es-developers/api-privada/exportacion
"""

from __future__ import annotations

from functools import cached_property, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_callexports.core.compat import override
from tap_callexports.core.errors import (
    PartlyRead,
    TransientFailure,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.core.rows.batch import Batch
from tap_callexports.core.rows.rows import Rows
from tap_callexports.core.rows.values import plain
from tap_callexports.core.stream import ExportStream
from tap_callexports.core.time.instants import (
    MICROSECOND,
    MILLISECOND,
    UTC,
    TimeReader,
    format_instant,
    utc_instants,
)
from tap_callexports.core.time.window import Planner
from tap_callexports.core.time.zones import zone_named
from tap_callexports.providers.videsk.cap import Answer, Cap, CapPlanner
from tap_callexports.providers.videsk.labels import IDENTITY_KEYS, column_of
from tap_callexports.providers.videsk.pace import Pace
from tap_callexports.providers.videsk.paginator import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    RangeToken,
    TwoEndsPaginator,
    first_token,
    joined,
)
from tap_callexports.providers.videsk.times import (
    ZoneCheck,
    object_id_time,
    videsk_instant,
    with_offsets,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta, tzinfo

    from singer_sdk.helpers.types import Context

    from tap_callexports.core.http.reply import Reply
    from tap_callexports.core.rows.rows import Row
    from tap_callexports.core.time.window import Window


class VideskStream(ExportStream[RangeToken]):
    """Base of the exports."""

    http_method = "POST"

    #: Whether `id` was made in the second the replication key names.
    id_tells_time: ClassVar[bool] = True
    #: Body field that names a partition, where the endpoint has any.
    definition: ClassVar[str]

    #: How far is asked, where windows end as the answers do.
    _pace: Pace | None = None

    #: The windows, where they are read side by side.
    _plan: CapPlanner | None = None

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
    def planner(self, span: Window, first_step: timedelta) -> Planner:
        if self.windows_at_once > 1:
            self._plan = CapPlanner(span, first_step, self._cap)
            return self._plan
        before, self._pace = self._pace, Pace(self._cap, first_step)
        if before:
            # The server is the same for all partitions.
            self._pace.in_order = before.in_order
        # One window, of which each answer reads as far as it holds (`PartlyRead`).
        return Planner(span, first_step=span.length)

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        pace = self._pace or Pace(self._plan.cap_for(window) if self._plan else self._cap)
        meeting = TwoEndsPaginator(window, self._time, self.declared_primary_keys, pace)
        try:
            if meeting.early:
                meeting.advance(meeting.early)
            for _ in self.pages(meeting, partial(self._answer, context), context):
                pass
        except WindowTooLarge as failure:
            if failure.at is None:
                pace.too_much(meeting.asked)
            if halves := meeting.asked.split(failure.at):
                raise WindowTooLarge(str(failure), at=halves[0].end) from failure
            yield self._one_second(meeting.asked, pace.cap, context)
        except Unreadable as failure:
            failure.asked = meeting.asked
            raise
        else:
            yield self.oldest_first(meeting.batch)
        if meeting.asked.end < window.end:
            raise PartlyRead(meeting.asked.end)

    def _one_second(self, window: Window, cap: Cap, context: Context | None) -> Batch:
        """A second that one answer does not hold: oldest first joined with newest first.

        Raises:
            Unreadable: Nor do two, or the provider does not answer.
        """
        decode, answers = partial(self._answer, context), []
        for sort in (OLDEST_FIRST, NEWEST_FIRST):
            try:
                answer = self.ask(first_token(window, sort), decode, context)
            except Unreadable as failure:
                failure.asked = window
                raise
            answers.append(answer.batch)
            if not cap.may_be_cut(answer):
                answers = [answer.batch]
                break
        if len(answers) > 1 and not joined(*(a.keys(self.declared_primary_keys) for a in answers)):
            raise Unreadable(
                f"{self.where}: the second {window.start:%Y-%m-%dT%H:%M:%SZ} holds more rows than "
                "the provider gives in one answer; ask Videsk to raise the cap for the account",
                asked=window,
            )
        return self.oldest_first(Batch.joined(answers))

    def _answer(self, context: Context | None, reply: Reply) -> Answer:
        body = reply.envelope("data", "columns", "$limit")
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, Rows):
            raise TransientFailure(f"{reply.status} with no list 'data' of rows{reply.said}")
        columns = body.get("columns")
        labels = columns if isinstance(columns, list) else []
        rows = self.arranged(rows, [label for label in labels if isinstance(label, str)])
        limit = body.get("$limit")
        named = isinstance(limit, int) and not isinstance(limit, bool) and limit > 0
        if not named and not self._unnamed:
            self._unnamed = True
            self.logger.warning(
                "%s: answers name no cap; videsk.max_records (%d) is taken for it",
                self.where,
                self.account.settings["max_records"],
            )
        return Answer(self.batch(rows, context), limit if named else None)

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
    def error_for(self, reply: Reply, page: PageContext[RangeToken]) -> Exception | None:
        if reply.status == HTTPStatus.BAD_REQUEST:
            zone = self.account.settings["timezone"]
            return self.fail(
                f"400, the request was refused{reply.said}; if it is about the time zone, set "
                f"videsk.timezone (now {zone}) to Etc/UTC or to the account's own"
            )
        return None

    @property
    def _time(self) -> str:
        """The column the server sorts by."""
        return str(self.declared_replication_key)

    @cached_property
    def _zone(self) -> tzinfo:
        return zone_named(self.account.settings["timezone"])

    @cached_property
    def _cap(self) -> Cap:
        return Cap(self.account.settings["max_records"])

    @cached_property
    def _zone_check(self) -> ZoneCheck:
        return ZoneCheck()


def _iso_ms(instant: datetime) -> str:
    """UTC with milliseconds and an explicit Z, rounded down."""
    return format_instant(instant)[: -len("000Z")] + "Z"
