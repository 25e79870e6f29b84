"""Statistics of one run of a stream, for log lines, bar and summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from tap_callexports import clock
from tap_callexports.http.traffic import Traffic
from tap_callexports.records.timestamps import format_instant
from tap_callexports.windows import Window

#: Outcomes of a stream; STOPPED until another one is known.
COMPLETE, FAILED, FORBIDDEN, STOPPED = "complete", "failed", "forbidden", "stopped"


@dataclass(slots=True)
class Stats:
    """Statistics of a stream or partition.

    Args:
        stream: Its name.
        partition: The partition, such as `form_id 7`, or empty.
        ranged: Whether it is read in windows.
    """

    stream: str
    partition: str = ""
    ranged: bool = True
    traffic: Traffic = field(default_factory=Traffic)
    #: The time range; None before it is known, and if nothing is new.
    span: Window | None = None
    #: End of the last closed window.
    reached: datetime | None = None
    #: None before the first bookmark, and for a full table.
    bookmark: datetime | None = None
    #: Where the next run would begin if this one ended now; None as above.
    next_from: datetime | None = None
    #: Emitted rows, and closed windows.
    rows: int = 0
    windows: int = 0
    #: Rows dropped as duplicates or as outside the time range.
    duplicates: int = 0
    outside: int = 0
    #: Listed calls that no longer existed when their details were requested.
    not_found: int = 0
    #: Skipped windows and calls, as text.
    skipped: list[str] = field(default_factory=list)
    #: Counts by column.
    invalid_values: Counter[str] = field(default_factory=Counter)
    #: Characters repaired in each response, by kind; threads add to it.
    repairs: list[Counter[str]] = field(default_factory=list)
    outcome: str = STOPPED
    #: On the monotonic clock, in seconds.
    began: float = field(default_factory=lambda: clock.monotonic())  # noqa: PLW0108 - looked up each time
    ended: float | None = None

    @property
    def name(self) -> str:
        """Stream and partition, for messages."""
        return f"{self.stream} ({self.partition})" if self.partition else self.stream

    @property
    def seconds(self) -> float:
        """Duration, so far."""
        return (clock.monotonic() if self.ended is None else self.ended) - self.began

    @property
    def share(self) -> float:
        """The share of the time range that was read, 0 to 1."""
        if self.outcome == COMPLETE:
            return 1.0
        if self.span is None or self.reached is None:
            return 0.0
        return (self.reached - self.span.start) / self.span.length

    def names(self) -> dict[str, object]:
        """Stream and partition for structured logs."""
        names = {"stream_name": self.stream, "partition": self.partition}
        return {name: value for name, value in names.items() if value}

    def fields(self) -> dict[str, object]:
        """All statistics for structured logs, with instants as in a STATE."""
        counts = ("rows", "windows", "duplicates", "not_found")
        return {
            "outcome": self.outcome,
            **{name: getattr(self, name) for name in counts},
            "rows_outside": self.outside,
            "skipped": len(self.skipped),
            "requests": self.traffic.requests,
            "retries": self.traffic.retries,
            "invalid": self.invalid_values.total(),
            "repaired": sum(self.repairs, Counter()).total(),
            "bookmark": self.bookmark and format_instant(self.bookmark),
            "next_from": self.next_from and format_instant(self.next_from),
            "seconds": round(self.seconds, 3),
        }


def short(moment: datetime) -> str:
    """An instant for messages: UTC, to the minute if it is a whole one, else as in a STATE."""
    if moment.second or moment.microsecond:
        return format_instant(moment)
    return f"{moment:%Y-%m-%dT%H:%M}Z"


def count(number: int, what: str, plural: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {what}" if number == 1 else f"{number} {plural or what + 's'}"


def some(number: int, what: str, plural: str = "") -> str:
    """As `count`; empty for zero."""
    return count(number, what, plural) if number else ""


def listed(*parts: object) -> str:
    """Join the parts of a message that are not empty."""
    return ", ".join(str(part) for part in parts if part)
