"""The report: one HTML page that holds all it needs, and asks no network for anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from plotly.offline import get_plotlyjs

from . import charts
from .streams import PROVIDERS

if TYPE_CHECKING:
    from .insights import Insights


@dataclass(frozen=True)
class Section:
    """One chart with what is said about it."""

    name: str
    title: str
    caption: str
    figure: dict[str, Any]


def page(seen: Insights) -> str:
    """The whole page as HTML."""
    sections = _sections(seen)
    first, last = min(day for _, day, _ in seen.days), max(day for _, day, _ in seen.days)
    return _PAGE.format(
        style=_STYLE,
        providers=escape(", ".join(PROVIDERS.values())),
        period=f"{first} to {last}, UTC",
        cards="".join(_card(*card) for card in _headlines(seen)),
        sections="".join(_section(section) for section in sections),
        figures=_as_script({section.name: section.figure for section in sections}),
        plotly=get_plotlyjs(),
        draw=_DRAW,
    )


def _headlines(seen: Insights) -> list[tuple[str, str]]:
    minutes, seconds = divmod(round(seen.median_seconds), 60)
    return [
        (f"{seen.calls:,}", "calls"),
        (f"{seen.answered / seen.calls:.0%}", "answered"),
        (f"{seen.missed:,}", "not answered or given up"),
        (f"{seen.talked_hours:,.0f} h", "talked"),
        (f"{minutes}:{seconds:02d}", "median length (min:s)"),
    ]


def _sections(seen: Insights) -> list[Section]:
    undated = f" {seen.unstarted:,} calls never started, so they have no day."
    parts = [
        ("days", "Calls per day", f"By the day on which they started.{undated}", charts.days),
        ("outcomes", "How calls went", "Share of each provider's calls.", charts.outcomes),
        ("lengths", "How long they were", "Share of the answered calls.", charts.lengths),
        (
            "hours",
            "Busiest hours",
            "Calls an hour by weekday, on average; by their start.",
            charts.hours,
        ),
        ("costs", "Cost per day", "Of the providers that report costs.", charts.costs),
    ]
    return [
        Section(name, title, caption, json.loads(chart(seen).to_json()))
        for name, title, caption, chart in parts
    ]


def _card(figure: str, label: str) -> str:
    return f"<div class='card'><b>{escape(figure)}</b><span>{escape(label)}</span></div>\n"


def _section(section: Section) -> str:
    return (
        f"<section><h2>{escape(section.title)}</h2><p>{escape(section.caption)}</p>"
        f"<div class='chart' id='{section.name}' role='img' aria-label='{escape(section.title)}'>"
        "</div></section>\n"
    )


def _as_script(value: object) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")


_STYLE = """
:root { color-scheme: light dark; --line: rgba(125, 133, 149, .3); --quiet: #7d8595; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 0; }
p { margin: 0 0 .5rem; color: var(--quiet); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; }
.cards, section { margin-top: 1.75rem; }
.card { border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.6rem; line-height: 1.2; }
.card span { color: var(--quiet); font-size: .85rem; }
section { border-top: 1px solid var(--line); padding-top: 1rem; }
"""

_DRAW = """
const figures = JSON.parse(document.getElementById('figures').textContent);
for (const [name, figure] of Object.entries(figures)) {
  Plotly.newPlot(name, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>All calls</title>
<style>{style}</style>
</head>
<body>
<h1>All calls</h1>
<p>{providers} in one table. Simulated calls, {period}.</p>
<div class="cards">
{cards}</div>
{sections}<noscript>The charts need JavaScript; it is in this file.</noscript>
<script id="figures" type="application/json">{figures}</script>
<script>{plotly}</script>
<script>{draw}</script>
</body>
</html>
"""
