"""The tables in Markdown: every tool on every workload, and the other figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.figures import Figure
    from benchmarks.speed import Speed


def markdown(
    about: str,
    figures: Sequence[Figure],
    speeds: Sequence[Speed],
    rows: int,
    skipped: Mapping[str, str],
) -> str:
    """The whole page; the first of `speeds` in each workload is the tap, rates are at `rows`."""
    ours: dict[str, Speed] = {}
    for speed in speeds:
        ours.setdefault(speed.workload, speed)
    tools = table(
        (
            "workload",
            "tool",
            "rows read",
            "CPU s / 100k",
            "CPU / ours",
            f"rows/s at {rows:,}",
            "MiB",
        ),
        (
            (
                one.workload,
                one.tool,
                f"{one.rows:,}",
                f"{one.cpu_per_100k:.2f}",
                f"{one.cpu_of(rows) / ours[one.workload].cpu_of(rows):.1f}",
                f"{one.rate_of(rows):,.0f}",
                f"{one.large.rss:.0f}",
            )
            for one in speeds
        ),
    )
    others = table(("figure", "measured"), ((one.what, one.measured) for one in figures))
    parts = [
        "# Benchmark",
        about,
        *([f"## Tools, rates at {rows:,} rows", tools] if speeds else []),
        *(["## Other figures", others] if figures else []),
        *(f"Left out: {name} ({why})." for name, why in skipped.items()),
    ]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
