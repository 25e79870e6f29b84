"""What one run of a stream has done so far: the numbers behind bars, lines and summaries.

Counts only; `lines.py` and `terminal.py` show them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tap_callexports import clock
from tap_callexports.http.traffic import Traffic
from tap_callexports.records.timestamps import format_instant

if TYPE_CHECKING:
    from datetime import datetime

    from tap_callexports.windows import Window

#: How a run of a stream may end. STOPPED is what is so until another is known.
COMPLETE, FAILED, FORBIDDEN, STOPPED = "complete", "failed", "forbidden", "stopped"


@dataclass(slots=True)
class Stats:
    """One run of a stream, or of one partition of it.

    Args:
        stream: Its name.
        partition: Which partition, as `form_id 7`; empty where there is only one.
        ranged: Whether it is read by time.
    """

    stream: str
    partition: str = ""
    ranged: bool = True
    traffic: Traffic = field(default_factory=Traffic)
    #: The time that is read; None before that is known, and where nothing is new.
    span: Window | None = None
    #: End of the last window that was closed.
    reached: datetime | None = None
    #: Where it is now; None before the first, and where a stream is read from the start each time.
    bookmark: datetime | None = None
    #: Where the next run begins, if nothing else happens; None as above.
    next_from: datetime | None = None
    #: Rows handed over as records, and windows, or parts of one, whose every row was.
    rows: int = 0
    windows: int = 0
    #: Rows left out because they came before as they are, or lie outside the range.
    duplicates: int = 0
    outside: int = 0
    #: Calls that were listed, and no longer existed when they were requested.
    not_found: int = 0
    #: Windows and calls that could not be read and were passed.
    skipped: int = 0
    #: How many values did not fit, by column; they are in `extra`.
    invalid_values: Counter[str] = field(default_factory=Counter)
    #: How many characters were repaired in the responses, by kind.
    repairs: Counter[str] = field(default_factory=Counter)
    outcome: str = STOPPED
    #: On the monotonic clock, in seconds.
    began: float = field(default_factory=lambda: clock.monotonic())  # noqa: PLW0108 - looked up each time
    ended: float | None = None

    @property
    def name(self) -> str:
        """Stream and partition, the first words of a line."""
        return f"{self.stream} ({self.partition})" if self.partition else self.stream

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return (clock.monotonic() if self.ended is None else self.ended) - self.began

    @property
    def dropped(self) -> int:
        """Rows and calls that were seen and not handed over."""
        return self.duplicates + self.outside + self.not_found

    @property
    def share(self) -> float:
        """How much of its time range is read, 0 to 1."""
        if self.outcome == COMPLETE:
            return 1.0
        if self.span is None or self.reached is None:
            return 0.0
        return (self.reached - self.span.start) / self.span.length

    def fields(self) -> dict[str, object]:
        """All of it for structured logs: texts, numbers, and instants as in a STATE."""
        return {
            **self.names(),
            "outcome": self.outcome,
            "rows": self.rows,
            "windows": self.windows,
            "requests": self.traffic.requests,
            "retries": self.traffic.retries,
            "duplicates": self.duplicates,
            "rows_outside": self.outside,
            "not_found": self.not_found,
            "skipped": self.skipped,
            "invalid": sum(self.invalid_values.values()),
            "repaired": sum(self.repairs.values()),
            "bookmark": said(self.bookmark),
            "next_from": said(self.next_from),
            "seconds": round(self.seconds, 3),
        }

    def names(self) -> dict[str, object]:
        """Stream and partition for structured logs."""
        names = {"stream_name": self.stream, "partition": self.partition}
        return {name: value for name, value in names.items() if value}


def said(moment: datetime | None) -> str | None:
    """An instant as it stands in a STATE; None for none."""
    return None if moment is None else format_instant(moment)


def short(moment: datetime) -> str:
    """An instant for a message: UTC, to the minute where it is a whole one, else as in a STATE."""
    if moment.second or moment.microsecond:
        return format_instant(moment)
    return format_instant(moment)[: len("2024-05-01T00:00")] + "Z"


def count(number: int, what: str, plural: str = "") -> str:
    """`1 row`, `2 rows`; the plural is given where it does not end so."""
    return f"{number} {what}" if number == 1 else f"{number} {plural or what + 's'}"


def some(number: int, what: str, plural: str = "") -> str:
    """As `count`; nothing for none."""
    return count(number, what, plural) if number else ""


def listed(*parts: object) -> str:
    """Those parts of a message that say something."""
    return ", ".join(str(part) for part in parts if part)
