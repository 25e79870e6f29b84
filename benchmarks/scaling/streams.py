"""The tap's streams, answered from a history instead of by a server.

All that decides what is asked is the tap's own: windows, paginators, paces, checks of what came.
Only `ask` is replaced, and what is done to rows, which are no more than numbers here.
"""

from __future__ import annotations

from abc import abstractmethod
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from benchmarks.scaling.history import through
from tap_callexports.compat import override
from tap_callexports.detail_stream import DetailStream
from tap_callexports.endpoint import Endpoint
from tap_callexports.http.capped import CappedResponse
from tap_callexports.http.cursor import CursorPage
from tap_callexports.http.response import Response
from tap_callexports.providers.anunzi import paginator as anunzi
from tap_callexports.providers.anunzi import streams as anunzi_streams
from tap_callexports.providers.burki import call_list as burki
from tap_callexports.providers.burki import client as burki_client
from tap_callexports.providers.burki import streams as burki_streams
from tap_callexports.providers.burki.export_file import ExportFile
from tap_callexports.providers.twin24 import client as twin24_client
from tap_callexports.providers.twin24 import paginator as twin24
from tap_callexports.providers.twin24 import streams as twin24_streams
from tap_callexports.providers.videsk import streams as videsk_streams
from tap_callexports.providers.videsk.client import OLDEST_FIRST, RangeToken
from tap_callexports.records.batch import Batch
from tap_callexports.records.rows import Rows
from tap_callexports.records.timestamps import (
    EPOCH,
    MICROSECOND,
    MILLISECOND,
    SECOND,
    ceil_second,
    floor_second,
)
from tap_callexports.tap import TapCallExports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from singer_sdk.helpers.types import Context

    from benchmarks.scaling.history import History
    from tap_callexports.records.rows import Row
    from tap_callexports.stream import ExportStream
    from tap_callexports.windows import Window

T = TypeVar("T")

#: The cap of Videsk's answers.
CAP = 5000


@dataclass
class Asked:
    """What a worker has asked so far."""

    requests: int = 0


#: Of the worker at hand.
asked: ContextVar[Asked] = ContextVar("asked")


class PaperTap(TapCallExports):
    """A tap whose providers have a history.

    Attributes:
        history: When calls were.
        cap: Of an answer of Videsk.
    """

    history: History
    cap: int = CAP


class Numbered(Rows):
    """Calls of which nothing but the number is known."""

    def __init__(self, first: int, after: int) -> None:
        super().__init__(cast("Any", range(first, max(first, after))))

    @override
    def column(self, field: str) -> list[Any]:
        return list(self._rows)


class Paper(Endpoint[Any]):
    """Base of the streams that are answered from a history."""

    @property
    def history(self) -> History:
        """When calls were."""
        return cast("PaperTap", self._run).history

    @abstractmethod
    def answer(self, token: Any) -> Any:  # noqa: ANN401 - each provider has its own
        """What the server says, decoded."""

    @override
    def ask(
        self,
        token: Any,  # noqa: ANN401 - each provider has its own
        decode: Callable[[Response], T],
        context: Context | None = None,
        *,
        tries: int = 0,
        spooled: bool = False,
    ) -> T:
        asked.get().requests += 1
        return cast("T", self.answer(token))

    @override
    def batch(self, rows: Collection[Row], context: Context | None = None) -> Batch:
        numbers: list[Any] = list(rows)
        return Batch(numbers, dict.fromkeys(self.declared_primary_keys, numbers))

    @override
    def within(self, batch: Batch, window: Window) -> Batch:
        if self.filter_field is None or not batch:
            return batch
        first = max(batch.records[0], self.history.before(window.start))
        after = min(batch.records[-1] + 1, self.history.before(window.end))
        return self.batch(cast("Any", range(first, max(first, after))))

    @override
    def oldest_first(self, batch: Batch) -> Batch:
        return batch

    @override
    def violates_filter(self, batch: Batch, window: Window) -> bool:
        return False

    @override
    def size_of(self, batch: Batch) -> int:
        return len(batch)


class VideskCalls(Paper, videsk_streams.Calls):
    """Whole seconds, both ends of a range belong to it, cut at the cap."""

    @override
    def answer(self, token: RangeToken) -> CappedResponse:
        cap = cast("PaperTap", self._run).cap
        # It is asked in whole milliseconds, rounded so that the range gets no smaller.
        start = EPOCH + (token.start - EPOCH) // MILLISECOND * MILLISECOND
        end = floor_second(token.end + MILLISECOND - MICROSECOND)
        first, after = self.history.before(ceil_second(start)), self.history.before(end + SECOND)
        if token.sort == OLDEST_FIRST:
            after = min(after, first + cap)
        else:
            first = max(first, after - cap)
        step = token.sort
        numbers = list(range(first, max(first, after)))[::step]
        return CappedResponse(Batch(numbers, {"id": numbers}), cap)


class AnunziCalls(Paper, anunzi_streams.Calls):
    """Milliseconds, both ends of a range belong to it; the cursor is the next call's number."""

    @override
    def batch(self, rows: Collection[Row], context: Context | None = None) -> Batch:
        batch = super().batch(rows, context)
        # Their order is not looked at: it is what was asked for.
        return Batch(batch.records, {**batch.columns, "start_timestamp": []})

    @override
    def answer(self, token: anunzi.ListToken) -> CursorPage:
        assert token.low is not None  # noqa: S101 - for the type checker
        assert token.high is not None  # noqa: S101 - as above
        low = self.history.before(EPOCH + token.low * MILLISECOND)
        high = self.history.before(EPOCH + (token.high + 1) * MILLISECOND)
        first = int(token.cursor) if token.cursor else low
        after = min(high, first + self.account.settings["page_size"])
        return CursorPage(Numbered(first, after), after < high, str(after))


class _Twin24(Paper, twin24_client.Twin24Stream):
    @override
    def answer(self, token: twin24.ListToken) -> twin24.SessionPage:
        low = self.history.before(token.start)
        high = through(self.history, token.end)
        first = low + token.offset
        after = min(high, first + self.account.settings["page_size"])
        return twin24.SessionPage(Numbered(first, after), high - low)


class Twin24IncomingCalls(_Twin24, twin24_streams.IncomingCalls):
    """Both ends of a period belong to it."""


class Twin24Calls(_Twin24, twin24_streams.Calls):
    """Both ends of a period belong to it."""


class _Burki(Paper, burki_client.BurkiStream):
    def _numbers(self, window: Window) -> tuple[int, int]:
        return self.history.before(window.start), through(self.history, window.end - MICROSECOND)


class BurkiCalls(_Burki, burki_streams.Calls):
    """A file and a count of a window."""

    @override
    def answer(self, token: burki_client.CallsToken) -> int | ExportFile:
        first, after = self._numbers(token.window)
        if token.count:
            return after - first
        return ExportFile(after - first, (Numbered(first, after),), Response(200, {}, b""))


class BurkiCallList(_Burki, burki_streams.CallList):
    """A page of a window, and how many calls it has in all."""

    @override
    def answer(self, token: burki_client.CallsToken) -> int | burki.CallPage:
        first, after = self._numbers(token.window)
        if token.count:
            return after - first
        rows = Numbered(first, min(after, first + burki_client.PAGE))
        return burki.CallPage(rows, after - first)


class _Details(DetailStream[Any]):
    """All calls are over, and none is gone."""

    @override
    def _details(self, lists: Iterable[Batch], window: Window) -> Iterator[Batch]:
        for batch in lists:
            calls = self._calls.within(batch, window)
            asked.get().requests += len(calls)
            yield calls

    @override
    def size_of(self, batch: Batch) -> int:
        return len(batch)


class AnunziCallDetails(_Details, anunzi_streams.CallDetails):
    """A request for each call."""

    calls = AnunziCalls


class BurkiCallTranscripts(_Details, burki_streams.CallTranscripts):
    """A request for each call."""

    calls = BurkiCallList


#: What each stream is played by.
PAPER: dict[str, type[ExportStream[Any]]] = {
    stream.name: cast("type[ExportStream[Any]]", stream)
    for stream in (
        VideskCalls,
        AnunziCalls,
        AnunziCallDetails,
        Twin24IncomingCalls,
        Twin24Calls,
        BurkiCalls,
        BurkiCallList,
        BurkiCallTranscripts,
    )
}
