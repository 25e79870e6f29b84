"""Holds the calls that are loaded against the provider's own count."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrate.counts import COUNTERS, Count, CountError, count
from orchestrate.export import Range, export
from orchestrate.programs import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from orchestrate.jobs import Job
    from orchestrate.streams import Stream
    from orchestrate.warehouse import Warehouse

_log = logging.getLogger(__name__)


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
    rows = warehouse.rows(stream.name, stream.filter_field, span.start, span.end)
    return Comparison(rows, counted)


def export_compared(
    job: Job,
    settings: Mapping[str, Any],
    bounds: tuple[datetime, datetime] | None,
    warehouse: Warehouse,
) -> dict[str, int]:
    """Run a job once, and compare what it brought; the records written, by stream.

    Args:
        job: What to export.
        settings: The tap's settings of its provider, secrets included.
        bounds: First instant, and first instant past the end, both aware UTC; None for a job
            without a range.
        warehouse: Where to.

    Raises:
        RunError: Not everything is loaded. The line says what is missing.
    """
    span = Range(*bounds) if bounds else None
    names = [each.name for each in job.streams]
    exported = export(job.provider, settings, names, span, warehouse)
    complaints = [exported.complaint] if exported.complaint else []
    for stream in job.streams:
        if stream.name not in exported.complete:
            continue
        try:
            found = compare(stream, settings, span, warehouse)
        except CountError as why:
            _log.warning("%s is not compared: %s", stream.name, why)
            continue
        if found and found.lack:
            complaints.append(f"{stream.name}: {found.lack}")
        elif found and found.excess:
            _log.warning("%s: %s", stream.name, found.excess)
        elif found:
            _log.info("%s: %s calls are loaded, as counted", stream.name, found.loaded)
    if complaints:
        raise RunError("; ".join(complaints))
    return dict(exported.rows)
