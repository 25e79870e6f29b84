"""How a run looks to who watches it: a bar over the time range, a line per stream, a table.

Loaded only for a terminal. Streams are read one at a time, so a bar is one line that is drawn anew:
the libraries for it bring threads and locks of their own into a process that has to end on signals.
Knows no stream, only its stats.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

from tap_callexports import clock
from tap_callexports.compat import override
from tap_callexports.progress.lines import Progress
from tap_callexports.progress.stats import COMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

    from tap_callexports.progress.stats import Stats

#: Seconds between two drawings, and after which a wait is shown.
_PACE, _PATIENCE = 0.2, 2.0
#: To the line's start, and empty it.
_CLEAR = "\r\x1b[K"
#: Columns of a name and of the bar, and what a line holds beside the bar.
_NAME, _SHORTEST, _LONGEST, _FACTS = 22, 6, 30, 70
_HEAD = ("stream", "", "rows", "requests", "retries", "left out", "invalid", "seconds", "bookmark")
_LEFT = (0, 1, len(_HEAD) - 1)
#: Columns that are shown where a stream has more than this to say.
_USUAL = {1: COMPLETE, 4: "0", 5: "0", 6: "0"}


class Terminal(Progress):
    """A bar under the log, on standard error.

    Args: As of Progress.
    """

    def __init__(self, logger: logging.Logger, blocked: Callable[[], bool]) -> None:
        super().__init__(logger, blocked)
        self._screen = _Screen(sys.stderr)
        self._handlers = _handlers()

    @classmethod
    @override
    def prepare(cls, logger: logging.Logger) -> None:
        """Let only warnings pass to the terminal, unless the user has asked for a log level."""
        names = (f"{logger.name.upper().replace('-', '_')}_LOGLEVEL", "LOGLEVEL")
        if not any(os.environ.get(name) for name in names):
            for handler in _handlers():
                handler.addFilter(_is_warning)

    @override
    def __enter__(self) -> Self:
        for handler in self._handlers:
            handler.setStream(cast("TextIO", self._screen))
        return super().__enter__()

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            for handler in self._handlers:
                handler.setStream(self._screen.stream)

    @override
    def tick(self) -> float:
        self._screen.draw(self._bar)
        return _PACE

    @override
    def show_unclosed(self, provider: str, end_date: datetime, end: datetime) -> None:
        super().show_unclosed(provider, end_date, end)
        text = f"{provider}: end_date is later than {_minute(end)}: the range is not closed"
        self._screen.draw(self._bar, above=f"{text}\n")

    @override
    def ended(self, stats: Stats) -> None:
        super().ended(stats)
        facts = [
            _count(stats.rows, "row"),
            _count(stats.traffic.requests, "request"),
            f"{stats.seconds:.1f} s",
        ]
        if stats.outcome != COMPLETE:
            at = f" at {_day(stats.reached)}" if stats.reached else ""
            facts.insert(0, stats.outcome + at)
        elif stats.span is None:
            facts.insert(0, "nothing new")
        self._screen.draw(self._bar, above=self._line(stats, facts) + "\n")

    @override
    def summarise(self, unread: list[str]) -> None:
        super().summarise(unread)
        total = _total(self.all_stats, clock.monotonic() - self.began)
        lines = ["", *_aligned([_HEAD, *map(_row, self.all_stats), total])]
        for stats in self.all_stats:
            if stats.outcome != COMPLETE:
                start = _minute(stats.next_from) if stats.next_from else "the start"
                lines.append(f"{stats.name}: the next run reads from {start}")
        if unread:
            lines.append(f"not begun: {', '.join(unread)}")
        self._screen.write("".join(f"{line}\n" for line in lines))

    def _bar(self) -> str:
        """The line of the stream that is being read."""
        if (stats := self._tally) is None:
            return ""
        seconds, share = stats.seconds, stats.share
        facts = [_count(stats.rows, "row")]
        waits = stats.traffic.waits
        if waits and waits[0].reason and not self.blocked():
            # Without the bar, so that the reason has room.
            return f"{stats.name:<{_NAME}}  {waits[0]}"[: self._screen.width]
        if self.blocked():
            facts.append("target backpressure")
        elif waits and waits[0].seconds > _PATIENCE:
            facts.append(str(waits[0]))
        else:
            facts.append(f"{stats.rows / max(seconds, _PACE):,.0f}/s")
            if stats.reached:
                facts.append(_day(stats.reached))
        if share:
            facts.insert(0, f"{_clock(seconds / share - seconds)} left")
        return self._line(stats, facts)

    def _line(self, stats: Stats, facts: Sequence[str]) -> str:
        """Name, bar and share where there is a range, and facts, in the terminal's width."""
        width = self._screen.width
        name, rest = f"{_fitting(stats.name, max(_NAME, width // 3)):<{_NAME}}", "  ".join(facts)
        if stats.span is None or not stats.ranged:
            return f"{name}  {rest}"[:width]
        share = stats.share
        size = max(_SHORTEST, min(width - _FACTS - (len(name) - _NAME), _LONGEST))
        done = int(size * share)
        full, empty = self._screen.marks
        return f"{name}  {full * done}{empty * (size - done)}  {share:4.0%}  {rest}"[:width]


class _Screen:
    """Standard error with a bar in its last line. Log lines are written above it, whole.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._bar = ""
        # Reentrant: garbage may be found while it is held, and a stream end there, and be told.
        self._lock = threading.RLock()

    @property
    def width(self) -> int:
        """Columns a line may take; the last one would make some terminals go on to the next."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except OSError:
            columns = 0
        return (columns or 80) - 1

    @property
    def marks(self) -> tuple[str, str]:
        """What the bar is made of: read, and to be read."""
        try:
            "█░".encode(self.stream.encoding)
        except UnicodeEncodeError:
            return "#", "."
        return "█", "░"

    def draw(self, bar: Callable[[], str], above: str = "") -> None:
        """Show the bar as it is now, and whole lines above it."""
        with self._lock:
            self._bar = bar()
            self.write(above)

    def write(self, text: str) -> int:
        """Write whole lines above the bar."""
        # A terminal that is gone is no reason to end the run.
        with self._lock, suppress(OSError):
            self.stream.write(_CLEAR + text + self._bar)
            self.stream.flush()
        return len(text)

    def flush(self) -> None:
        """For log handlers; everything is flushed already."""


def _handlers() -> list[logging.StreamHandler[TextIO]]:
    return [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _row(stats: Stats) -> tuple[str, ...]:
    """A stream in the table of `_HEAD`."""
    bookmark = _minute(stats.bookmark) if stats.bookmark else "-"
    return (stats.name, stats.outcome, *_cells(_numbers(stats), stats.seconds), bookmark)


def _total(all_stats: Sequence[Stats], seconds: float) -> tuple[str, ...]:
    """The last row."""
    sums = map(sum, zip(*map(_numbers, all_stats), strict=True))
    return ("total", "", *_cells(sums, seconds), "")


def _numbers(stats: Stats) -> tuple[int, ...]:
    traffic, invalid_values = stats.traffic, sum(stats.invalid_values.values())
    return (stats.rows, traffic.requests, traffic.retries, stats.dropped, invalid_values)


def _cells(numbers: Iterable[int], seconds: float) -> tuple[str, ...]:
    return (*(f"{number:,}" for number in numbers), f"{seconds:.1f}")


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table, words to the left and numbers to the right."""
    columns = []
    for number, cells in enumerate(zip(*rows, strict=True)):
        if all(cell == _USUAL.get(number) for cell in cells[1:-1]):
            continue
        width = max(map(len, cells))
        columns.append([f"{cell:{'<' if number in _LEFT else '>'}{width}}" for cell in cells])
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _fitting(name: str, width: int) -> str:
    """A name of a stream and its partition, cut in its middle where it is longer than a width."""
    if len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 2]}..{name[-end:]}"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _clock(seconds: float) -> str:
    """`1:05:09`, or `5:09`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
