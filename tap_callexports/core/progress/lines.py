"""How a run says what it does: a line per window, one a minute while it waits, and a summary.

Knows no stream, only its tally.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

from tap_callexports.core.progress.tally import COMPLETE, Tally, count, listed, said, short, some
from tap_callexports.core.time.instants import format_instant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from tap_callexports.core.time.window import ClosedWindow

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
        self.tallies: list[Tally] = []
        #: Names of the streams a run is to read; a connection test has none, and no summary.
        self.expected: Collection[str] = ()
        self._tally: Tally | None = None
        self._unclosed: set[str] = set()
        #: When the run began, on the monotonic clock.
        self.began = self._said = monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def prepare(cls, logger: logging.Logger) -> None:
        """Get ready, before the tap's first line is logged."""

    def __enter__(self) -> Self:
        self._said = self.began = monotonic()
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
        for tally in self.tallies:
            self.end(tally)
        begun = {tally.stream for tally in self.tallies}
        self.summarise([name for name in self.expected if name not in begun])

    # What happens, told by the thread that reads.

    def begin(self, tally: Tally) -> None:
        """A stream, or a partition of it, begins."""
        self.tallies.append(tally)
        self._tally = tally
        self._said = monotonic()

    def nothing(self, stream: str) -> None:
        """A stream was asked for nothing."""
        tally = Tally(stream, outcome=COMPLETE)
        self.begin(tally)
        self.end(tally)

    def closed(self, tally: Tally, closed: ClosedWindow) -> None:
        """A window of a stream is complete."""
        self._said = monotonic()
        self._logger_of(tally).info(
            "%s: window %s to %s: %s",
            tally.name,
            short(closed.window.start),
            short(closed.window.end),
            listed(
                count(closed.rows, "row"),
                count(closed.requests, "request"),
                some(closed.retries, "retry", "retries"),
            ),
            extra={
                **tally.names(),
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

    def end(self, tally: Tally) -> None:
        """A stream, or a partition of it, ends; said once."""
        if tally.ended is not None:
            return
        tally.ended = monotonic()
        self._tally = None
        self.ended(tally)

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

    def ended(self, tally: Tally) -> None:
        """Show a stream that is over."""
        self._said = monotonic()
        self._logger_of(tally).info(
            "%s: %s after %.1f s: %s",
            tally.name,
            tally.outcome,
            tally.seconds,
            listed(
                count(tally.rows, "row"),
                some(tally.windows, "window"),
                some(tally.traffic.requests, "request"),
                some(tally.traffic.retries, "retry", "retries"),
                some(tally.doubles, "duplicate"),
                some(tally.outside, "row outside the time range", "rows outside the time range"),
                some(tally.gone, "call no longer exists", "calls no longer exist"),
                some(tally.skipped, "window or call skipped", "windows or calls skipped"),
                some(sum(tally.misfits.values()), "invalid value"),
                tally.bookmark and f"bookmark {short(tally.bookmark)}",
                tally.next_from and f"next run from {short(tally.next_from)}",
            ),
            extra=tally.fields(),
        )

    def summarise(self, unread: list[str]) -> None:
        """Show what the whole run came to.

        Args:
            unread: Streams it did not come to.
        """
        counts = {
            "streams": len({tally.stream for tally in self.tallies}),
            "incomplete": len({t.stream for t in self.tallies if t.outcome != COMPLETE}),
            "rows": sum(tally.rows for tally in self.tallies),
            "requests": sum(tally.traffic.requests for tally in self.tallies),
            "retries": sum(tally.traffic.retries for tally in self.tallies),
        }
        seconds = monotonic() - self.began
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
        now = monotonic()
        if (rest := self._said + SILENCE - now) > 0:
            return rest
        self._said = now
        tally, doing = self._tally, self.doing()
        if tally is None:
            self.logger.info("still %s", doing)
            return SILENCE
        more = max(0, len(tally.traffic.waits) - 1)
        self._logger_of(tally).info(
            "%s: still %s%s; %s so far%s",
            tally.name,
            doing,
            f", and {count(more, 'more request')}" if more else "",
            count(tally.rows, "row"),
            f", read up to {short(tally.reached)}" if tally.reached else "",
            extra={
                **tally.names(),
                "doing": doing,
                "rows": tally.rows,
                "requests": tally.traffic.requests,
                "reached": said(tally.reached),
            },
        )
        return SILENCE

    def doing(self) -> str:
        """What the run is at, as it looks from another thread."""
        if self.blocked():
            return "waiting: target backpressure"
        waits = self._tally.traffic.waits if self._tally else []
        return str(waits[0]) if waits else "at work"

    def _logger_of(self, tally: Tally) -> logging.Logger:
        return self.logger.getChild(tally.stream)

    def _watch(self) -> None:
        wait = self.tick()
        while not self._over.wait(wait):
            wait = self.tick()
