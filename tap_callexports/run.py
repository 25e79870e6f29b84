"""One run of the tap: its top-level settings and the state its streams share."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from tap_callexports.errors import StreamFailed
from tap_callexports.progress.lines import Progress
from tap_callexports.redaction import sanitize
from tap_callexports.singer.messages import LineWriter

#: Most requests of a stream, and tries of a login, in a connection test.
TEST_REQUESTS = 2
#: Most characters of one cause, and most causes, in the last line of a failed run.
_MAX_CAUSE_LENGTH, _MAX_CAUSES = 300, 40


@dataclass(slots=True)
class Run:
    """One run; instants are UTC.

    Args:
        start_date: First instant to export.
        end_date: First instant not to export; None if not set.
        started: This machine's time at the start of the run, a whole second.
        request_timeout: Seconds a request may go without a byte.
        max_retry_wait: Longest wait, in seconds, a server may ask for.
        skip_forbidden_streams: Whether a 403 is only a warning.
        user_agent: Sent with every request.
        skip_unreadable: Whether smallest windows and single calls that cannot be read are skipped.
        nested_mixed_as_text: Whether mixed values inside lists are text.
        logger: The tap's.
        writer: Writes the Singer messages.
        progress: Logs progress.
        connection_test: Whether this is a connection test: few requests, no STATE.
        failures: Failures of single streams; the run goes on, and ends with exit code 1.
    """

    start_date: datetime
    end_date: datetime | None
    started: datetime
    request_timeout: int
    max_retry_wait: int
    skip_forbidden_streams: bool
    user_agent: str
    skip_unreadable: bool
    nested_mixed_as_text: bool
    logger: logging.Logger
    writer: LineWriter
    progress: Progress
    connection_test: bool = False
    failures: dict[str, StreamFailed] = field(default_factory=dict)
    #: The text of every failure; a stream may have one per partition.
    _causes: list[str] = field(default_factory=list)

    def stream_failed(self, name: str, failure: StreamFailed) -> None:
        """Log that a stream failed, and keep the failure for the exit code."""
        if failure in self.failures.values():
            self.logger.info("%s: not read, for the same reason", name)
        else:
            self.logger.error("%s", failure)
        self.failures[name] = failure
        self.add_cause(str(failure))

    def add_cause(self, text: str) -> None:
        """Add a cause to the last line of the run."""
        self._causes.append(text)

    @property
    def causes(self) -> str:
        """All causes of failure in one line, without repetitions."""
        texts = [sanitize(cause, _MAX_CAUSE_LENGTH) for cause in dict.fromkeys(self._causes)]
        if left := len(texts[_MAX_CAUSES:]):
            texts[_MAX_CAUSES:] = [f"and {left} more, see the lines above"]
        return " | ".join(texts)
