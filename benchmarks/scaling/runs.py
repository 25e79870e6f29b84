"""Runs on paper: what they ask, in which windows, and how long that takes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from benchmarks.scaling.streams import CAP, PAPER, Asked, PaperTap, asked
from tap_callexports import window_reader
from tap_callexports.compat import override
from tap_callexports.records.timestamps import UTC, format_instant
from tap_callexports.singer.state import Bookmark
from tap_callexports.sync import Export
from tap_callexports.windows import ClosedWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.scaling.history import History
    from tap_callexports.concurrency import Event, Piece
    from tap_callexports.records.batch import Batch
    from tap_callexports.stream import ExportStream
    from tap_callexports.windows import Window

#: What switches each provider on.
_KEYS = {
    "videsk": {"api_token": "on-paper-only"},
    "anunzi": {"api_key": "on-paper-only"},
    "twin24": {"access_token": "on-paper-only"},
    "burki": {"api_key": "on-paper-only"},
}

_LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass
class Job:
    """A planned window: what each thing costs that its worker hands over, in order.

    Args:
        requests: Requests before it.
        rows: Rows in it.
    """

    requests: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Played:
    """A run.

    Args:
        requests: How many were sent.
        windows: How many were closed.
        rows: How many calls were handed over.
        jobs: The planned windows.
        state: What is left behind.
    """

    requests: int
    windows: int
    rows: int
    jobs: list[Job]
    state: dict[str, Any]

    def seconds(
        self, latency: float, row_seconds: float = 0.0, *, at_once: int, calls_at_once: int = 1
    ) -> float:
        """How long it takes, as far as the server's answers decide that.

        A worker that is ahead waits with the second thing it has to hand over, until all before
        it has been taken: as `concurrency.py` does it.

        Args:
            latency: Seconds of an answer.
            row_seconds: Seconds that each row of it adds.
            at_once: Windows that are read side by side.
            calls_at_once: Requests side by side within a window.
        """
        ends: deque[float] = deque([0.0] * at_once, at_once)
        before = 0.0
        for job in self.jobs:
            now = ends[0]
            for place, (requests, rows) in enumerate(zip(job.requests, job.rows, strict=True)):
                now += requests * latency / calls_at_once + rows * row_seconds
                if place:
                    now = max(now, before)
            before = max(now, before)
            ends.append(before)
        return before


class _Export(Export):
    """An export that notes what it costs."""

    def __init__(self, stream: ExportStream[Any], bookmark: Bookmark | None) -> None:
        super().__init__(stream, None, bookmark, connection_test=False)
        self.jobs: dict[Window, Job] = {}

    @override
    def _read(self, window: Window, *, scan: bool = False) -> Iterator[Event]:
        job = self.jobs[window] = Job()
        asked.set(count := Asked())
        for event in super()._read(window, scan=scan):
            job.requests.append(count.requests)
            job.rows.append(0 if isinstance(event, ClosedWindow) else len(event))
            count.requests = 0
            yield event

    @override
    def _without_doubles(self, batch: Batch) -> list[Any]:
        self.stats.rows += len(batch)
        return []


def _one_by_one(pieces: Iterator[Piece[Event] | None], workers: int) -> Iterator[Event]:
    """As `in_order`, which it stands in for: as many windows are planned ahead, but each is read
    when its turn comes. No threads, and the same in every run.
    """
    ahead: deque[Piece[Event]] = deque()
    while True:
        while len(ahead) < workers and (piece := next(pieces, None)):
            ahead.append(piece)
        if not ahead:
            return
        yield from ahead[0]()
        ahead.popleft()


class Account:
    """An account on paper.

    Args:
        stream: Which of its streams is read.
        history: When its calls were.
        settings: The provider's, beside the defaults.
        cap: Of an answer of Videsk.
    """

    def __init__(
        self, stream: str, history: History, *, cap: int = CAP, **settings: object
    ) -> None:
        provider = stream.partition("_")[0]
        config = {provider: {**_KEYS[provider], **settings}}
        self._tap = PaperTap(config=config)
        self._tap.history, self._tap.cap = history, cap
        self._account = cast("ExportStream[Any]", self._tap.streams[stream]).account
        self._stream = PAPER[stream]
        self.settings = self._account.settings
        self.state: dict[str, Any] = {}

    def run(self, start: datetime, end: datetime) -> Played:
        """Read everything from start to end, as a first run with these two dates."""
        return self._run(start, end, end + timedelta(days=1))

    def again(self, end: datetime, every: timedelta) -> Played:
        """An incremental run, where the one before it was in time.

        Args:
            end: Up to where it reads.
            every: How long before that the one before it had ended.
        """
        key = self._stream.replication_key
        self.state = {"replication_key": key, "replication_key_value": format_instant(end - every)}
        settled = timedelta(minutes=self.settings["settle_minutes"])
        return self._run(_LONG_AGO, None, end + settled)

    def _run(self, start: datetime, end: datetime | None, now: datetime) -> Played:
        shared = self._account.shared
        self._account.shared = replace(shared, start_date=start, end_date=end, run_start=now)
        # A new one, as every process has: what the last one learned of the server is forgotten.
        stream = self._stream(self._tap, self._account)
        key = str(stream.declared_replication_key)
        export = _Export(stream, Bookmark(self.state, key, lambda: None))
        with patch.object(window_reader, "in_order", _one_by_one):
            for _ in export.batches():
                pass
        jobs = list(export.jobs.values())
        return Played(
            sum(map(sum, (job.requests for job in jobs))),
            export.stats.windows,
            export.stats.rows,
            jobs,
            dict(self.state),
        )
