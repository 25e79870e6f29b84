"""The tables: figures to reach, and every tool on every workload. Pure, Markdown."""

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
    sections: Mapping[str, str],
) -> str:
    """The whole page.

    Args:
        about: How it was measured.
        figures: What is to be reached.
        speeds: Every tool on every workload.
        rows: Rows of the run that rates are stated for.
        skipped: Tools that could not run, and why.
        sections: More tables, by title.
    """
    by_number = sorted(figures, key=lambda figure: int(figure.number))
    goals = table(
        ("#", "figure", "to reach", "measured"),
        ((one.number, one.what, one.reach, one.measured) for one in by_number),
    )
    tools = table(
        ("workload", "tool", "rows read", "CPU s / 100k", f"rec/s at {rows:,}", "peak MiB"),
        (
            (
                one.workload,
                one.tool,
                f"{one.rows:,}",
                f"{one.cpu_per_100k:.2f}",
                f"{one.rate_of(rows):,.0f}",
                f"{one.large.rss:.0f}",
            )
            for one in speeds
        ),
    )
    parts = [
        "# Benchmark",
        about,
        "## Figures to reach",
        goals,
        *(["## Every tool", tools] if speeds else []),
        *(part for title, text in sections.items() for part in (f"## {title}", text)),
        *(f"Left out: {name} ({why})." for name, why in skipped.items()),
    ]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
