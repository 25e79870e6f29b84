"""Streams that ask once per call: a list stream names a window's calls, and each is asked for.

Windowed streams like any other, not the SDK's child streams: those ask one call after another,
and keep a bookmark for each. Knows neither how a list nor how a call is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from tap_callexports.core.compat import override
from tap_callexports.core.errors import StreamFailed, Unreadable, Vanished, WindowTooLarge
from tap_callexports.core.fetch_ahead import in_order
from tap_callexports.core.redact import shown
from tap_callexports.core.stream import ExportStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.streams.rest import PageContext

    from tap_callexports.core.account import Account
    from tap_callexports.core.http.reply import Reply
    from tap_callexports.core.rows.batch import Batch, Record
    from tap_callexports.core.tap import ExportTap
    from tap_callexports.core.time.window import Window

TToken = TypeVar("TToken")

#: So many calls that vanish, and none that does not, are no coincidence: the path is wrong.
VANISHED_AT_FIRST = 20
#: Calls under way while the oldest is waited for, as a multiple of `max_concurrency`.
_CALLS_AHEAD = 4
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
        self._calls.speaks_as = self.name
        self._found = self._vanished = self._left = 0

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
            Vanished: It is not there any more.
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
    def error_for(self, reply: Reply, page: PageContext[TToken]) -> Exception | None:
        return Vanished() if reply.status in _GONE else None

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
                "%s: %d of %d calls were gone when they were asked for at %s",
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
        ahead = 1 if at_once == 1 or self.probing else at_once * _CALLS_AHEAD
        for answer in in_order(pieces, ahead):
            if answer is not None:
                self._found += 1
                yield answer
                continue
            self._vanished += 1
            if self._vanished >= VANISHED_AT_FIRST and not self._found:
                setting = f"{self.account.name}.{self.path_setting or 'api_url'}"
                raise self.fail(
                    f"none of the first {self._vanished} calls is at {self.endpoint}; "
                    f"check {setting}"
                )

    def _over(self, batch: Batch) -> Iterator[Record]:
        """The calls of a list's batch that are over; the others are counted."""
        for call in batch.records:
            if call[self.status_column] in self.unfinished:
                self._left += 1
            else:
                yield call

    def _one(self, call: Record) -> Iterator[Batch | None]:
        try:
            yield self.details(call)
        except Vanished:
            yield None
        except (Unreadable, WindowTooLarge) as failure:
            # Not to be split: the other calls of the window can be read.
            (key,) = self._calls.declared_primary_keys
            where = "" if isinstance(failure, Unreadable) else f"{self.where}: "
            raise StreamFailed(f"{where}{failure}; call {shown(str(call[key]))}") from None
