"""Tells the story: a full run, a day that passes, an incremental run, one table; each checked."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import calls_model
from .compare import differences, due, growth
from .expected import STREAMS as CALL_STREAMS
from .expected import expected
from .platforms import Platforms, PlatformsError, running
from .project import ALL_STREAMS, ROOT, Project, tap_settings
from .report.insights import insights
from .report.page import page
from .streams import PROVIDERS, STREAMS
from .terminal import rows_per_day, say, table
from .warehouse import as_kept, tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .streams import Stream
    from .warehouse import Row

FOLDER = ROOT / "output" / "demo"
WAREHOUSE = FOLDER / "warehouse.duckdb"
REPORT = FOLDER / "report.html"
SCHEMA = "raw_calls"

CALLS, DAYS = 1000, 7
# The clock is simulated too, so that every demo gives the same numbers.
FIRST_END, SECOND_END = "2024-06-10T00:00:00.000000Z", "2024-06-11T00:00:00.000000Z"

_SHOWN_LINES = 20


class DemoError(Exception):
    """Something is not as it must be."""


_FAILURES = (
    DemoError,
    PlatformsError,
    OSError,  # no Meltano, no answer from the platforms, no room on the disk
    subprocess.TimeoutExpired,
)


@dataclass(frozen=True)
class Effort:
    """What a run has cost."""

    seconds: float
    requests: dict[str, int]


def main() -> int:
    """Run the demo; the exit code says whether all was as it must be."""
    began = time.monotonic()
    try:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        with running(FOLDER, rows=CALLS, days=DAYS, end=FIRST_END) as platforms:
            _tell(platforms)
    except _FAILURES as error:
        say(f"\nFAILED: {error}")
        return 1
    say(f"Done in {time.monotonic() - began:.0f} s. Look around: {WAREHOUSE.relative_to(ROOT)}")
    say(f"Open in a browser: {REPORT.relative_to(ROOT)}")
    return 0


def _tell(platforms: Platforms) -> None:
    say(f"{len(PROVIDERS)} platforms are simulated on {platforms.url}, {CALLS:,} calls in each.")
    settings = {**tap_settings(platforms.config), **ALL_STREAMS}
    files = {"TARGET_DUCKDB_FILEPATH": str(WAREHOUSE), "DBT_DUCKDB_PATH": str(WAREHOUSE)}
    project = Project(ROOT, FOLDER, {**settings, **files})
    say("Meltano installs the tap, the loader for DuckDB, and dbt ...")
    _meltano(project, "install", "tap-callexports", "target-duckdb", "dbt-duckdb")

    say("First run: all there is ...")
    first_effort = _run(project, platforms, FIRST_END)
    first = _checked(platforms, FIRST_END)
    say(f"\n{rows_per_day(STREAMS, first)}\n")

    say("A day passes: new calls, calls filed late, calls that ended or were billed meanwhile.")
    platforms.grow(SECOND_END)
    say("Second run: only what is new ...")
    second_effort = _run(project, platforms, SECOND_END)
    second = _checked(platforms, SECOND_END)
    say(f"\n{_growth_table(first, second)}\n")
    _check_growth(first, second)
    say(f"{_effort_table(first_effort, second_effort)}\n")

    say("One table of all calls: dbt makes and tests it ...")
    _meltano(project, "run", "dbt-duckdb:build")
    say(f"\n{_calls_table(_checked_model(platforms))}\n")
    html = page(insights(str(WAREHOUSE), calls_model.SCHEMA), note="Simulated calls.")
    REPORT.write_text(html, encoding="utf-8")


def _run(project: Project, platforms: Platforms, end: str) -> Effort:
    before = {name: platforms.requests(name) for name in PROVIDERS}
    began = time.monotonic()
    _meltano(project, "run", "tap-callexports", "target-duckdb", TAP_CALLEXPORTS_END_DATE=end)
    took = time.monotonic() - began
    return Effort(took, {name: platforms.requests(name) - before[name] for name in PROVIDERS})


def _meltano(project: Project, *arguments: str, **settings: str) -> None:
    """Run a command that has to succeed."""
    outcome = project.meltano(*arguments, **settings)
    if outcome.code:
        tail = "\n".join(outcome.log.splitlines()[-_SHOWN_LINES:])
        raise DemoError(f"meltano {' '.join(arguments)} exited with {outcome.code}:\n{tail}")


def _checked(platforms: Platforms, end: str) -> dict[str, list[Row]]:
    """All tables, each found equal to what the platforms hold."""
    held = tables(WAREHOUSE, SCHEMA)
    if set(held) != {stream.name for stream in STREAMS}:
        raise DemoError(f"the tables in DuckDB are {', '.join(sorted(held))}")
    _all_equal(
        line
        for stream in STREAMS
        for line in differences(stream, held[stream.name], _truth(platforms, stream, end))
    )
    rows = sum(map(len, held.values()))
    say(f"{rows:,} rows in DuckDB, each value equal to the platform's own.")
    return held


def _checked_model(platforms: Platforms) -> dict[str, calls_model.Totals]:
    """What the one table adds up to, each value in it found equal to the platform's own."""
    rows = {
        stream.name: _truth(platforms, stream, SECOND_END)
        for stream in STREAMS
        if stream.name in CALL_STREAMS
    }
    due_calls, held = expected(rows), calls_model.calls(WAREHOUSE)
    _all_equal(calls_model.differences(held, due_calls))
    say(f"{len(held):,} calls in one table, each value as the platforms' own records tell it.")
    return calls_model.totals(held)


def _truth(platforms: Platforms, stream: Stream, end: str) -> list[Row]:
    """What DuckDB has to hold of a stream after a run with this `end_date`."""
    return as_kept(due(stream, platforms.truth(stream.name), end))


def _all_equal(wrong: Iterable[str]) -> None:
    lines = list(wrong)
    if lines:
        shown = "\n  ".join(lines[:_SHOWN_LINES])
        raise DemoError(f"{len(lines)} differences between DuckDB and the platforms:\n  {shown}")


def _calls_table(totals: Mapping[str, calls_model.Totals]) -> str:
    head = ["calls by provider", "calls", "answered", "not answered", "failed", "ongoing", "hours"]
    rows = [
        [name, *amounts[:5], f"{amounts.seconds / 3600:,.1f}"] for name, amounts in totals.items()
    ]
    return table(head, rows)


def _growth_table(first: Mapping[str, list[Row]], second: Mapping[str, list[Row]]) -> str:
    rows = []
    for stream in STREAMS:
        before, after = first[stream.name], second[stream.name]
        seen = growth(stream, before, after, FIRST_END)
        rows.append([stream.name, len(before), seen.added, seen.late, seen.changed, len(after)])
    head = ["rows", "before", "added", "(late)", "changed", "after"]
    return table(head, rows, total=True)


def _effort_table(first: Effort, second: Effort) -> str:
    rows = [
        [name, *effort.requests.values(), sum(effort.requests.values()), f"{effort.seconds:.1f}"]
        for name, effort in (("first run", first), ("second run", second))
    ]
    return table(["requests", *PROVIDERS, "total", "seconds"], rows)


def _check_growth(
    first: Mapping[str, list[Row]],
    second: Mapping[str, list[Row]],
) -> None:
    """The second run must have had something of each kind to do at each platform."""
    for provider in PROVIDERS:
        seen = [
            growth(stream, first[stream.name], second[stream.name], FIRST_END)
            for stream in STREAMS
            if stream.provider == provider
        ]
        added, late, changed = (sum(kind) for kind in zip(*seen, strict=True))
        if not (added > late > 0 and changed):
            raise DemoError(
                f"{provider}: the day brought {added} new rows, {late} of them late, and changed "
                f"{changed}; the second run shows nothing"
            )


if __name__ == "__main__":
    sys.exit(main())
