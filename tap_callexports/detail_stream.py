"""Streams that send one request per call: a list stream names a window's calls.

They are windowed streams like any other, not the SDK's child streams: those request one call after
another, and keep a bookmark for each.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from tap_callexports.compat import override
from tap_callexports.concurrency import in_order
from tap_callexports.errors import (
    FilterIgnored,
    Forbidden,
    ProviderFailed,
    RecordNotFound,
    StreamFailed,
    Unreadable,
    WindowTooLarge,
)
from tap_callexports.records.timestamps import SECOND
from tap_callexports.redaction import sanitize
from tap_callexports.stream import CallStream
from tap_callexports.windows import MONTH, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tap_callexports.http.paginators import Paginator
    from tap_callexports.http.request import Request
    from tap_callexports.http.response import Response
    from tap_callexports.provider import Provider
    from tap_callexports.records.batch import Batch, Record
    from tap_callexports.records.rows import Row
    from tap_callexports.singer.sdk import SingerTap

#: So many calls that no longer exist, and none that does, are no coincidence: the path is wrong.
NOT_FOUND_AT_FIRST = 20
#: Calls under way while the oldest is waited for, as a multiple of `max_concurrency`.
_CALLS_AHEAD = 4
#: Calls that may wait for the first one that can be read.
_MAX_UNREADABLE_CALLS = 20
#: How many calls after a window are tried where none of it could be read.
_LATER_CALLS = 3
#: A call, and what there is of it: None where it no longer exists, a failure where it cannot be
#: read.
_Result: TypeAlias = "tuple[Record, Batch | StreamFailed | None]"
_Unread: TypeAlias = "tuple[Record, StreamFailed]"
_NOT_FOUND = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})


class DetailStream(CallStream["Record"]):
    """An endpoint that knows one call at a time.

    A subclass names the stream that lists the calls of a window, and says how one of them is
    requested (`build_call_request`) and parsed (`parse_call`).
    """

    lookback_setting = "details_lookback_hours"
    selected_by_default = False
    # A call is not requested in smaller pieces.
    splittable = False
    # Small, so that the bookmark moves every few minutes.
    target_rows = 1_000

    #: The stream that lists the calls of a window.
    calls: ClassVar[type[CallStream[Any]]]
    #: Its column that says how far a call is, and its values for one that is not over.
    status_column: ClassVar[str]
    unfinished: ClassVar[frozenset[str]]

    def __init__(self, tap: SingerTap, provider: Provider) -> None:
        super().__init__(tap, provider)
        self._calls = self.calls(tap, provider)
        self._calls.log_name = self.name
        self._found = self._unfinished_calls = 0
        #: A call that could be read, to request again.
        self._readable: Record | None = None

    @abstractmethod
    def build_call_request(self, call: Record) -> Request:
        """The request of one call.

        Args:
            call: Its record from the list stream, as an object.
        """

    @abstractmethod
    def parse_call(self, response: Response, call: Record) -> Collection[Row]:
        """What a 2xx response has of the call, in one row or several.

        Raises:
            TransientFailure: It is not about that call, or not whole.
        """

    def added_columns(self, call: Record) -> Mapping[str, Any]:
        """Columns that are not in the rows of a call but in its record from the list stream."""
        return {}

    @property
    @override
    def bookmark_may_move(self) -> bool:
        # As long as every call has not been found, the path may be wrong.
        return bool(self._found) or not self.stats.not_found

    @property
    @override
    def workers(self) -> int:
        return 1  # its calls are what is requested at the same time

    @override
    def read_window(self, window: Window) -> Iterator[Batch]:
        return self._details(self._calls.read_window(window), window)

    @override
    def paginator(self, window: Window) -> Paginator[Record]:
        raise NotImplementedError("its calls take the place of pages")

    @override
    def build_request(self, window: Window, token: Record) -> Request:
        return self.build_call_request(token)

    @override
    def within(self, batch: Batch, window: Window) -> Batch:
        return batch  # the list says where a call belongs

    @override
    def error_for(self, response: Response, request: Request) -> Exception | None:
        return RecordNotFound() if response.status in _NOT_FOUND else None

    @override
    def report(self) -> None:
        if self._unfinished_calls:
            self.logger.info(
                "%d calls were not over and are left out; a run that finds them over, within "
                "%s.%s, has them",
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
        """The details of every call of a window that is over, a call at a time, in list order."""
        calls = (self._calls.within(batch, window) for batch in lists)
        pieces = (
            partial(self._request_call, call) for batch in calls for call in self._finished(batch)
        )
        # Requests at once are the client's to limit; a slow call only must not hold up the others.
        at_once = self.provider.settings["max_concurrency"]
        ahead = 1 if at_once == 1 or self.run.connection_test else at_once * _CALLS_AHEAD
        for answer in self._skipping(in_order(pieces, ahead), window):
            if answer is not None:
                self._found += 1
                yield answer
                continue
            self.stats.not_found += 1
            if self.stats.not_found >= NOT_FOUND_AT_FIRST and not self._found:
                setting = f"{self.provider.name}.{self.path_setting or 'api_url'}"
                raise self.fail(
                    f"none of the first {self.stats.not_found} calls is at {self.endpoint}; "
                    f"check {setting}"
                )

    def _skipping(self, answers: Iterable[_Result], window: Window) -> Iterator[Batch | None]:
        """What there is of each call; those that cannot be read are skipped, or the stream fails.

        A call is skipped if another one can be read after it failed, and it fails once more then:
        the calls of a server that is down are not skipped.
        """
        skips = self.run.skip_unreadable and not self.run.connection_test
        unread: list[_Unread] = []
        for call, answer in answers:
            if isinstance(answer, StreamFailed):
                if not skips or len(unread) >= _MAX_UNREADABLE_CALLS:
                    raise answer
                unread.append((call, answer))
            elif answer is not None:
                self._readable = call
            if unread and self._readable:
                yield from self._retry_unread(unread, self._readable)
                unread = []
            if not isinstance(answer, StreamFailed):
                yield answer
        if unread:
            self._readable = self._later_call(window)
            if self._readable is None:
                raise StreamFailed(f"{unread[0][1]}, and no other call can be read")
            yield from self._retry_unread(unread, self._readable)

    def _retry_unread(self, unread: list[_Unread], readable: Record) -> Iterator[Batch | None]:
        """Request once more the calls that could not be read, after one that could."""
        ((_, proof),) = self._request_call(readable)
        if proof is None or isinstance(proof, StreamFailed):
            raise StreamFailed(f"{unread[0][1]}, and no other call can be read now")
        for call, _ in unread:
            ((_, answer),) = self._request_call(call)
            if isinstance(answer, StreamFailed):
                self.logger.info("%s; skipping it", answer)
                self.stats.skipped.append(self._named(call))
            else:
                yield answer

    def _later_call(self, window: Window) -> Record | None:
        """A call after a window that can be read, None where the first ones cannot."""
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
                ((_, answer),) = self._request_call(call)
                if answer is not None and not isinstance(answer, StreamFailed):
                    return call
            start, step = later.end, min(4 * step, MONTH)
        return None

    def _finished(self, batch: Batch) -> Iterator[Record]:
        """The calls of a list's batch that are over; the others are counted."""
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
            yield call, self.batch(rows, self.added_columns(call))
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
