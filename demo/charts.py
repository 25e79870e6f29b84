"""The report's charts. Their colours are readable on white and on black."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .insights import LENGTHS, WEEKDAYS, Insights
from .streams import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_PALETTE = ("#4c8bf5", "#f2994a", "#2fa37c", "#9b6dd6", "#d65f8f", "#8a9a3c", "#3ba7bd", "#b5794f")
_COLOURS = dict(zip(PROVIDERS, itertools.cycle(_PALETTE), strict=False))
_OUTCOMES = {
    "answered": ("answered", "#5f8291"),
    "ongoing": ("ongoing", "#a3bac4"),
    "abandoned": ("given up", "#e6c34a"),
    "no_answer": ("not answered", "#dd8a5b"),
    "failed": ("failed", "#c4504d"),
    "other": ("other", "#8d95a5"),
}
_TEXT, _GRID = "#7d8595", "rgba(125, 133, 149, 0.25)"


def days(seen: Insights) -> go.Figure:
    """Calls per day, one colour for each provider."""
    axis = sorted({day for _, day, _ in seen.days})
    figure = go.Figure()
    for provider in _providers(seen):
        counts = {day: calls for name, day, calls in seen.days if name == provider}
        figure.add_bar(
            name=PROVIDERS[provider],
            x=axis,
            y=[counts.get(day, 0) for day in axis],
            marker_color=_COLOURS[provider],
            hovertemplate="%{x|%a %d %b}: %{y:,} calls",
        )
    figure.update_layout(barmode="stack", xaxis={"tickformat": "%a %d %b", "dtick": 86_400_000})
    return _styled(figure)


def outcomes(seen: Insights) -> go.Figure:
    """How calls went, as shares of each provider's calls."""
    providers = _providers(seen)
    sums = {
        provider: sum(calls for name, _, calls in seen.outcomes if name == provider)
        for provider in providers
    }
    figure = go.Figure()
    for status, (label, colour) in _OUTCOMES.items():
        counts = {name: calls for name, found, calls in seen.outcomes if found == status}
        if counts:
            figure.add_bar(
                name=label,
                y=[PROVIDERS[provider] for provider in providers],
                x=[counts.get(provider, 0) / sums[provider] for provider in providers],
                customdata=[counts.get(provider, 0) for provider in providers],
                orientation="h",
                marker_color=colour,
                hovertemplate="%{y}: %{customdata:,} calls, %{x:.1%}",
            )
    figure.update_layout(
        barmode="stack",
        xaxis={"tickformat": ".0%", "range": [0, 1]},
        yaxis={"autorange": "reversed"},
    )
    _styled(figure, height=260)
    return figure.update_xaxes(showgrid=True).update_yaxes(showgrid=False)


def lengths(seen: Insights) -> go.Figure:
    """How long answered calls were, as shares of each provider's."""
    axis = [name for _, name in LENGTHS]
    figure = go.Figure()
    for provider in _providers(seen):
        counts = {length: calls for name, length, calls in seen.lengths if name == provider}
        total = sum(counts.values()) or 1
        figure.add_bar(
            name=PROVIDERS[provider],
            x=axis,
            y=[counts.get(length, 0) / total for length in axis],
            customdata=[counts.get(length, 0) for length in axis],
            marker_color=_COLOURS[provider],
            hovertemplate="%{x}: %{customdata:,} calls, %{y:.1%}",
        )
    figure.update_layout(barmode="group", yaxis={"tickformat": ".0%"})
    return _styled(figure)


def hours(seen: Insights) -> go.Figure:
    """Calls by weekday and hour, on average."""
    means = {(day, hour): round(calls, 1) for day, hour, calls in seen.hours}
    figure = go.Figure(
        go.Heatmap(
            x=[f"{hour:02d}" for hour in range(24)],
            y=list(WEEKDAYS),
            z=[[means.get((day, hour), 0) for hour in range(24)] for day in range(7)],
            colorscale=[[0, "rgba(76, 139, 245, 0.06)"], [1, "rgba(76, 139, 245, 1)"]],
            xgap=2,
            ygap=2,
            colorbar={"outlinewidth": 0, "thickness": 10},
            hovertemplate="%{y} %{x}:00 UTC: %{z:,.1f} calls<extra></extra>",
        )
    )
    figure.update_layout(xaxis={"type": "category"}, yaxis={"autorange": "reversed"})
    _styled(figure, height=300)
    return figure.update_yaxes(showgrid=False)


def costs(seen: Insights) -> go.Figure:
    """Cost per day; each provider and currency has a scale of its own."""
    billed = {(provider, currency) for provider, currency, _, _ in seen.costs}
    groups = sorted(billed, key=lambda group: (list(PROVIDERS).index(group[0]), group[1]))
    figure = make_subplots(
        rows=1, cols=max(1, len(groups)), subplot_titles=[_billed(*group) for group in groups]
    )
    for column, (provider, currency) in enumerate(groups, start=1):
        found = [row for row in seen.costs if row[:2] == (provider, currency)]
        figure.add_bar(
            row=1,
            col=column,
            name=PROVIDERS[provider],
            x=[day for *_, day, _ in found],
            y=[round(cost, 4) for *_, cost in found],
            marker_color=_COLOURS[provider],
            hovertemplate="%{x|%a %d %b}: %{y:,.2f}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(tickformat="%d %b", nticks=4)
    figure.update_annotations(font={"size": 13, "color": _TEXT})
    return _styled(figure, height=280, top=36)


def _billed(provider: str, currency: str) -> str:
    return f"{PROVIDERS[provider]}, {currency or 'currency not said'}"


def _providers(seen: Insights) -> Sequence[str]:
    found = {provider for provider, _, _ in seen.outcomes}
    return [provider for provider in PROVIDERS if provider in found]


def _styled(figure: go.Figure, *, height: int = 340, top: int = 8) -> go.Figure:
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 8, "r": 8, "t": top, "b": 8},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": _TEXT},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        bargap=0.25,
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
    )
    both = {"automargin": True, "gridcolor": _GRID, "zeroline": False, "ticklabelstandoff": 6}
    figure.update_xaxes(showgrid=False, **both)
    figure.update_yaxes(**both)
    return figure
