"""Log lines of a run: one per window, one a minute while it waits, and a summary."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from typing_extensions import Self

from tap_callexports import clock
from tap_callexports.progress.stats import COMPLETE, Stats, count, listed, short, some
from tap_callexports.records.repair import NULS, SURROGATES
from tap_callexports.records.timestamps import format_instant
from tap_callexports.windows import ClosedWindow

#: Seconds without a line before one is written, a moment later.
SILENCE = 55.0
#: Most skipped windows and calls that the warning names.
_MAX_NAMED = 5
#: Seconds that the end of a run waits for a line that is being written.
_LAST_LINE = 1.0


class Progress:
    """Logs progress; as a context manager also long waits and the summary.

    Args:
        logger: The tap's.
        blocked: Whether a message is being written; for long under target backpressure.
    """

    def __init__(self, logger: logging.Logger, blocked: Callable[[], bool]) -> None:
        self.logger = logger
        self.blocked = blocked
        self.all_stats: list[Stats] = []
        #: Names of the selected streams; empty in a connection test, which has no summary.
        self.expected: Collection[str] = ()
        self._current: Stats | None = None
        self._unclosed: set[str] = set()
        #: Start of the run, and time of the last line, on the monotonic clock.
        self.began = self._logged = clock.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    @classmethod
    def prepare(cls, logger: logging.Logger) -> None:
        """Called before the tap logs its first line."""

    def __enter__(self) -> Self:
        self.began = self._logged = clock.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that writes while the interpreter exits would crash it.
        self._over.set()
        self._thread.join(_LAST_LINE)
        if self.expected:
            for stats in self.all_stats:
                self.end(stats)
            self.summarise()

    def begin(self, stats: Stats) -> None:
        """Begin a stream or partition."""
        self.all_stats.append(stats)
        self._current = stats
        self._logged = clock.monotonic()

    def nothing_to_read(self, stream: str) -> None:
        """Log a stream without partitions."""
        self.begin(stats := Stats(stream, outcome=COMPLETE))
        self.end(stats)

    def closed(self, stats: Stats, closed: ClosedWindow) -> None:
        """Log a complete window."""
        window, counts = closed.window, _counts(closed.rows, closed.requests, closed.retries)
        between = f"{short(window.start)} to {short(window.end)}"
        self.info(
            f"{stats.name}: window {between}: {_text_of(counts)}",
            stats,
            window_start=format_instant(window.start),
            window_end=format_instant(window.end),
            **counts,
        )

    def unclosed(self, provider: str, end_date: datetime, end: datetime) -> None:
        """Log once per provider (its title) that `end_date` is later than the cutoff `end`."""
        if provider not in self._unclosed:
            self._unclosed.add(provider)
            self.info(
                f"{provider}: end_date {short(end_date)} is later than the cutoff {short(end)}: "
                "the range is not closed",
                provider=provider,
                end_date=format_instant(end_date),
                cutoff=format_instant(end),
            )

    def report(self, stats: Stats) -> None:
        """Warn of skipped windows and calls, invalid values and repaired texts."""
        logger = self.logger.getChild(stats.stream)
        if unread := stats.skipped:
            more = f" and {len(unread) - _MAX_NAMED} more" if len(unread) > _MAX_NAMED else ""
            logger.warning(
                "%s: %s could not be read; skipped (on_unreadable: skip): %s%s",
                stats.name,
                count(len(unread), "window or call", "windows or calls"),
                ", ".join(unread[:_MAX_NAMED]),
                more,
            )
        for column, number in sorted(stats.invalid_values.items()):
            logger.warning(
                "%s: %s in column %s, kept in extra",
                stats.name,
                count(number, "invalid value"),
                column,
            )
        repairs = sum(stats.repairs, Counter())
        surrogates, nuls = repairs[SURROGATES], repairs[NULS]
        done = (
            surrogates and f"{count(surrogates, 'unpaired surrogate')} replaced by U+FFFD",
            nuls and f"{nuls} U+0000 removed",
        )
        if any(done):
            logger.warning(
                "%s: texts that no target can store were repaired: %s",
                stats.name,
                " and ".join(text for text in done if text),
            )

    def end(self, stats: Stats) -> None:
        """Log the end of a stream or partition, once."""
        if stats.ended is not None:
            return
        stats.ended = clock.monotonic()
        self._current = None
        facts = listed(
            count(stats.rows, "row"),
            some(stats.windows, "window"),
            some(stats.traffic.requests, "request"),
            some(stats.traffic.retries, "retry", "retries"),
            some(stats.duplicates, "duplicate"),
            some(stats.outside, "row outside the time range", "rows outside the time range"),
            some(stats.not_found, "call no longer exists", "calls no longer exist"),
            some(len(stats.skipped), "window or call skipped", "windows or calls skipped"),
            some(stats.invalid_values.total(), "invalid value"),
            stats.bookmark and f"bookmark {short(stats.bookmark)}",
            stats.next_from and f"next run from {short(stats.next_from)}",
        )
        self.info(
            f"{stats.name}: {stats.outcome} after {stats.seconds:.1f} s: {facts}",
            stats,
            **stats.fields(),
        )

    def summarise(self) -> None:
        """Log the totals of the run, and which streams were not begun."""
        streams = {stats.stream for stats in self.all_stats}
        incomplete = {stats.stream for stats in self.all_stats if stats.outcome != COMPLETE}
        unread = [name for name in self.expected if name not in streams]
        counts = _counts(
            sum(stats.rows for stats in self.all_stats),
            sum(stats.traffic.requests for stats in self.all_stats),
            sum(stats.traffic.retries for stats in self.all_stats),
        )
        missing = incomplete and f"{len(incomplete)} incomplete"
        facts = listed(count(len(streams), "stream"), missing, _text_of(counts))
        seconds = clock.monotonic() - self.began
        self.info(
            f"run ended after {seconds:.1f} s: {facts}",
            streams=len(streams),
            incomplete=len(incomplete),
            seconds=round(seconds, 3),
            not_begun=unread,
            **counts,
        )
        if unread:
            self.info(f"not begun: {', '.join(unread)}", not_begun=unread)

    def tick(self) -> float:
        """Log what the run waits for, if due; return the seconds until the next call."""
        if (rest := self._logged + SILENCE - clock.monotonic()) > 0:
            return rest
        stats = self._current
        waits = stats.traffic.waits if stats else []
        doing = str(waits[0]) if waits else "at work"
        if self.blocked():
            doing = "waiting: target backpressure"
        if stats is None:
            self.info(f"still {doing}")
            return SILENCE
        more = f", and {count(len(waits) - 1, 'more request')}" if waits[1:] else ""
        up_to = f", read up to {short(stats.reached)}" if stats.reached else ""
        self.info(
            f"{stats.name}: still {doing}{more}; {count(stats.rows, 'row')} so far{up_to}",
            stats,
            doing=doing,
            rows=stats.rows,
            requests=stats.traffic.requests,
            reached=stats.reached and format_instant(stats.reached),
        )
        return SILENCE

    def info(self, message: str, stats: Stats | None = None, **fields: object) -> None:
        """Log a line with fields for structured logs."""
        self._logged = clock.monotonic()
        logger = self.logger.getChild(stats.stream) if stats else self.logger
        logger.info("%s", message, extra={**(stats.names() if stats else {}), **fields})

    def _watch(self) -> None:
        wait = self.tick()
        while not self._over.wait(wait):
            wait = self.tick()


def _counts(rows: int, requests: int, retries: int) -> dict[str, Any]:
    return {"rows": rows, "requests": requests, "retries": retries}


def _text_of(counts: dict[str, Any]) -> str:
    return listed(
        count(counts["rows"], "row"),
        some(counts["requests"], "request"),
        some(counts["retries"], "retry", "retries"),
    )
