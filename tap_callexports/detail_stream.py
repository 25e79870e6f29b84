"""Streams that ask once per call: a list stream names a window's calls, and each is asked for.

Windowed streams like any other, not the SDK's child streams: those ask one call after another,
and keep a bookmark for each. Knows neither how a list nor how a call is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

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
from tap_callexports.stream import ExportStream
from tap_callexports.windows import MONTH, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.streams.rest import PageContext

    from tap_callexports.account import Account
    from tap_callexports.export_tap import ExportTap
    from tap_callexports.http.response import Response
    from tap_callexports.records.batch import Batch, Record

TToken = TypeVar("TToken")

#: So many calls that vanish, and none that does not, are no coincidence: the path is wrong.
NOT_FOUND_AT_FIRST = 20
#: Calls under way while the oldest is waited for, as a multiple of `max_concurrency`.
_CALLS_AHEAD = 4
#: Calls that may wait for the first one that can be read.
_MOST_UNREAD = 20
#: How many calls behind a window are tried where none of it could be read.
_LATER_CALLS = 3
#: A call, and what there is of it: None where it vanished, a failure where it cannot be read.
_Answer: TypeAlias = "tuple[Record, Batch | StreamFailed | None]"
_Unread: TypeAlias = "tuple[Record, StreamFailed]"
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})


class DetailStream(ExportStream[TToken], Generic[TToken]):
    """Base of the endpoints that know one call at a time.

    Type parameter: the token, which names a call.
    """

    lookback_setting = "details_lookback_hours"
    selected_by_default = False
    #: A call is not asked for in smaller pieces.
    splittable = False
    # Small, so that the bookmark moves every few minutes.
    window_rows = 1_000

    #: The stream that lists the calls of a window.
    calls: ClassVar[type[ExportStream[Any]]]
    #: Its column that says how far a call is, and its values for one that is not over.
    status_column: ClassVar[str]
    unfinished: ClassVar[frozenset[str]]

    def __init__(self, tap: ExportTap, account: Account) -> None:
        super().__init__(tap, account)
        self._calls = self.calls(tap, account)
        self._calls.log_name = self.name
        self._found = self._vanished = self._left = 0
        #: A call that could be read, to ask for again.
        self._readable: Record | None = None

    @property
    @override
    def bookmark_may_move(self) -> bool:
        # As long as every call has vanished, the path may be wrong.
        return bool(self._found) or not self._vanished

    @property
    @override
    def windows_at_once(self) -> int:
        return 1  # its calls are what is asked for side by side

    @property
    @override
    def gone(self) -> int:
        return self._vanished

    @abstractmethod
    def details(self, call: Record) -> Batch:
        """Ask for one call; runs in a worker's thread.

        Args:
            call: Its record from the list stream, as an object.

        Returns:
            What there is of it, in one record or several.

        Raises:
            RecordNotFound: It is not there any more.
            StreamFailed: It cannot be read.
            ProviderFailed: The credential was refused, or the host cannot be reached.
        """

    @override
    def read_window(self, window: Window, context: Context | None) -> Iterator[Batch]:
        return self._details(self._calls.read_window(window, context), window)

    @override
    def scan(self, window: Window, context: Context | None) -> Iterator[Batch]:
        return self._details(self._calls.scan(window, context), window)

    @override
    def within(self, batch: Batch, window: Window) -> Batch:
        return batch  # the list says where a call belongs

    @override
    def error_for(self, reply: Response, page: PageContext[TToken]) -> Exception | None:
        return RecordNotFound() if reply.status in _GONE else None

    @override
    def report(self) -> None:
        if self._left:
            self.logger.info(
                "%d calls were not over and are left out; a run that finds them over, within "
                "%s.%s, has them",
                self._left,
                self.account.name,
                self.lookback_setting,
            )
        if self._vanished:
            self.logger.warning(
                "%s: %d of %d calls no longer existed when they were requested at %s",
                self.where,
                self._vanished,
                self._vanished + self._found,
                self.endpoint,
            )

    def _details(self, lists: Iterable[Batch], window: Window) -> Iterator[Batch]:
        """The details of every call of a window that is over, a call at a time, in list order."""
        calls = (self._calls.within(batch, window) for batch in lists)
        pieces = (partial(self._one, call) for batch in calls for call in self._over(batch))
        # Requests at once are the client's to limit; a slow call only must not hold up the others.
        at_once = self.account.settings["max_concurrency"]
        ahead = 1 if at_once == 1 or self.connection_test else at_once * _CALLS_AHEAD
        for answer in self._answers(in_order(pieces, ahead), window):
            if answer is not None:
                self._found += 1
                yield answer
                continue
            self._vanished += 1
            if self._vanished >= NOT_FOUND_AT_FIRST and not self._found:
                setting = f"{self.account.name}.{self.path_setting or 'api_url'}"
                raise self.fail(
                    f"none of the first {self._vanished} calls is at {self.endpoint}; "
                    f"check {setting}"
                )

    def _answers(self, answers: Iterable[_Answer], window: Window) -> Iterator[Batch | None]:
        """What there is of each call; those that cannot be read are skipped, or the stream fails.

        A call is skipped if another one can be read after it failed, and it fails once more then:
        the calls of a server that is down are not skipped.
        """
        skips = self.account.shared.skip_unreadable and not self.connection_test
        unread: list[_Unread] = []
        for call, answer in answers:
            if isinstance(answer, StreamFailed):
                if not skips or len(unread) >= _MOST_UNREAD:
                    raise answer
                unread.append((call, answer))
            elif answer is not None:
                self._readable = call
            if unread and self._readable:
                yield from self._once_more(unread, self._readable)
                unread = []
            if not isinstance(answer, StreamFailed):
                yield answer
        if unread:
            self._readable = self._later_call(window)
            if self._readable is None:
                raise StreamFailed(f"{unread[0][1]}, and no other call can be read")
            yield from self._once_more(unread, self._readable)

    def _once_more(self, unread: list[_Unread], readable: Record) -> Iterator[Batch | None]:
        """Ask again for calls that could not be read, after one that could."""
        ((_, proof),) = self._one(readable)
        if proof is None or isinstance(proof, StreamFailed):
            raise StreamFailed(f"{unread[0][1]}, and no other call can be read now")
        for call, _ in unread:
            ((_, answer),) = self._one(call)
            if isinstance(answer, StreamFailed):
                self.logger.info("%s; skipping it", answer)
                self.skipped.append(self._named(call))
            else:
                yield answer

    def _later_call(self, window: Window) -> Record | None:
        """A call behind a window that can be read, None where the first ones cannot."""
        start, step, left = window.end, window.length, _LATER_CALLS
        while start < self.end and left > 0:
            later = Window(start, min(start + step, self.end))
            try:
                lists = [self._calls.within(b, later) for b in self._calls.read_window(later, None)]
            except WindowTooLarge:
                if step <= SECOND:
                    return None
                step = max(step // 2, SECOND)
                continue
            except (Unreadable, FilterIgnored):
                return None
            calls: list[Record] = [call for batch in lists for call in batch.records]
            for call in [call for call in calls if self._is_over(call)][:left]:
                left -= 1
                ((_, answer),) = self._one(call)
                if answer is not None and not isinstance(answer, StreamFailed):
                    return call
            start, step = later.end, min(4 * step, MONTH)
        return None

    def _over(self, batch: Batch) -> Iterator[Record]:
        """The calls of a list's batch that are over; the others are counted."""
        for call in batch.records:
            if self._is_over(call):
                yield call
            else:
                self._left += 1

    def _is_over(self, call: Record) -> bool:
        return call[self.status_column] not in self.unfinished

    def _one(self, call: Record) -> Iterator[_Answer]:
        try:
            yield call, self.details(call)
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
