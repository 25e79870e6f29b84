"""Tells the story: a full run, a day that passes, an incremental run; each one checked."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .compare import differences, due, growth
from .platforms import Platforms, PlatformsError, running
from .project import ALL_STREAMS, ROOT, Project, tap_settings
from .report import rows_per_day, say, table
from .streams import PROVIDERS, STREAMS
from .warehouse import as_kept, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .warehouse import Row

FOLDER = ROOT / "output" / "demo"
WAREHOUSE = FOLDER / "warehouse.duckdb"
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
    return 0


def _tell(platforms: Platforms) -> None:
    say(f"Four call platforms are simulated on {platforms.url}, {CALLS:,} calls in each.")
    settings = {**tap_settings(platforms.config), **ALL_STREAMS}
    project = Project(ROOT, FOLDER, {**settings, "TARGET_DUCKDB_FILEPATH": str(WAREHOUSE)})
    say("Meltano installs the tap and the loader for DuckDB ...")
    _meltano(project, "install", "tap-callexports", "target-duckdb")

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
    wrong = [
        line
        for stream in STREAMS
        for line in differences(
            stream, held[stream.name], as_kept(due(stream, platforms.truth(stream.name), end))
        )
    ]
    if wrong:
        lines = "\n  ".join(wrong[:_SHOWN_LINES])
        raise DemoError(f"{len(wrong)} differences between DuckDB and the platforms:\n  {lines}")
    rows = sum(map(len, held.values()))
    say(f"{rows:,} rows in DuckDB, each value equal to the platform's own.")
    return held


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
