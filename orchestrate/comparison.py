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
class Comparison:
    """The calls of a stream in a range.

    Attributes:
        loaded: How many the warehouse has.
        counted: How many the provider has.
    """

    loaded: int
    counted: Count

    @property
    def lack(self) -> str:
        """That calls are missing, as a line; empty if none are."""
        if self.loaded >= self.counted.low:
            return ""
        return f"{self.loaded} calls are loaded where the provider counts {self.counted.low}"

    @property
    def excess(self) -> str:
        """That there are more than the provider has, as a line; empty if there are not.

        Deleted calls are not announced, so that is no failure.
        """
        if self.loaded <= self.counted.high:
            return ""
        return f"{self.loaded} calls are loaded, the provider has {self.counted.high} left"


@dataclass(frozen=True, slots=True)
class Result:
    """A stream of a run that is complete over its range.

    Attributes:
        stream: The stream.
        rows: Records written; one that came twice counts twice.
        comparison: Its calls, loaded and counted; None where the provider counts none, or does not
            say how many.
        silence: Why the provider does not say it; empty otherwise.
    """

    stream: Stream
    rows: int
    comparison: Comparison | None = None
    silence: str = ""

    @property
    def lack(self) -> str:
        """That calls are missing, as a line; empty if none are known to be."""
        return self.comparison.lack if self.comparison else ""

    @property
    def doubt(self) -> str:
        """What is odd and no failure, as a line; empty if nothing is."""
        return self.silence or (self.comparison.excess if self.comparison else "")

    @property
    def verdict(self) -> str:
        """What the comparison came to, as a line; empty where nothing was to be compared."""
        if self.lack or self.doubt or not self.comparison:
            return self.lack or self.doubt
        return f"{self.comparison.loaded} calls are loaded, as counted"


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
        rows = exported.rows[stream.name]
        try:
            result = Result(stream, rows, compare(stream, settings, span, warehouse))
        except CountError as why:
            result = Result(stream, rows, silence=f"not compared: {why}")
        if result.lack:
            complaints.append(f"{stream.name}: {result.lack}")
        yield result
    if complaints:
        raise RunError("; ".join(complaints))


def compare(
    stream: Stream, settings: Mapping[str, Any], span: Range | None, warehouse: Warehouse
) -> Comparison | None:
    """A stream's calls in a range, loaded and counted; None where the provider counts none.

    Args:
        stream: One that is complete over the range.
        settings: The tap's settings of its provider.
        span: The range, None for a stream that is read as a whole.
        warehouse: Where the calls are.

    Raises:
        CountError: The provider has a count and does not say it.
        RunError: The warehouse cannot be asked.
    """
    if stream.name not in COUNTERS or span is None or stream.filter_field is None:
        return None
    counted = count(stream.name, settings, span)
    if counted is None:
        return None
    loaded = warehouse.rows(stream.name, stream.filter_field, span.start, span.end)
    return Comparison(loaded, counted)
