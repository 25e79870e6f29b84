"""The connection test: reads a little of each stream and shows the results on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from singer_sdk import Stream

from tap_callexports import clock
from tap_callexports.progress.stats import COMPLETE
from tap_callexports.run import Run

#: Results in the table: other names of outcomes, and the result of a stream without partitions.
_RESULTS, _NOT_REQUESTED = {COMPLETE: "ok"}, "not requested"


def check_connection(streams: Iterable[Stream], run: Run) -> None:
    """Read a little of each stream and write a table of the results to stderr."""
    rows = [("stream", "result", "ms")]
    for stream in streams:
        stream.selected = True
        began = clock.monotonic()
        outcome = _NOT_REQUESTED
        for context in [None] if stream.partitions is None else stream.partitions:
            for _ in stream.get_records(context):
                pass
            outcome = run.progress.all_stats[-1].outcome
        milliseconds = round(1000 * (clock.monotonic() - began))
        rows.append((stream.name, _RESULTS.get(outcome, outcome), str(milliseconds)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, result, time in rows:
        line = f"{name:{widths[0]}}  {result:{widths[1]}}  {time:>{widths[2]}}"
        sys.stderr.write(f"{line}\n")
