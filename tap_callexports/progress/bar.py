"""A progress bar over the time range of a stream, on terminals.

Imported for terminals only, because importing rich takes time. The thread that logs long waits also
draws the bar.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import IO, Any, cast

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from typing_extensions import Self

from tap_callexports.compat import override
from tap_callexports.progress.lines import Progress
from tap_callexports.progress.stats import count

#: Seconds between updates, and after which a wait is shown.
_PACE, _PATIENCE = 0.2, 2.0
#: Width of the bar, and least width of a name.
_BAR, _NAME = 30, 22
#: Extra fields of the log lines that are shown beside warnings.
_FIELDS = {"outcome", "not_begun", "cutoff"}


class Bar(Progress):
    """A bar below the log, on standard error."""

    def __init__(self, logger: logging.Logger, blocked: Callable[[], bool]) -> None:
        super().__init__(logger, blocked)
        file = cast("IO[str]", _Terminal())
        self._live = Live(
            console=Console(file=file, soft_wrap=True, markup=False, emoji=False),
            get_renderable=self._render,
            auto_refresh=False,
            redirect_stdout=False,
            transient=True,
        )

    @classmethod
    @override
    def prepare(cls, logger: logging.Logger) -> None:
        """Hide most log lines, unless a log level is set."""
        names = (f"{logger.name.upper().replace('-', '_')}_LOGLEVEL", "LOGLEVEL")
        if not any(os.environ.get(name) for name in names):
            for handler in _handlers():
                handler.addFilter(_is_important)

    @override
    def __enter__(self) -> Self:
        handlers = _handlers()
        self._live.start()
        for handler in handlers:
            handler.setStream(sys.stderr)  # rich's, which writes above the bar
        return super().__enter__()

    @override
    def __exit__(self, *error: object) -> None:
        handlers = _handlers()
        try:
            super().__exit__(*error)
        finally:
            self._live.stop()
            for handler in handlers:
                handler.setStream(sys.stderr)

    @override
    def tick(self) -> float:
        self._live.refresh()
        return _PACE

    def _render(self) -> RenderableType:
        """The current stream: its bar and numbers, or why a request is retried."""
        if (stats := self._current) is None:
            return ""
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_column(min_width=_NAME, no_wrap=True)
        waits = stats.traffic.waits
        blocked = self.blocked()
        if waits and waits[0].reason and not blocked:
            line.add_row(stats.name, str(waits[0]))
            return line
        facts = [count(stats.rows, "row")]
        if blocked:
            facts.append("target backpressure")
        elif waits and waits[0].seconds > _PATIENCE:
            facts.append(str(waits[0]))
        else:
            facts.append(f"{stats.rows / max(stats.seconds, _PACE):,.0f}/s")
        if share := stats.share:
            left = timedelta(seconds=round(stats.seconds / share - stats.seconds))
            facts.insert(0, f"{share:.0%}  {left} left")
        bar = ProgressBar(1.0, share, _BAR) if stats.span and stats.ranged else ""
        line.add_column()
        line.add_column(no_wrap=True)
        line.add_row(stats.name, bar, "  ".join(facts))
        return line


class _Terminal:
    """Standard error; a terminal that is closed does not end the run."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)
            self._stream.flush()

    def flush(self) -> None:
        """Do nothing: what is written is flushed."""


def _handlers() -> list[logging.StreamHandler[Any]]:
    """The handlers that log to standard error."""
    return [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]


def _is_important(record: logging.LogRecord) -> bool:
    """Whether a line is a warning, the end of a stream or run, or about an open range."""
    return record.levelno >= logging.WARNING or not _FIELDS.isdisjoint(vars(record))
