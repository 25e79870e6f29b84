"""One run, and the calls it brought held against the provider's own count.

Knows no scheduler: each says in its own way what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrate.counts import COUNTERS, Count, CountError, count
from orchestrate.export import export
from orchestrate.programs import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrate.export import Range
    from orchestrate.streams import Stream
    from orchestrate.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Result:
    """A stream of a run that is complete over its range.

    Attributes:
        stream: The stream.
        rows: Records written; one that came twice counts twice.
        counted: How many calls of the range the provider has; None where that is not known.
        loaded: How many of them the warehouse has.
        silence: Why the provider, which counts them, does not say it; empty otherwise.
    """

    stream: Stream
    rows: int
    counted: Count | None = None
    loaded: int = 0
    silence: str = ""

    @property
    def lack(self) -> str:
        """That calls are missing, as a line; empty if none are known to be."""
        if self.counted is None or self.loaded >= self.counted.low:
            return ""
        return f"{self.loaded} calls are loaded where the provider counts {self.counted.low}"

    @property
    def doubt(self) -> str:
        """What is odd and no failure, as a line; empty if nothing is.

        Deleted calls are not announced, so that there may be more than the provider has.
        """
        if self.counted is None or self.loaded <= self.counted.high:
            return self.silence
        return f"{self.loaded} calls are loaded, the provider has {self.counted.high} left"

    @property
    def verdict(self) -> str:
        """What the comparison came to, as a line; empty where nothing was to be compared."""
        agreed = f"{self.loaded} calls are loaded, as counted" if self.counted else ""
        return self.lack or self.doubt or agreed


def export_compared(
    provider: str,
    settings: Mapping[str, Any],
    streams: Sequence[Stream],
    span: Range | None,
    warehouse: Warehouse,
) -> Iterator[Result]:
    """Run the tap and the loader once, and compare what they brought with the provider's count.

    Args:
        provider: Whose API it is.
        settings: The tap's settings of that provider, secrets included.
        streams: What to export.
        span: What to read; None for streams that are read as a whole each time.
        warehouse: Where to.

    Raises:
        RunError: Not everything is loaded, or the warehouse cannot be asked. The line says what is
            missing; it comes after the streams that are complete.
    """
    exported = export(provider, settings, [each.name for each in streams], span, warehouse)
    complaints = [exported.complaint] if exported.complaint else []
    for stream in streams:
        if stream.name not in exported.complete:
            continue
        result = _compared(stream, exported.rows[stream.name], settings, span, warehouse)
        if result.lack:
            complaints.append(f"{stream.name}: {result.lack}")
        yield result
    if complaints:
        raise RunError("; ".join(complaints))


def _compared(
    stream: Stream,
    rows: int,
    settings: Mapping[str, Any],
    span: Range | None,
    warehouse: Warehouse,
) -> Result:
    if stream.name not in COUNTERS or span is None or stream.filter_field is None:
        return Result(stream, rows)
    try:
        counted = count(stream.name, settings, span)
    except CountError as why:
        return Result(stream, rows, silence=f"not compared: {why}")
    if counted is None:
        return Result(stream, rows)
    loaded = warehouse.rows(stream.name, stream.filter_field, span.start, span.end)
    return Result(stream, rows, counted, loaded)
