"""How a run says what it does: a line per window, one a minute while it waits, and a summary.

Knows no stream, only its stats.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tap_callexports import clock
from tap_callexports.progress.stats import COMPLETE, Stats, count, listed, said, short, some
from tap_callexports.records.timestamps import format_instant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from tap_callexports.windows import ClosedWindow

#: Seconds after which a line is due; a little under a minute, for it is written a moment later.
SILENCE = 55.0
#: Seconds the end of a run waits for a line under way.
_LAST_LINE = 1.0


class Progress:
    """Log lines, for runs that nobody watches. Without `with` around it, nothing is timed.

    Args:
        logger: Of the tap.
        blocked: Whether a write of messages is under way; as it looks, the loader does not read.
    """

    def __init__(self, logger: logging.Logger, blocked: Callable[[], bool]) -> None:
        self.logger = logger
        self.blocked = blocked
        self.all_stats: list[Stats] = []
        #: Names of the streams a run is to read; a connection test has none, and no summary.
        self.expected: Collection[str] = ()
        self._tally: Stats | None = None
        self._unclosed: set[str] = set()
        #: When the run began, on the monotonic clock.
        self.began = self._said = clock.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def prepare(cls, logger: logging.Logger) -> None:
        """Get ready, before the tap's first line is logged."""

    def __enter__(self) -> Self:
        self._said = self.began = clock.monotonic()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # In any case before the interpreter ends: a thread that writes then brings it down.
        self._over.set()
        if self._thread:
            self._thread.join(_LAST_LINE)
        if not self.expected:
            return
        for stats in self.all_stats:
            self.end(stats)
        begun = {stats.stream for stats in self.all_stats}
        self.summarise([name for name in self.expected if name not in begun])

    # What happens, told by the thread that reads.

    def begin(self, stats: Stats) -> None:
        """A stream, or a partition of it, begins."""
        self.all_stats.append(stats)
        self._tally = stats
        self._said = clock.monotonic()

    def nothing(self, stream: str) -> None:
        """A stream was asked for nothing."""
        stats = Stats(stream, outcome=COMPLETE)
        self.begin(stats)
        self.end(stats)

    def closed(self, stats: Stats, closed: ClosedWindow) -> None:
        """A window of a stream is complete."""
        self._said = clock.monotonic()
        self._logger_of(stats).info(
            "%s: window %s to %s: %s",
            stats.name,
            short(closed.window.start),
            short(closed.window.end),
            listed(
                count(closed.rows, "row"),
                count(closed.requests, "request"),
                some(closed.retries, "retry", "retries"),
            ),
            extra={
                **stats.names(),
                "window_start": format_instant(closed.window.start),
                "window_end": format_instant(closed.window.end),
                "rows": closed.rows,
                "requests": closed.requests,
                "retries": closed.retries,
            },
        )

    def unclosed(self, provider: str, end_date: datetime, end: datetime) -> None:
        """The user's range is not over for a provider, and is read up to `end`; said once.

        Args:
            provider: Its title.
            end_date: The user's, UTC.
            end: First instant this run does not read, UTC.
        """
        if provider not in self._unclosed:
            self._unclosed.add(provider)
            self.show_unclosed(provider, end_date, end)

    def end(self, stats: Stats) -> None:
        """A stream, or a partition of it, ends; said once."""
        if stats.ended is not None:
            return
        stats.ended = clock.monotonic()
        self._tally = None
        self.ended(stats)

    # How it is shown.

    def show_unclosed(self, provider: str, end_date: datetime, end: datetime) -> None:
        """Show up to when a range is read that is not over.

        Args: As of `unclosed`.
        """
        self.logger.info(
            "%s: end_date %s is later than the cutoff %s: the range is not closed",
            provider,
            short(end_date),
            short(end),
            extra={"provider": provider, "end_date": said(end_date), "cutoff": said(end)},
        )

    def ended(self, stats: Stats) -> None:
        """Show a stream that is over."""
        self._said = clock.monotonic()
        self._logger_of(stats).info(
            "%s: %s after %.1f s: %s",
            stats.name,
            stats.outcome,
            stats.seconds,
            listed(
                count(stats.rows, "row"),
                some(stats.windows, "window"),
                some(stats.traffic.requests, "request"),
                some(stats.traffic.retries, "retry", "retries"),
                some(stats.duplicates, "duplicate"),
                some(stats.outside, "row outside the time range", "rows outside the time range"),
                some(stats.not_found, "call no longer exists", "calls no longer exist"),
                some(stats.skipped, "window or call skipped", "windows or calls skipped"),
                some(sum(stats.invalid_values.values()), "invalid value"),
                stats.bookmark and f"bookmark {short(stats.bookmark)}",
                stats.next_from and f"next run from {short(stats.next_from)}",
            ),
            extra=stats.fields(),
        )

    def summarise(self, unread: list[str]) -> None:
        """Show what the whole run came to.

        Args:
            unread: Streams it did not come to.
        """
        counts = {
            "streams": len({stats.stream for stats in self.all_stats}),
            "incomplete": len({t.stream for t in self.all_stats if t.outcome != COMPLETE}),
            "rows": sum(stats.rows for stats in self.all_stats),
            "requests": sum(stats.traffic.requests for stats in self.all_stats),
            "retries": sum(stats.traffic.retries for stats in self.all_stats),
        }
        seconds = clock.monotonic() - self.began
        self.logger.info(
            "run ended after %.1f s: %s",
            seconds,
            listed(
                count(counts["streams"], "stream"),
                counts["incomplete"] and f"{counts['incomplete']} incomplete",
                count(counts["rows"], "row"),
                some(counts["requests"], "request"),
                some(counts["retries"], "retry", "retries"),
            ),
            extra={**counts, "seconds": round(seconds, 3), "not_begun": unread},
        )
        if unread:
            self.logger.info("not begun: %s", ", ".join(unread))

    def tick(self) -> float:
        """Say what is waited for, if nothing was said for long.

        Returns:
            Seconds until the next look.
        """
        now = clock.monotonic()
        if (rest := self._said + SILENCE - now) > 0:
            return rest
        self._said = now
        stats, doing = self._tally, self.doing()
        if stats is None:
            self.logger.info("still %s", doing)
            return SILENCE
        more = max(0, len(stats.traffic.waits) - 1)
        self._logger_of(stats).info(
            "%s: still %s%s; %s so far%s",
            stats.name,
            doing,
            f", and {count(more, 'more request')}" if more else "",
            count(stats.rows, "row"),
            f", read up to {short(stats.reached)}" if stats.reached else "",
            extra={
                **stats.names(),
                "doing": doing,
                "rows": stats.rows,
                "requests": stats.traffic.requests,
                "reached": said(stats.reached),
            },
        )
        return SILENCE

    def doing(self) -> str:
        """What the run is at, as it looks from another thread."""
        if self.blocked():
            return "waiting: target backpressure"
        waits = self._tally.traffic.waits if self._tally else []
        return str(waits[0]) if waits else "at work"

    def _logger_of(self, stats: Stats) -> logging.Logger:
        return self.logger.getChild(stats.stream)

    def _watch(self) -> None:
        wait = self.tick()
        while not self._over.wait(wait):
            wait = self.tick()
