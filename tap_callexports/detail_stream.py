"""Streams that send one request per call; a list stream finds the calls of a window.

They are ordinary windowed streams, not the SDK's child streams: those request calls serially and
keep a bookmark for each parent record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, TypeAlias
from urllib.parse import quote

from tap_callexports.compat import override
from tap_callexports.concurrency import in_order
from tap_callexports.errors import (
    FilterIgnored,
    Forbidden,
    ProviderFailed,
    RecordNotFound,
    StreamFailed,
    TransientFailure,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.http.request import Request
from tap_callexports.http.response import Response
from tap_callexports.provider import Provider
from tap_callexports.records.batch import Batch, Record
from tap_callexports.records.rows import Row
from tap_callexports.records.timestamps import SECOND
from tap_callexports.records.values import plain
from tap_callexports.redaction import sanitize
from tap_callexports.singer.sdk import SingerTap
from tap_callexports.stream import CallStream
from tap_callexports.windows import MONTH, Window

#: The stream fails if this many calls are not found before one is: the path is wrong.
NOT_FOUND_AT_FIRST = 20
#: Calls requested ahead, as a multiple of `max_concurrency`.
_CALLS_AHEAD = 4
#: Most unreadable calls that are kept until another call can be read.
_MAX_UNREADABLE_CALLS = 20
#: How many calls after a window are tried if none of it can be read.
_LATER_CALLS = 3
#: A call and its details; None if it no longer exists, a failure if it cannot be read.
_Result: TypeAlias = "tuple[Record, Batch | StreamFailed | None]"
_Unread: TypeAlias = "tuple[Record, StreamFailed]"
#: What takes the place of the details of a call that is not finished, as they say.
_UNFINISHED = Batch([])
_NOT_FOUND = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})


class DetailStream(CallStream["Record"]):
    """An endpoint with the details of one call.

    A subclass declares the stream that lists the calls of a window, and the path of one of them, in
    which the list's primary key stands in braces. If the response is more than the call as a flat
    object, it also says how that is parsed (`parse_call`).
    """

    lookback_setting = "details_lookback_hours"
    selected_by_default = False
    # A response about one call does not get smaller with the window.
    splittable = False
    # Small, so that the bookmark moves every few minutes.
    target_rows = 1_000

    #: The stream that lists the calls of a window.
    calls: ClassVar[type[CallStream[Any]]]
    #: Its column of the call's status, and the statuses of unfinished calls.
    status_column: ClassVar[str]
    unfinished: ClassVar[frozenset[str]]

    def __init__(self, tap: SingerTap, provider: Provider) -> None:
        super().__init__(tap, provider)
        self._calls = self.calls(tap, provider)
        self._calls.log_name = self.name
        self._found = self._unfinished_calls = 0
        #: A call that could be read; requested again to see that the server is not down.
        self._readable: Record | None = None

    def build_call_request(self, call: Record) -> Request:
        """The request for a call, given as its record from the list stream."""
        (key,) = self.calls.primary_keys
        return self.get(self.endpoint.replace(f"{{{key}}}", quote(str(call[key]), safe="")))

    def parse_call(self, response: Response, call: Record) -> Collection[Row]:
        """The rows of a call in a 2xx response: by default the response, with the id in its column.

        Raises:
            TransientFailure: The response is incomplete or about another call.
        """
        row, (key,) = response.row(), self.calls.primary_keys
        # As texts: a record may have a text where the API sends a number, and the reverse.
        if not isinstance(row, dict) or str(plain(row.get(key))) != str(call[key]):
            raise TransientFailure(
                f"{response.status} without the call that was requested{response.error_message}"
            )
        return [row]

    def added_columns(self, call: Record) -> Mapping[str, Any]:
        """Columns of the rows of a call that come from its record in the list stream."""
        return {}

    @property
    @override
    def tracked_columns(self) -> tuple[str, ...]:
        return (self.status_column,)

    @property
    @override
    def bookmark_may_move(self) -> bool:
        # As long as no call was found, the path may be wrong.
        return bool(self._found) or not self.stats.not_found

    @property
    @override
    def workers(self) -> int:
        return 1  # calls are requested concurrently, not windows

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        return self._details(self._calls.read_window(window), window)

    @override
    def build_request(self, window: Window, token: Record) -> Request:
        return self.build_call_request(token)

    @override
    def within(self, batch: Batch, window: Window) -> Batch:
        return batch  # the list stream has filtered the calls

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        return RecordNotFound() if response.status in _NOT_FOUND else None

    @override
    def report(self) -> None:
        if self._unfinished_calls:
            self.logger.info(
                "%s: skipped %d unfinished calls; a later run exports them if they end within "
                "%s.%s",
                self.where,
                self._unfinished_calls,
                self.provider.name,
                self.lookback_setting,
            )
        if self.stats.not_found:
            self.logger.warning(
                "%s: %d of %d calls no longer existed when they were requested at %s",
                self.where,
                self.stats.not_found,
                self.stats.not_found + self._found,
                self.endpoint,
            )

    def _details(self, lists: Iterable[Batch], window: Window) -> Iterator[Batch]:
        """The details of every finished call of a window, call by call, in list order."""
        calls = (self._calls.within(batch, window) for batch in lists)
        pieces = (
            partial(self._request_call, call) for batch in calls for call in self._finished(batch)
        )
        # The client limits concurrent requests; more calls ahead let others pass a slow one.
        at_once = self.provider.settings["max_concurrency"]
        ahead = 1 if at_once == 1 or self.run.connection_test else at_once * _CALLS_AHEAD
        for details in self._skipping(in_order(pieces, ahead), window):
            if details is not None:
                self._found += 1
                self._unfinished_calls += details is _UNFINISHED
                yield details
                continue
            self.stats.not_found += 1
            if self.stats.not_found >= NOT_FOUND_AT_FIRST and not self._found:
                setting = f"{self.provider.name}.{self.path_setting or 'api_url'}"
                raise self.fail(
                    f"none of the first {self.stats.not_found} calls was found at {self.endpoint}; "
                    f"check {setting}"
                )

    def _skipping(self, results: Iterable[_Result], window: Window) -> Iterator[Batch | None]:
        """The details of each call; unreadable calls are skipped, or the stream fails.

        A call is skipped if another one can be read after it failed, and it then fails once more,
        so that an outage skips nothing.
        """
        skips = self.run.skip_unreadable and not self.run.connection_test
        unread: list[_Unread] = []
        for call, result in results:
            if isinstance(result, StreamFailed):
                if not skips or len(unread) >= _MAX_UNREADABLE_CALLS:
                    raise result
                unread.append((call, result))
            elif result is not None:
                self._readable = call
            if unread and self._readable:
                yield from self._retry_unread(unread, self._readable)
                unread = []
            if not isinstance(result, StreamFailed):
                yield result
        if unread:
            self._readable = self._later_call(window)
            if self._readable is None:
                raise StreamFailed(f"{unread[0][1]}, and no other call can be read")
            yield from self._retry_unread(unread, self._readable)

    def _retry_unread(self, unread: list[_Unread], readable: Record) -> Iterator[Batch | None]:
        """Request unreadable calls once more, after a call that could be read."""
        ((_, result),) = self._request_call(readable)
        if result is None or isinstance(result, StreamFailed):
            raise StreamFailed(f"{unread[0][1]}, and no other call can be read now")
        for call, _ in unread:
            ((_, result),) = self._request_call(call)
            if isinstance(result, StreamFailed):
                self.logger.info("%s; skipping it", result)
                self.stats.skipped.append(self._named(call))
            else:
                yield result

    def _later_call(self, window: Window) -> Record | None:
        """A readable call after a window, None if none of the first ones is."""
        start, step, left = window.end, window.length, _LATER_CALLS
        while start < self.end and left > 0:
            later = replace(window, start=start, end=min(start + step, self.end))
            try:
                lists = [self._calls.within(b, later) for b in self._calls.read_window(later)]
            except WindowTooLarge:
                if step <= SECOND:
                    return None
                step = max(step // 2, SECOND)
                continue
            except (Unreadable, FilterIgnored):
                return None
            calls: list[Record] = [call for batch in lists for call in batch.records]
            for call in [call for call in calls if self._is_finished(call)][:left]:
                left -= 1
                ((_, result),) = self._request_call(call)
                if result is not None and not isinstance(result, StreamFailed):
                    return call
            start, step = later.end, min(4 * step, MONTH)
        return None

    def _finished(self, batch: Batch) -> Iterator[Record]:
        """The finished calls of a batch of the list; counts the others."""
        for call in batch.records:
            if self._is_finished(call):
                yield call
            else:
                self._unfinished_calls += 1

    def _is_finished(self, call: Record) -> bool:
        return call[self.status_column] not in self.unfinished

    def _request_call(self, call: Record) -> Iterator[_Result]:
        try:
            request = self.build_call_request(call)
            rows = self.send(request, lambda response: self.parse_call(response, call))
            # The status in the details counts if the list has another one.
            batch = self.batch(rows, self.added_columns(call))
            statuses = batch.columns.get(self.status_column, ())
            yield call, batch if self.unfinished.isdisjoint(statuses) else _UNFINISHED
        except RecordNotFound:
            yield call, None
        except Unreadable as failure:
            # Not split: the other calls of the window can be read.
            yield call, StreamFailed(f"{failure}; {self._named(call)}")
        except WindowTooLarge as failure:
            yield call, self.fail(f"{failure}; {self._named(call)}")
        except (Forbidden, ProviderFailed):
            raise
        except StreamFailed as failure:
            raise StreamFailed(f"{failure}; {self._named(call)}") from None

    def _named(self, call: Record) -> str:
        (key,) = self._calls.declared_primary_keys
        return f"call {sanitize(str(call[key]))}"
